-- How a process ends: os.exit and ws.stop in every handler, a script that just ends, finalizers
-- that come later than everything else. Each runs in a process of its own.

local helper = require "spec.helper"

-- A server and a client in one process. ACT is called in the handler HERE, once.
local scene = [[
local ws = require "lunawire"
local here = arg[1]
local function act(name, ...)
  if name ~= here then return ... end
  here = nil
  io.stdout:write("in ", name, "\n")
  io.stdout:flush()
  ACT
end
local function handlers(side, t)
  local names = { "open", "close", "error", "drain", "ping", "pong" }
  names[#names + 1] = arg[2] == "chunk" and "chunk" or "message"
  if arg[2] == "chunk" then t.chunk, t.message = t.message, nil end
  for _, name in ipairs(names) do
    local fn = t[name]
    t["on_" .. name] = function(conn, ...)
      act(side .. " on_" .. name)
      if fn then fn(conn, ...) end
    end
    t[name] = nil
  end
  t.high_water = 1000
  return t
end
local function talk(conn, message)
  conn:ping()
  conn:send(message or ("x"):rep(2000))
end
local o = handlers("server", { message = talk, open = talk })
o.port, o.max_message, o.close_timeout = 0, 5000, 0.2
o.on_upgrade = function()
  act "on_upgrade"
  ws.sleep(0.001)
  act "on_upgrade that waited"
  return true
end
local server = assert(ws.serve(o))
local turns = 0
local client = handlers("client", {
  message = function(conn)
    turns = turns + 1
    if turns == 3 then conn:send(("x"):rep(6000)) else conn:send("m") end
  end,
  open = talk,
  close = function() server:stop() end,
})
client.max_message, client.close_timeout, client.max_buffered = 5000, 0.2, "1M"
local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port, client))
ws.after(0.001, function() act "timer" end)
ws.spawn(function()
  act "task"
  ws.sleep(0.001)
  act "task that waited"
end)
ws.run()
print "ended"
]]

local places = {
  "server on_open", "server on_message", "server on_close", "server on_error", "server on_drain",
  "server on_ping", "server on_pong", "client on_open", "client on_message", "client on_close",
  "client on_drain", "client on_ping", "client on_pong", "on_upgrade",
  "on_upgrade that waited", "timer", "task", "task that waited",
}

local function run(act, place, ...)
  local script = scene:gsub("ACT", function() return act end)
  return helper.run_lua(script, { place, timeout = 120, ... })
end

describe("os.exit", function()
  for _, call in ipairs { "os.exit(7)", "os.exit(7, true)" } do
    for _, place in ipairs(places) do
      it(("as %s in %s ends the process"):format(call, place), function()
        assert.same({ 7, "in " .. place .. "\n", "" }, { run(call, place) })
      end)
    end
    it(("as %s in on_chunk ends the process"):format(call), function()
      local place = "server on_chunk"
      assert.same({ 7, "in " .. place .. "\n", "" }, { run(call, place, "chunk") })
    end)
  end
end)

describe("ws.stop", function()
  for _, place in ipairs(places) do
    it("in " .. place .. " ends ws.run", function()
      assert.same({ 0, "in " .. place .. "\nended\n", "" }, { run("ws.stop()", place) })
    end)
  end

  it("is not needed when nothing is left", function()
    assert.same({ 0, "ended\n", "" }, { run("", "nowhere") })
  end)
end)

describe("an error in a handler", function()
  it("goes to stderr with its traceback when nobody takes it", function()
    local status, out, err = helper.run_lua [[
      local ws = require "lunawire"
      ws.after(0, function() error("oh no") end)
      ws.spawn(function() error({}) end)
      ws.run()
      print "ended"
    ]]
    assert.equal(0, status)
    assert.equal("ended\n", out)
    assert.matches("lunawire: [^\n]*: oh no\nstack traceback:\n", err)
    assert.matches("lunawire: table: ", err)
  end)
end)

describe("a script", function()
  local quiet = helper.output_of

  local everything = [[
    local ws = require "lunawire"
    local core = require "lunawire.core"
    local server = assert(ws.serve {
      port = 0, on_message = function(conn, message) conn:send(message) end })
    local open = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    local other = ws.connect("ws://127.0.0.1:" .. server.port, { on_open = function(conn)
      ws.spawn(function() while conn:send(("x"):rep(100000)) do end end)
    end })
    ws.spawn(function() open:receive() end)
    ws.spawn(function() ws.sleep(100) end)
    local timer = ws.every(0.001, function() end)
    local signal = ws.on_signal("SIGUSR1", function() end)
    local stream = open:stream()
    stream:write("half")
    for _ = 1, 20 do ws.step(0.001) end
    for _, conn in ipairs(server:connections()) do conn:send(("y"):rep(1000000)) end
  ]]

  it("may end without ws.run, in the middle of everything", function()
    quiet(everything)
    quiet [[require "lunawire"]]
    quiet [[require("lunawire").spawn(function() require("lunawire").sleep(1) end)]]
  end)

  it("may use everything in finalizers", function()
    local finalizer = [[
      local function finalize()
        for _, use in ipairs {
          function() open:send("x") end, function() open:send({ ("z"):rep(10000) }) end,
          function() open:ping() end, function() open:close() end, function() open:pause() end,
          function() open:resume() end, function() return open.state, open.request end,
          function() open.x = open.buffered end, function() return open.remote_address end,
          function() stream:finish() end, function() open:receive(0.01) end,
          function() other:terminate() end, function() return tostring(other) end,
          function() return server.port, server.listening end, function() server:stats() end,
          function() server:connections() end, function() server:stop() end,
          function() timer:stop() end, function() signal:stop() end,
          function() ws.after(1, print) end, function() ws.every(1, print) end,
          function() ws.on_signal("SIGUSR2", print) end, function() ws.now() end,
          function() ws.fd() end, function() ws.step(0) end,
          function() ws.after(0, ws.stop) ws.run() end,
          function() ws.stop() end, function() ws.spawn(function() ws.sleep(1) end) end,
          function() core.serve {} end, function() core.connect {} end,
          function() core.leaks() end,
        } do pcall(use) end
        io.stdout:write("finalized\n")
      end
      local function sentinel()
        if not newproxy then return setmetatable({}, { __gc = finalize }) end
        local proxy = newproxy(true)
        getmetatable(proxy).__gc = finalize
        return proxy
      end
    ]]
    -- Older than the library, it is finalized after it; younger, before it.
    for _, script in ipairs {
      everything .. finalizer .. "sentinel_ = sentinel()",
      "local open, other, server, timer, signal, stream, ws, core\n" .. finalizer
        .. "sentinel_ = sentinel()\n" .. everything:gsub("local (%w+) =", "%1 ="),
    } do
      assert.equal("finalized\n", quiet(script))
    end
  end)

  it("may run the loop again and again", function()
    assert.equal("1 2 3\n", quiet [[
      local ws = require "lunawire"
      local n = {}
      for i = 1, 3 do
        ws.after(0, function() n[i] = i; ws.stop() end)
        ws.after(100, print)
        ws.run()
      end
      print(table.concat(n, " "))
      os.exit(0)
    ]])
  end)

  it("may step: true while something is left", function()
    assert.equal("false true false\n", quiet [[
      local ws = require "lunawire"
      local first = ws.step(0)
      ws.after(0.01, function() end)
      local second = ws.step(0)
      while ws.step() do end
      print(tostring(first), tostring(second), tostring(ws.step(0)))
    ]]:gsub("\t", " "))
  end)

  -- Only epoll tells of signals. Whether there is a set of our own, besides libuv's; and then waits
  -- until the process sleeps in it.
  local function waits_by_epoll(process)
    local _, list = helper.run { "ls", "-l", ("/proc/%d/fd"):format(process.pid) }
    local _, sets = list:gsub("eventpoll", "")
    if sets < 2 then return false end
    local path = ("/proc/%d/stat"):format(process.pid)
    repeat until helper.read(path):find(") S ", 1, true)
    return true
  end

  for what, wait in pairs { ["ws.run"] = "ws.run()", ["a receive"] = "conn:receive()" } do
    it("that waits in " .. what .. " ends with Ctrl-C, as any script", function()
      local path = helper.file([[
        local ws = require "lunawire"
        local server = assert(ws.serve { port = 0, on_open = print })
        local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
        ws.after(0.001, function()
          io.stdout:write("waiting\n")
          io.stdout:flush()
        end)
      ]] .. wait)
      local process = helper.background { helper.lua, path, timeout = 120 }
      repeat until assert(process:read_line()) == "waiting"
      if not waits_by_epoll(process) then
        process:stop()
        return pending "it does not wait by epoll"
      end
      process:signal "INT"
      local status, _, err = process:wait()
      assert.equal(1, status)
      assert.matches("interrupted!\nstack traceback", err)
    end)
  end

  it("may have two servers and a client of each", function()
    assert.equal("ab\n", quiet [[
      local ws = require "lunawire"
      local function serve(answer)
        return assert(ws.serve { port = 0, on_message = function(conn) conn:send(answer) end })
      end
      local one, two = serve "a", serve "b"
      local function ask(server)
        local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
        conn:send("?")
        local answer = conn:receive(30)
        conn:close()
        server:stop()
        return answer
      end
      print(ask(one) .. ask(two))
      ws.run()
    ]])
  end)

  it("that ends sends what it said", function()
    local raw = require "spec.raw_peer"
    local listener = raw.listen()
    local peer = listener:upgrade()
    quiet(([[
      local ws = require "lunawire"
      local conn = assert(ws.connect("ws://127.0.0.1:%d"))
      conn:send("last words")
    ]]):format(listener.port))
    assert.same({ 1, "last words", true }, { peer:frame() })
    assert.equal(1001, (peer:read_close()))
    peer:close()
    listener:close()
    raw.stop()
  end)
end)
