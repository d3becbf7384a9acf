-- server:drain: an end that is spread over time.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

describe("server:drain", function()
  teardown(raw.end_specs)
  after_each(raw.wait_for_end)

  local server, closed
  before_each(function() closed = {} end)

  -- A server and so many clients; what each is told, and when, is kept in order.
  local function serve(count)
    server = assert(ws.serve { port = 0, on_message = print })
    local open = 0
    for _ = 1, count do
      assert(ws.connect("ws://127.0.0.1:" .. server.port, {
        on_open = function() open = open + 1 end,
        on_close = function(_, code, reason) closed[#closed + 1] = { ws.now(), code, reason } end,
      }))
    end
    helper.wait_until(function() return open == count end)
  end

  it("stops accepting at once and closes all, one after the other", function()
    serve(6)
    local began, port = ws.now(), server.port
    server:drain { over = 0.6, reason = "update" }
    assert.is_false(server.listening)
    assert.equal("ECONNREFUSED", (select(3, ws.connect("ws://127.0.0.1:" .. port))))
    ws.run() -- returns, so nothing is left
    assert.equal(6, #closed)
    for i, entry in ipairs(closed) do
      assert.same({ 1012, "update" }, { entry[2], entry[3] })
      assert.is_true(entry[1] >= began + (i - 1) * 0.1 - 0.02)
    end
  end)

  it("tells clients the code and the reason", function()
    server = assert(ws.serve { port = 0, on_message = print })
    local peer = raw.open(server.port)
    server:drain { over = 0.01, code = 4001, reason = "bye" }
    local opcode, payload = peer:frame()
    assert.same({ 8, raw.close_payload(4001, "bye") }, { opcode, payload })
    peer:close()
  end)

  it("ends early when all are gone", function()
    serve(1)
    local began = ws.now()
    server:drain { over = 60 }
    ws.run()
    assert.is_true(ws.now() < began + 30)
    assert.equal(1, #closed)
  end)

  it("closes at once without a time, and without connections", function()
    serve(3)
    server:drain { over = 0 }
    ws.run()
    assert.equal(3, #closed)
    serve(0)
    server:drain()
    ws.run()
    assert.is_false(server.listening)
  end)

  it("ends requests that are under way when the time is over", function()
    server = assert(ws.serve { port = 0, on_message = print })
    local open = raw.open(server.port)
    local slow = raw.connect(server.port):send("GET / HTTP/1.1\r\n")
    helper.wait_until(function() return server:stats().connections == 2 end)
    server:drain { over = 0.1 }
    assert.equal(8, (open:frame()))
    open:close()
    assert.matches("^HTTP/1.1 503 ", (slow:read_all()))
    slow:close()
    ws.run()
  end)

  it("can be hurried, by stop or by another drain", function()
    for _, way in ipairs { "stop", "drain" } do
      closed = {}
      serve(5)
      local began = ws.now()
      server:drain { over = 60 }
      helper.wait_until(function() return #closed == 1 end)
      server[way](server, way == "drain" and { over = 0.1 } or nil)
      ws.run()
      assert.equal(5, #closed)
      assert.is_true(ws.now() < began + 30)
    end
  end)

  it("says what is wrong with its options", function()
    serve(0)
    assert.error_matches(function() server:drain { code = 1006 } end,
      "code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999, not 1006")
    assert.error_matches(function() server:drain { reason = "\255" } end,
      "reason must be UTF%-8 of at most 123 bytes")
    assert.error_matches(function() server:drain { ove = 1 } end, "did you mean 'over'%?")
    server:stop()
  end)
end)
