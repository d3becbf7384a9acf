-- How connections end: codes and reasons both ways, time limits, who ends TCP, and that each that
-- opened is closed exactly once.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server, closes

local function note_close(_, code, reason) closes[#closes + 1] = { code, reason } end

local function serve(options)
  options.port, options.on_close = 0, options.on_close or note_close
  server = assert(ws.serve(options))
  return server
end

local function wait_for_close(count)
  helper.wait_until(function() return #closes >= (count or 1) end, "on_close")
end

local function before()
  server, closes = nil, {}
end

local function after()
  if server then server:stop() end
  raw.wait_for_end()
end

local function end_specs()
  server = nil
  raw.stop()
  helper.check_leaks()
end

describe("a server", function()
  teardown(end_specs)
  before_each(before)
  after_each(after)

  local function closed_with(...)
    local arguments = { n = select("#", ...), ... }
    serve { on_open = function(conn)
      if arguments.n == 0 then conn:close() else conn:close(arguments[1], arguments[2]) end
    end }
    local peer = raw.open(server.port)
    local opcode, payload = peer:frame()
    assert.equal(8, opcode)
    assert.same({}, closes) -- not before the peer answered
    peer:send(raw.client_frame(8, payload))
    wait_for_close()
    assert.same({ "", "eof" }, { peer:read_all() }) -- the server ends TCP first
    peer:close()
    return payload
  end

  it("closes with 1000", function()
    assert.equal("\3\232", closed_with())
    assert.same({ { 1000, "" } }, closes)
  end)

  it("closes with a code and a reason", function()
    assert.equal("\15\160why \195\164", closed_with(4000, "why \195\164"))
    assert.same({ { 4000, "why \195\164" } }, closes)
  end)

  it("closes without a code", function()
    assert.equal("", closed_with(1005))
    assert.same({ { 1005, "" } }, closes)
  end)

  it("answers the peer's code, and tells code and reason", function()
    local pairs_of = { { 1000, "" }, { 1001, "going" }, { 3000, "x" }, { 4999, ("r"):rep(123) } }
    for _, close in ipairs(pairs_of) do
      serve {}
      local peer = raw.open(server.port)
      peer:send(raw.client_frame(8, raw.close_payload(close[1], close[2])))
      local code, _, ending = peer:read_close()
      assert.same({ close[1], "eof" }, { code, ending })
      assert.same({ close }, closes)
      peer:close()
      after()
      before()
    end
  end)

  it("answers a close frame without a code with one", function()
    serve {}
    local peer = raw.open(server.port):send(raw.client_frame(8, ""))
    assert.same({ nil, "", "eof" }, { peer:read_close() })
    assert.same({ { 1005, "" } }, closes)
    peer:close()
  end)

  it("refuses codes that must not be sent", function()
    for _, code in ipairs { 0, 999, 1004, 1005, 1006, 1015, 2999, 5000, 65535 } do
      serve {}
      local peer = raw.open(server.port):send(raw.client_frame(8, raw.close_payload(code)))
      assert.equal(1002, (peer:read_close()))
      assert.equal(1002, closes[1][1])
      peer:close()
      after()
      before()
    end
  end)

  it("tells that the peer went without a close frame", function()
    serve {}
    raw.open(server.port):close()
    wait_for_close()
    assert.same({ { 1006, "the peer ended the connection without a close frame" } }, closes)
  end)

  it("tells that the peer only ended its direction", function()
    serve {}
    local peer = raw.open(server.port):half_close()
    wait_for_close()
    assert.equal(1006, closes[1][1])
    assert.equal("eof", (select(2, peer:read_all())))
    peer:close()
  end)

  it("tells that the peer reset the connection", function()
    serve {}
    raw.open(server.port):reset()
    wait_for_close()
    assert.same({ { 1006, "connection reset by peer (ECONNRESET)" } }, closes)
  end)

  it("may close in on_open, before messages of the same segment", function()
    local messages = 0
    serve {
      on_open = function(conn) conn:close(3000) end,
      on_message = function() messages = messages + 1 end,
    }
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "x")
      .. raw.client_frame(8, raw.close_payload(3001)))
    peer:read_until("\r\n\r\n")
    assert.equal(3000, (peer:read_close()))
    assert.same({ { 3001, "" } }, closes)
    assert.equal(0, messages)
    peer:close()
  end)

  it("may close and terminate in on_message; nothing is called after it", function()
    for _, how in ipairs { "terminate", "close" } do
      local messages = 0
      serve {
        on_message = function(conn)
          messages = messages + 1
          conn[how](conn)
          assert.same({ nil, "the connection is not open", "CLOSED" }, { conn:send("x") })
          assert.equal("CLOSED", (select(3, conn:ping())))
          assert.equal(how == "close" and "closing" or "closed", conn.state)
          conn:terminate()
          conn:close(4000)
        end,
      }
      local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "x"):rep(3))
      wait_for_close()
      assert.same({ { 1006, "terminated" } }, closes)
      assert.equal(1, messages)
      peer:close()
      after()
      before()
    end
  end)

  it("sends everything before its close frame", function()
    serve { on_open = function(conn)
      for i = 1, 100 do conn:send(tostring(i)) end
      conn:close(1000, "done")
    end }
    local peer = raw.open(server.port)
    for i = 1, 100 do assert.equal(tostring(i), (select(2, peer:frame()))) end
    peer:send(raw.client_frame(8, "\3\232"))
    assert.same({ 1000, "done", "eof" }, { peer:read_close() })
    peer:close()
  end)

  it("gives a peer that does not answer its close frame close_timeout", function()
    serve { close_timeout = 0.05, on_open = function(conn) conn:close(1000) end }
    local peer = raw.open(server.port)
    assert.equal(1000, (peer:read_close()))
    assert.same({ { 1006, "the closing handshake timed out" } }, closes)
    peer:close()
  end)

  it("does not wait longer than that for the peer to end TCP", function()
    serve { close_timeout = 0.05 }
    local peer = raw.open(server.port):send(raw.client_frame(8, "\3\232"))
    assert.same({ 1000, "", "eof" }, { peer:read_close() })
    assert.same({ { 1000, "" } }, closes)
    helper.wait_until(function() return core.leaks().connections == 0 end)
    peer:close()
  end)

  it("ignores what comes after the peer's close frame", function()
    local messages = 0
    serve { on_message = function() messages = messages + 1 end }
    local peer = raw.open(server.port):send(raw.client_frame(8, "\3\232")
      .. raw.client_frame(1, "late"))
    assert.equal(1000, (peer:read_close()))
    assert.equal(0, messages)
    assert.same({ { 1000, "" } }, closes)
    peer:close()
  end)

  it("takes close frames that cross", function()
    serve { on_message = function(conn) conn:close(3000) end }
    local peer = raw.open(server.port)
    peer:send(raw.client_frame(1, "x") .. raw.client_frame(8, raw.close_payload(3001, "mine")))
    assert.same({ 3000, "", "eof" }, { peer:read_close() })
    assert.same({ { 3001, "mine" } }, closes)
    peer:close()
  end)

  it("that stops closes everyone with 1001, and who has not asked yet", function()
    serve { on_open = function() end }
    local silent = raw.connect(server.port)
    local asking = raw.connect(server.port):send("GET / HTTP/1.1\r\n")
    asking:wait()
    local peer = raw.open(server.port)
    helper.wait_until(function() return server:stats().connections == 3 end)
    server:stop()
    assert.same({ 8, "\3\233", true }, { peer:frame() })
    peer:send(raw.client_frame(8, "\3\233"))
    wait_for_close()
    assert.same({ "", "eof" }, { silent:read_all() })
    assert.matches("^HTTP/1.1 503 .*the server is stopping\n$", (asking:read_all()))
    silent:close()
    asking:close()
    peer:close()
    helper.wait_until(function() return core.leaks().servers == 0 end)
  end)
end)

describe("server:stop", function()
  teardown(end_specs)
  before_each(before)
  after_each(after)

  it("takes a code and a reason, and raises on those that cannot be sent", function()
    serve {}
    local message = "stop: the code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999, "
      .. "the reason UTF-8 of at most 123 bytes"
    for _, code in ipairs { -1, 0, 1000.5, 1005, 1006, 5000 } do
      assert.has_error(function() server:stop(code) end, message)
    end
    assert.has_error(function() server:stop(1012, ("x"):rep(124)) end, message)
    assert.is_true(server.listening)
    local peer = raw.open(server.port)
    server:stop(1012, "back soon")
    assert.is_false(server.listening)
    assert.same({ 8, raw.close_payload(1012, "back soon"), true }, { peer:frame() })
    server:stop() -- again: nothing happens
    peer:close()
  end)
end)

describe("a client", function()
  local listener
  setup(function() listener = raw.listen() end)
  teardown(function()
    listener:close()
    end_specs()
  end)
  before_each(before)
  after_each(after)

  local function connect(options)
    local opened
    options = options or {}
    options.on_open, options.on_close = function(conn) opened = conn end, note_close
    assert(ws.connect("ws://127.0.0.1:" .. listener.port, options))
    local peer = listener:upgrade()
    helper.wait_until(function() return opened end)
    return opened, peer
  end

  it("waits for the server to end TCP", function()
    local conn, peer = connect()
    conn:close(3000, "bye")
    assert.same({ 8, raw.close_payload(3000, "bye"), true }, { peer:frame() })
    peer:send(raw.server_frame(8, raw.close_payload(3000, "bye")))
    wait_for_close()
    assert.same({ { 3000, "bye" } }, closes)
    core.step(0.02)
    assert.equal(1, core.leaks().connections)
    peer:half_close()
    assert.same({ "", "eof" }, { peer:read_all() })
    peer:close()
  end)

  it("waits at most close_timeout", function()
    local _, peer = connect { close_timeout = 0.05 }
    peer:send(raw.server_frame(8, raw.close_payload(1001)))
    assert.same({ 1001, "", "eof" }, { peer:read_close() })
    assert.same({ { 1001, "" } }, closes)
    peer:close()
  end)

  it("notices each way that a server goes", function()
    for how, reason in pairs {
      close = "the peer ended the connection without a close frame",
      half_close = "the peer ended the connection without a close frame",
      reset = "connection reset by peer (ECONNRESET)",
    } do
      local _, peer = connect()
      peer[how](peer)
      wait_for_close()
      assert.same({ { 1006, reason } }, closes)
      if how == "half_close" then peer:close() end
      before()
    end
  end)

  it("fails a server that breaks a rule", function()
    local _, peer = connect { on_error = function(_, _, code) closes[1] = code end }
    peer:send(raw.client_frame(1, "masked"))
    assert.same({ 8, "\3\234a frame from the server is masked", true }, { peer:frame() })
    peer:close()
    wait_for_close(2)
    assert.same({ "MASKED", { 1002, "a frame from the server is masked" } }, closes)
  end)
end)

describe("close", function()
  teardown(end_specs)
  before_each(before)
  after_each(after)

  it("raises on a code or reason that cannot be sent", function()
    serve {}
    local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    local message = "close: the code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999, "
      .. "the reason UTF-8 of at most 123 bytes"
    for _, code in ipairs { -1, 0, 999, 1000.5, 1004, 1006, 1015, 2999, 5000, 2 ^ 31, 0 / 0 } do
      assert.has_error(function() conn:close(code) end, message)
    end
    assert.has_error(function() conn:close(1000, ("x"):rep(124)) end, message)
    assert.has_error(function() conn:close(1000, "\255") end, message)
    assert.equal("open", conn.state)
    assert.is_true(conn:close(1000, ("x"):rep(123)))
    assert.is_true(conn:close(1000)) -- again: nothing happens
    wait_for_close()
    assert.same({ { 1000, ("x"):rep(123) } }, closes)
    assert.equal("closed", (conn:receive(30) or conn).state)
    assert.is_true(conn:close())
    conn:terminate()
  end)

  it("comes exactly once for each that opened, however it ends", function()
    local opened, closed, twice = 0, 0, 0
    local function count_close(conn)
      closed = closed + 1
      if conn.seen then twice = twice + 1 end
      conn.seen = true
    end
    local function count_open() opened = opened + 1 end
    local ends = {
      function(conn) conn:close() end,
      function(conn) conn:terminate() end,
      function(conn) conn:send("x") conn:close(3000) conn:terminate() end,
      function(conn) conn:ping() conn:pause() conn:close() end,
      function() error("x") end,
    }
    local random = 7
    local function some_end(conn)
      random = random * 16807 % 2147483647
      return ends[random % #ends + 1](conn)
    end
    serve {
      on_open = function(conn)
        count_open()
        if conn.request.path == "/open" then some_end(conn) end
      end,
      on_message = some_end, on_close = count_close, on_error = function() end,
    }
    for i = 1, 200 do
      local url = ("ws://127.0.0.1:%d/%s"):format(server.port, i % 4 == 0 and "open" or "")
      ws.connect(url, {
        on_open = function(conn)
          count_open()
          conn:send("end")
          if i % 2 == 0 then some_end(conn) end
        end,
        on_close = count_close, on_error = function() end,
      })
    end
    helper.wait_until(function() return core.leaks().connections == 0 end)
    assert.is_true(opened > 200)
    assert.equal(opened, closed)
    assert.equal(0, twice)
  end)
end)
