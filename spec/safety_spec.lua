-- Nothing that a script does wrong takes the process down: handlers that throw, exit, stop or close
-- whatever they find. What may end the process runs in one of its own.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server

local function serve(options)
  options.port = 0
  server = assert(ws.serve(options))
  return server
end

local function after()
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
end

local function expect_1011(peer)
  local opcode, payload
  repeat opcode, payload = peer:frame() until opcode == 8 or not opcode
  assert.equal("\3\243", payload) -- the code alone
  peer:close()
end

describe("a handler that throws", function()
  teardown(raw.end_specs)
  after_each(after)

  -- What makes the server call each handler.
  local triggers = {
    on_open = "",
    on_message = raw.client_frame(1, "x"),
    on_chunk = raw.client_frame(1, "x"),
    on_ping = raw.client_frame(9, "x"),
    on_pong = raw.client_frame(10, "x"),
  }

  for name, bytes in pairs(triggers) do
    it("as " .. name .. " ends its connection with 1011, and nothing else", function()
      local closes, broken = {}, true
      local handlers = { on_close = function(_, ...) closes[#closes + 1] = { ... } end }
      handlers[name] = function() if broken then error("a secret") end end
      serve(handlers)
      broken = false
      local other = raw.open(server.port)
      helper.wait_until(function() return server:stats().open == 1 end)
      broken = true
      local reports = helper.reports_of(function()
        expect_1011(raw.open(server.port):send(bytes))
        helper.wait_until(function() return closes[1] end)
      end)
      assert.same({ { 1011, "an error in a handler" } }, closes)
      assert.equal(1, #reports)
      assert.matches("^[^\n]*safety_spec.lua:%d+: a secret\nstack traceback:\n", reports[1])
      broken = false
      other:send(raw.client_frame(9, "alive"))
      assert.same({ 10, "alive", true }, { other:frame() })
      other:close()
    end)
  end

  it("is not called again for what came in the same read", function()
    local seen, closes = {}, {}
    serve {
      on_message = function(conn, message)
        seen[#seen + 1] = message
        if message == "b" then error "a secret" end
        conn:send(message)
      end,
      on_ping = function() seen[#seen + 1] = "a ping" end,
      on_close = function(_, code) closes[#closes + 1] = code end,
    }
    local frame = raw.client_frame
    local reports = helper.reports_of(function()
      local peer = raw.open(server.port):send(frame(1, "a") .. frame(1, "b") .. frame(1, "c")
        .. frame(9, "d") .. frame(8, raw.close_payload(1000)))
      assert.same({ 1, "a", true }, { peer:frame() })
      expect_1011(peer)
      helper.wait_until(function() return closes[1] end)
    end)
    assert.same({ "a", "b" }, seen)
    assert.same({ 1011 }, closes)
    assert.equal(1, #reports)
  end)

  it("tells on_error instead of the report, when there is one", function()
    local errors = {}
    serve {
      on_message = function() error("a secret") end,
      on_error = function(conn, message, code)
        errors[#errors + 1] = code
        assert.equal("open", conn.state)
        assert.matches("a secret\nstack traceback", message)
      end,
    }
    assert.same({}, helper.reports_of(function()
      expect_1011(raw.open(server.port):send(raw.client_frame(1, "x"):rep(2)))
    end))
    assert.same({ "HANDLER" }, errors)
  end)

  it("as on_error, too, is reported with the first error", function()
    serve {
      on_message = function() error("first") end,
      on_error = function() error("second") end,
    }
    local reports = helper.reports_of(function()
      expect_1011(raw.open(server.port):send(raw.client_frame(1, "x")))
    end)
    assert.equal(2, #reports)
    assert.matches("second", reports[1])
    assert.matches("first", reports[2])
  end)

  it("as on_error for a broken rule changes nothing else", function()
    local closed
    serve {
      on_error = function() error("x") end,
      on_close = function(_, code) closed = code end,
    }
    local reports = helper.reports_of(function()
      local peer = raw.open(server.port):send(raw.server_frame(1, "x"))
      assert.equal(1002, (peer:read_close()))
      peer:close()
    end)
    assert.equal(1, #reports)
    assert.equal(1002, closed)
  end)

  it("as on_close or on_drain is reported", function()
    local conn
    serve {
      high_water = 1,
      on_open = function(opened) conn = opened end,
      on_drain = function() error("in on_drain") end,
      on_close = function() error("in on_close") end,
    }
    local reports = helper.reports_of(function(reports)
      local peer = raw.open(server.port)
      helper.wait_until(function() return conn end)
      assert.is_false(conn:send(("x"):rep(10)))
      expect_1011(peer)
      helper.wait_until(function() return #reports == 2 end)
    end)
    assert.matches("in on_drain", reports[1])
    assert.matches("in on_close", reports[2])
  end)

  it("may throw anything", function()
    local thrown = {
      { nil, "nil" }, { false, "false" }, { 42, "42" }, { {}, "table: " }, { print, "function: " },
      { setmetatable({}, { __tostring = function() return "my error" end }), "my error" },
      { setmetatable({}, { __tostring = function() error("again") end }), "" },
      { setmetatable({}, { __tostring = function() return 5 end }), "" },
      { ("x"):rep(100000), "xxxx" }, { "a\0b", "a" },
    }
    local value
    serve { on_message = function() error(value, 0) end }
    for _, case in ipairs(thrown) do
      value = case[1]
      local reports = helper.reports_of(function()
        expect_1011(raw.open(server.port):send(raw.client_frame(1, "x")))
      end)
      assert.equal(1, #reports)
      assert.equal(case[2], reports[1]:sub(1, #case[2]))
    end
  end)

  it("in a stack overflow or a coroutine of its own does no harm", function()
    local function overflow() return 1 + overflow() end
    serve { on_message = function(_, message)
      if message == "o" then
        collectgarbage "stop" -- a finalizer that Lua calls where no stack is left fails for good
        overflow()
      end
      coroutine.wrap(function() error("inside") end)()
    end }
    local reports = helper.reports_of(function()
      expect_1011(raw.open(server.port):send(raw.client_frame(1, "o")))
      collectgarbage "restart"
      expect_1011(raw.open(server.port):send(raw.client_frame(1, "c")))
    end)
    assert.matches("stack overflow", reports[1])
    assert.matches("inside", reports[2])
  end)

  it("in a timer, a task or a signal is reported, and the loop goes on", function()
    local ticks = 0
    local reports = helper.reports_of(function(reports)
      local timer = ws.every(0.001, function()
        ticks = ticks + 1
        error("tick")
      end)
      ws.after(0, function() error("once") end)
      ws.spawn(function()
        ws.sleep(0.001)
        error("task")
      end)
      ws.spawn(function() error(nil) end)
      helper.wait_until(function() return ticks >= 3 and #reports >= 6 end)
      timer:stop()
    end)
    local all = table.concat(reports, "\n")
    for _, text in ipairs { "tick\n", "once\n", "task\n", "traceback" } do
      assert.matches(text, all)
    end
  end)

  it("in on_upgrade, at once or after waiting, answers 500", function()
    for _, wait in ipairs { false, true } do
      serve { on_upgrade = function()
        if wait then ws.sleep(0.001) end
        error("a secret")
      end }
      local reports = helper.reports_of(function()
        local peer = raw.connect(server.port):send(raw.request())
        local answer = peer:read_all()
        assert.matches("^HTTP/1.1 500 ", answer)
        assert.is_nil(answer:find("secret"))
        peer:close()
      end)
      assert.equal(1, #reports)
      assert.matches("a secret\nstack traceback", reports[1])
      after()
    end
  end)

  it("in a client ends that connection", function()
    local closed
    serve { on_message = function() end }
    local reports = helper.reports_of(function()
      ws.connect("ws://127.0.0.1:" .. server.port, {
        on_open = function() error("a secret") end,
        on_close = function(_, code) closed = code end,
      })
      helper.wait_until(function() return closed end)
    end)
    assert.equal(1011, closed)
    assert.equal(1, #reports)
  end)
end)

describe("a handler", function()
  teardown(raw.end_specs)
  after_each(after)

  it("cannot run the loop", function()
    local messages = {}
    serve { on_open = function(conn)
      for _, name in ipairs { "run", "step" } do
        messages[#messages + 1] = select(2, pcall(ws[name]))
      end
      messages[#messages + 1] = select(2, pcall(ws.sleep, 1))
      messages[#messages + 1] = select(2, pcall(conn.receive, conn))
      conn:close()
    end }
    local peer = raw.open(server.port)
    assert.equal(8, (peer:frame()))
    peer:close()
    assert.equal(4, #messages)
    for _, message in ipairs(messages) do
      assert.matches("wait.*ws%.spawn%(function%(%) %.%.%. end%)", message)
    end
  end)

  it("may stop the server and end any connection", function()
    local closes = 0
    serve {
      on_message = function(conn)
        server:stop()
        for _, each in ipairs(conn.server:connections()) do each:terminate() end
        conn.server:stop()
      end,
      on_close = function() closes = closes + 1 end,
    }
    local peers = {}
    for i = 1, 5 do peers[i] = raw.open(server.port) end
    helper.wait_until(function() return server:stats().open == 5 end)
    peers[3]:send(raw.client_frame(1, "x"):rep(3))
    helper.wait_until(function() return closes == 5 end)
    for i = 1, 5 do peers[i]:close() end
  end)

  -- coroutine.running() gives it to the script, which may have kept it for later.
  it("has a coroutine that nobody can resume or close when it has returned", function()
    local thread
    serve { on_message = function(conn, message)
      thread = coroutine.running()
      conn:send(message)
    end }
    local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    local function echo(message)
      conn:send(message)
      assert.equal(message, conn:receive())
    end
    echo "one"
    assert.equal("dead", coroutine.status(thread))
    assert.is_false(coroutine.resume(thread))
    assert.is_false(coroutine.resume(thread, print, "one", "two"))
    if coroutine.close then coroutine.close(thread) end
    echo "two"
    conn:close()
    conn:receive()
  end)

  it("needs nobody to hold its connection or server", function()
    local pause = collectgarbage("setpause", 10)
    local count, done, stop = 0, false, nil
    local function collect(conn)
      collectgarbage()
      if conn.state == "open" then conn:send { "a", ("y"):rep(5000) } end
      count = count + 1
    end
    local port
    do
      local unheld = assert(ws.serve {
        port = 0, on_open = collect, on_message = collect, on_close = collect, on_ping = collect,
        on_pong = function(conn) stop = conn.server end,
      })
      port = unheld.port
    end
    for _ = 1, 5 do
      collectgarbage()
      local peer = raw.open(port):send(raw.client_frame(1, "x") .. raw.client_frame(9, "p")
        .. raw.client_frame(8, "\3\232"))
      peer:read_all()
      peer:close()
    end
    assert.is_true(count >= 20)
    ws.connect("ws://127.0.0.1:" .. port, { on_open = function(conn)
      collectgarbage()
      conn:ping() -- is answered
      conn:send("x")
      ws.connect("ws://127.0.0.1:" .. port, { on_open = function(other)
        collectgarbage()
        other:terminate()
        conn:close()
        done = true
      end })
    end })
    collectgarbage()
    local peer = raw.open(port):send(raw.client_frame(10, "pong"))
    helper.wait_until(function() return stop and done end)
    peer:close()
    stop:stop()
    stop = nil
    collectgarbage("setpause", pause)
  end)
end)

describe("a peer that resets", function()
  teardown(raw.end_specs)
  after_each(after)

  it("at any byte does no harm", function()
    local opens, closes = 0, 0
    serve {
      on_open = function(conn)
        opens = opens + 1
        conn:send(("x"):rep(100000))
      end,
      on_message = function(conn, message) conn:send(message) end,
      on_close = function() closes = closes + 1 end,
    }
    local request = raw.request()
    local bytes = request .. raw.client_frame(1, "a", true) .. raw.client_frame(9, "p")
      .. raw.client_frame(0, "b") .. raw.client_frame(8, "\3\232")
    local peers = 0
    for size = #request - 2, #bytes do
      raw.connect(server.port):send(bytes:sub(1, size)):reset()
      local peer = raw.connect(server.port):send(bytes:sub(1, size))
      if size >= #request then peer:read_until("\r\n\r\n") end
      peer:reset()
      peers = peers + 2
    end
    helper.wait_until(function() return server:stats().accepted == peers end)
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.equal(opens, closes)
  end)
end)
