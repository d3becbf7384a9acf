-- conn:receive() and conn:messages(), on both sides of a connection.

local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

-- A server whose one route is `route`, and the URL of it.
local function serve(route, close_timeout)
  local server = assert(ws.serve {
    port = 0, routes = { ["WS /"] = route }, close_timeout = close_timeout,
  })
  return server, ("ws://127.0.0.1:%d/"):format(server.port)
end

-- Runs fn in a task and the loop until it has ended; errors in it are errors here. Not by pcall,
-- inside which Lua 5.1 cannot wait.
local function in_task(fn)
  local task = ws.spawn(fn)
  local _, message = task:join(30)
  if task.state ~= "done" then error(message, 0) end
end

local closed_by_server = { on_open = function(conn)
  for i = 1, 3 do conn:send("message " .. i, i == 2 and "binary" or "text") end
  conn:close(4001, "enough")
end }

describe("receive", function()
  teardown(helper.check_leaks)

  local server
  after_each(function() server:stop() end)

  it("waits on the main thread by running the loop", function()
    local url
    server, url = serve(closed_by_server)
    local conn = assert(ws.connect(url))
    assert.equal(2, select("#", conn:receive()))
    assert.same({ "message 2", "binary" }, { conn:receive(30) })
    assert.same({ "message 3", "text" }, { conn:receive() })
    local last = { n = 5, conn:receive() }
    assert.same({ n = 5, nil, "the connection is closed (4001: enough)", "CLOSED", 4001, "enough" },
      last)
    assert.same(last, { n = 5, conn:receive() })
  end)

  it("waits in a task by letting others run", function()
    local url
    server, url = serve(closed_by_server)
    local got = {}
    in_task(function()
      local conn = assert(ws.connect(url))
      while true do
        local message, kind, code = conn:receive()
        got[#got + 1] = message or code
        if not message then break end
        assert(kind)
      end
    end)
    assert.same({ "message 1", "message 2", "message 3", "CLOSED" }, got)
  end)

  it("tells code and reason at once after terminate", function()
    local url
    server, url = serve {}
    local conn = assert(ws.connect(url))
    conn:terminate()
    assert.same({ n = 3, "CLOSED", 1006, "terminated" }, { n = 3, select(3, conn:receive(30)) })
  end)

  it("gives up after a time, and may be called again", function()
    local url
    server, url = serve { on_message = function(conn) conn:send("late") end }
    local conn = assert(ws.connect(url))
    local message, text, code = conn:receive(0.001)
    assert.is_nil(message)
    assert.equal("nothing came within 0.001 seconds", text)
    assert.equal("TIMEOUT", code)
    conn:send("now")
    assert.equal("late", (conn:receive()))
    conn:close()
  end)

  it("refuses a second reader", function()
    local url
    server, url = serve {}
    local conn = assert(ws.connect(url))
    local first = ws.spawn(function() return conn:receive() end)
    assert.has_error(function() conn:receive() end,
      "another coroutine is receiving from this connection")
    conn:close()
    local _, _, code = first:join(30)
    assert.equal("CLOSED", code)
  end)

  it("in a handler raises and says what to do", function()
    local url, problem, message
    server, url = serve {
      on_open = function(conn)
        local _
        _, problem = pcall(conn.receive, conn)
        ws.spawn(function() message = conn:receive() end)
      end,
    }
    local conn = assert(ws.connect(url))
    conn:send("still works")
    helper.wait_until(function() return message end)
    assert.matches("a handler cannot wait", problem)
    assert.equal("still works", message)
    conn:close()
  end)

  it("stops the peer when nobody reads, and loses nothing", function()
    local url
    local total = 2000
    local text = ("x"):rep(10000)
    local sent = 0
    server, url = serve(function(conn)
      for i = 1, total do
        conn:send(i .. text) -- waits while too much is on the way
        sent = i
      end
      conn:receive()
    end)
    local conn = assert(ws.connect(url))
    ws.sleep(0.1)
    assert.is_true(sent < total)
    for i = 1, total do
      local message = assert(conn:receive(30))
      assert.equal(tostring(i), message:sub(1, #message - #text))
    end
    conn:close()
    conn:receive()
  end)

  it("is not needed: a send that waits is woken when the connection ends", function()
    local url, results
    server, url = serve(function(conn)
      local text = ("x"):rep(100000)
      repeat results = { n = 3, conn:send(text) } until not results[1]
    end)
    local conn = assert(ws.connect(url))
    conn:pause()
    ws.sleep(0.05)
    assert.is_true(not results or results[1])
    conn:terminate()
    helper.wait_until(function() return results and not results[1] end)
    assert.is_nil(results[1])
    assert.is_string(results[2])
    assert.equal("CLOSED", results[3])
  end)

  it("does not keep a connection from closing when nobody reads", function()
    local url, served
    server, url = serve(function(conn)
      served = conn
      ws.sleep(0.05)
    end, 600)
    local conn = assert(ws.connect(url, { close_timeout = 600 }))
    for i = 1, 100 do conn:send("message " .. i) end
    assert.equal(1000, (select(4, conn:receive(30))))
    helper.wait_until(function() return served.state == "closed" end)
  end)

  it("raises where handlers take the messages", function()
    local raised, message
    local url
    server, url = serve {
      on_message = function(conn) raised, message = pcall(conn.receive, conn, 1) end,
    }
    local conn = assert(ws.connect(url))
    conn:send("it")
    helper.wait_until(function() return message end)
    assert.is_false(raised)
    assert.matches("receive needs them without on_message", message)
    conn:close()
  end)

  it("works beside handlers when there is no on_message", function()
    local closed
    local url
    server, url = serve {
      on_open = function(conn)
        ws.spawn(function()
          local message = conn:receive()
          conn:send("got " .. message)
        end)
      end,
      on_close = function(_, code) closed = code end,
    }
    local conn = assert(ws.connect(url))
    conn:send("it")
    assert.equal("got it", (conn:receive(30)))
    conn:close(4000)
    helper.wait_until(function() return closed end)
    assert.equal(4000, closed)
  end)
end)

describe("messages", function()
  teardown(helper.check_leaks)

  local server
  after_each(function() server:stop() end)

  it("iterates on the main thread until the connection closes", function()
    local url
    server, url = serve(closed_by_server)
    local got = {}
    for message, kind in assert(ws.connect(url)):messages() do
      got[#got + 1] = message .. " " .. kind
    end
    assert.same({ "message 1 text", "message 2 binary", "message 3 text" }, got)
  end)

  it("makes a server of three lines", function()
    local url
    server, url = serve(function(conn)
      while true do
        local message, kind = conn:receive()
        if not message then break end
        conn:send(message, kind)
      end
    end)
    local conn = assert(ws.connect(url))
    conn:send("hello", "binary")
    assert.same({ "hello", "binary" }, { conn:receive(30) })
    conn:close()
    conn:receive()
  end)

  it("iterates in a task, or says in Lua 5.1 what to do instead", function()
    local url
    server, url = serve(closed_by_server)
    local count, report = 0, nil
    core.set_hook("report", function(message) report = message end)
    in_task(function()
      local conn = assert(ws.connect(url))
      local task = ws.spawn(function()
        for _ in conn:messages() do count = count + 1 end
      end)
      task:join()
      conn:close()
    end)
    core.set_hook("report", nil)
    if report then
      assert.equal("Lua 5.1", _VERSION)
      assert.matches("Lua 5.1 cannot wait in a for loop", report)
    else
      assert.equal(3, count)
    end
  end)
end)
