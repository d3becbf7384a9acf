-- Replays the transcripts of opening handshakes (spec/vectors) over sockets: a server's status and
-- words, a client's error and the subprotocol.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local texts = {}
local entry = 'X%(([%w_]+), %d+,%s+\\?%s*"([^\n]-)"%)'
for id, text in helper.read("core/proto/error.h"):gmatch(entry) do
  texts[id] = text
end

describe("a server's answer to", function()
  local server
  setup(function() server = assert(ws.serve { port = 0, on_open = function() end }) end)
  teardown(function()
    server:stop()
    raw.wait_for_end()
    raw.stop()
    helper.check_leaks()
  end)

  for _, case in ipairs(dofile "spec/vectors/handshake_request.lua") do
    it(case.name .. " (" .. case.section .. ")", function()
      local peer = raw.connect(server.port):send(case.request)
      local head = peer:read_until("\r\n\r\n")
      assert.equal(tostring(case.status), head:match("^HTTP/1.1 (%d+) "))
      if case.status ~= 101 then
        local body, ending = peer:read_all()
        assert.equal(texts[case.error] .. "\n", body)
        assert.equal("eof", ending)
        assert.equal(tostring(#body), head:match("\r\nContent%-Length: (%d+)\r\n"))
      end
      peer:close()
    end)
  end
end)

describe("a client's view of", function()
  local listener
  setup(function() listener = raw.listen() end)
  teardown(function()
    listener:close()
    raw.wait_for_end()
    raw.stop()
    helper.check_leaks()
  end)

  for _, case in ipairs(dofile "spec/vectors/handshake_response.lua") do
    local offer = case.offer or {}
    -- A client that offers no extension is told of one that it did not offer.
    it(case.name .. " (" .. case.section .. ")", function()
      local peer = listener:upgrade(case.response, "")
      local conn, message, code = ws.connect("ws://127.0.0.1:" .. listener.port,
        { protocols = offer.protocols, timeout = 5 })
      assert.equal(case.error, code)
      if conn then
        assert.equal(case.protocol, conn.protocol)
        assert.equal("open", conn.state)
        conn:terminate()
      else
        assert.equal(texts[case.error], message:sub(1, #texts[case.error]))
      end
      peer:close()
      helper.wait_until(function() return core.leaks().connections == 0 end)
    end)
  end
end)
