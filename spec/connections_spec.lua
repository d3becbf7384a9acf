-- ws.connections: one open connection after another in a for loop, and the ways the loop ends.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local fast = { min = 0.001, max = 0.002 }

local function url_of(port) return ("ws://127.0.0.1:%d/"):format(port) end

local function wait_for_end()
  helper.wait_until(function()
    local alive = core.leaks()
    return alive.connections == 0 and alive.timers == 0
  end, "the end")
end

describe("ws.connections", function()
  local server, url, codes, opened
  before_each(function()
    codes, opened = {}, 0
    server = assert(ws.serve {
      port = 0,
      on_open = function(conn)
        opened = opened + 1
        conn:send("number " .. opened)
      end,
      on_message = function(conn, message) -- what to do with this connection
        if message == "terminate" then return conn:terminate() end
        conn:close(tonumber(message))
      end,
      on_close = function(_, code) codes[#codes + 1] = code end,
    })
    url = url_of(server.port)
  end)
  after_each(function()
    if server.listening then server:stop() end
    wait_for_end()
  end)
  teardown(raw.end_specs)

  -- Runs fn in a task and in the main program.
  local function in_both(fn)
    fn()
    codes, opened = {}, 0
    local task = ws.spawn(fn)
    task:join(30)
    assert.equal("done", task.state)
  end

  it("gives open connections until the loop is left", function()
    in_both(function()
      local got, whys = {}, {}
      local connections = ws.connections(url, {
        reconnect = fast,
        on_reconnect = function(attempt, delay, why, code)
          assert.is_true(delay >= 0.001 and delay <= 0.002)
          whys[#whys + 1] = ("%d %s %s"):format(attempt, code, why)
        end,
      })
      for conn in connections do
        assert.equal("open", conn.state)
        got[#got + 1] = conn:receive(30)
        if #got == 1 then conn:send("terminate") end
        if #got == 2 then conn:send("1012") end
        if #got < 3 then conn:receive(30) end
        if #got == 4 then
          conn:close(4000)
          conn:receive(30)
          break
        end
      end
      assert.same({ "number 1", "number 2", "number 3", "number 4" }, got)
      assert.same({
        "1 CLOSED the connection is closed "
          .. "(1006: the peer ended the connection without a close frame)",
        "2 CLOSED the connection is closed (1012)",
        "3 CLOSED the loop was done with the connection",
      }, whys)
      assert.is_nil(connections.error)
      assert.same({ 1006, 1012, 1000, 4000 }, codes)
      connections:close()
    end)
  end)

  it("goes on after conn:close and conn:terminate", function()
    local count = 0
    for conn in ws.connections(url, { reconnect = fast }) do
      count = count + 1
      if count == 1 then conn:close(1008) else conn:terminate() end
      if count == 2 then break end
      conn:receive(30)
    end
    assert.equal(2, count)
  end)

  it("tells why it gave up, to its fields, to on_error, or on stderr", function()
    in_both(function()
      local told = {}
      local connections = ws.connections(url, {
        reconnect = fast, on_error = function(...) told[#told + 1] = { ... } end,
      })
      for conn in connections do
        conn:send("1008")
        while conn:receive(30) do end -- luacheck: ignore 542
      end
      assert.equal(1, opened)
      assert.equal("gave up: the connection is closed (1008)", connections.error)
      assert.equal("CLOSED", connections.code)
      assert.equal(1, #told)
      assert.same({ connections.error, "CLOSED" }, { told[1][2], told[1][3] })
      assert.is_nil(connections())
    end)
    local reports = helper.reports_of(function()
      for conn in ws.connections(url, { reconnect = fast }) do
        conn:send("1008")
        while conn:receive(30) do end -- luacheck: ignore 542
      end
    end)
    assert.same({ "gave up: the connection is closed (1008) (CLOSED)" }, reports)
  end)

  it("gives up after as many attempts as it may make, or at once on a bad URL", function()
    server:stop()
    wait_for_end()
    local tries = 0
    local connections = ws.connections(url, {
      reconnect = { min = 0.001, max = 0.001, attempts = 3 },
      on_reconnect = function() tries = tries + 1 end, on_error = function() end,
    })
    for _ in connections do error("not reached") end
    assert.equal(3, tries)
    assert.equal("ECONNREFUSED", connections.code)
    connections = ws.connections("http://x/", { on_error = function() end })
    for _ in connections do error("not reached") end
    assert.equal("URL_SCHEME", connections.code)
  end)

  it("has the answer of a server that refused", function()
    local refusing = assert(ws.serve { port = 0, on_upgrade = function() return nil, 403 end })
    local connections = ws.connections(url_of(refusing.port), { on_error = function() end })
    assert.is_nil(connections())
    assert.equal(403, connections.response.status)
    refusing:stop()
  end)

  it("connects only when it is asked for a connection", function()
    local connections = ws.connections(url, { reconnect = fast })
    core.step(0)
    assert.equal(0, opened)
    local conn = connections()
    conn:send("terminate")
    repeat local _, _, code = conn:receive(30) until code == "CLOSED"
    for _ = 1, 5 do core.step(0) end
    assert.equal(1, opened)
    assert.equal("open", connections().state)
    connections:close(4002)
    helper.wait_until(function() return codes[2] end)
    assert.equal(4002, codes[2])
    assert.is_nil(connections())
  end)

  it("loses no message that comes with the answer", function()
    local listener = raw.listen()
    local peer = listener:upgrade(nil, raw.server_frame(1, "a") .. raw.server_frame(1, "b"))
    local connections = ws.connections(url_of(listener.port))
    local conn = connections()
    assert.equal("a", conn:receive(30))
    assert.equal("b", conn:receive(30))
    conn:terminate()
    connections:close()
    peer:close()
    listener:close()
  end)

  it("ends when another task closes it while it connects", function()
    local listener = raw.listen()
    local peer = listener:accept()
    local connections = ws.connections(url_of(listener.port))
    local task = ws.spawn(function()
      for _ in connections do error("not reached") end
    end)
    assert.is_true(connections:close())
    task:join(30)
    assert.equal("done", task.state)
    assert.is_nil(connections.error)
    peer:close()
    listener:close()
  end)

  it("ends when another task closes it while it waits", function()
    server:stop()
    wait_for_end()
    local connections
    connections = ws.connections(url, {
      reconnect = { min = 100, max = 100 },
      on_reconnect = function() ws.after(0, function() connections:close() end) end,
    })
    in_both(function()
      for _ in connections do error("not reached") end
    end)
    connections = ws.connections(url, { on_reconnect = function() connections:close() end })
    for _ in connections do error("not reached") end
    assert.is_nil(connections.error)
  end)

  if _VERSION == "Lua 5.4" then
    it("closes its connection when the loop is left", function()
      for _ in ws.connections(url) do break end -- luacheck: ignore 512
      helper.wait_until(function() return codes[1] end)
      pcall(function()
        for _ in ws.connections(url) do error("on purpose") end
      end)
      helper.wait_until(function() return codes[2] end)
      assert.same({ 1000, 1011 }, codes)
    end)

    it("ends when the coroutine is closed that waits in it", function()
      server:stop()
      wait_for_end()
      local reports = helper.reports_of(function()
        for _, step in ipairs { 0, 0.02 } do -- while it connects, and while it waits
          local waits
          local thread = coroutine.create(function()
            for _ in ws.connections(url, {
              reconnect = { min = 100, max = 100 }, on_reconnect = function() waits = true end,
            }) do error("not reached") end
          end)
          assert(coroutine.resume(thread))
          if step > 0 then helper.wait_until(function() return waits end) end
          assert.is_true((coroutine.close(thread)))
          wait_for_end()
        end
      end)
      assert.same({}, reports)
    end)
  end

  it("raises on misuse", function()
    assert.has_error(function() ws.connections(80) end, "the URL must be a string, not 80")
    assert.has_error(function() ws.connections(url, { on_message = print }) end,
      "ws.connections takes no on_message: read with conn:receive, or use ws.connect with the "
        .. "option reconnect")
    assert.has_error(function() ws.connections(url, { reconnect = false }) end,
      "ws.connections always reconnects: leave out reconnect = false")
    assert.has_error(function() ws.connections(url, { reconect = true }) end,
      "unknown option 'reconect': did you mean 'reconnect'?")
    local listener = raw.listen()
    local peer = listener:accept()
    local connections = ws.connections(url_of(listener.port))
    ws.spawn(function() connections() end)
    assert.has_error(function() connections() end,
      "another coroutine waits for the next connection")
    connections:close()
    peer:close()
    listener:close()
    local message
    ws.after(0, function() message = select(2, pcall(ws.connections(url))) end)
    helper.wait_until(function() return message end)
    assert.matches("a handler cannot wait", message)
  end)
end)
