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

  local function check(case, peer)
    local head = peer:read_until("\r\n\r\n")
    assert.equal(tostring(case.status), head:match("^HTTP/1.1 (%d+) %u"))
    local function field(name) return head:match("\r\n" .. name .. ": ([^\r]*)\r\n") end
    if case.status ~= 101 then
      local body, ending = peer:read_all()
      assert.equal(texts[case.error] .. "\n", body)
      assert.equal("eof", ending) -- the server ends TCP
      assert.equal(tostring(#body), field "Content%-Length")
      assert.equal("close", field "Connection" :match "close")
    end
    assert.equal(case.status == 426 and "13" or nil, field "Sec%-WebSocket%-Version")
    local upgrades = case.status == 101 or case.status == 426
    assert.equal(upgrades and "websocket" or nil, field "Upgrade")
    local accept = field "Sec%-WebSocket%-Accept"
    assert.equal(case.status == 101, accept ~= nil)
    if accept and case.request:find(raw.key, 1, true) then assert.equal(raw.accept, accept) end
    peer:close()
  end

  for _, case in ipairs(dofile "spec/vectors/handshake_request.lua") do
    it(case.name .. " (" .. case.section .. ")", function()
      check(case, raw.connect(server.port):send(case.request))
      check(case, raw.connect(server.port):drip(case.request, #case.request < 1000 and 7 or 999))
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
    local function check(size)
      local peer = listener:upgrade(case.response, "", size)
      local conn, message, code = ws.connect("ws://127.0.0.1:" .. listener.port,
        { protocols = offer.protocols, timeout = 60, max_redirects = 0 })
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
    end

    it(case.name .. " (" .. case.section .. ")", function()
      check()
      check(#case.response < 1000 and 7 or 999)
    end)
  end
end)
