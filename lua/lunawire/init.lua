-- lunawire: WebSocket servers and clients. `local ws = require "lunawire"`.
--
-- This file is all that a script sees of the library. What it names is loaded when it is first
-- called, so that a small script starts as fast as it can.

local core = require "lunawire.core"
local later = require "lunawire.later"
local misuse = require "lunawire.misuse"

local ws = {
  version = "0.1.0",
  protocol = core.protocol, -- the protocol alone, without a loop

  run = core.run,
  stop = core.stop,
  step = core.step,
  fd = core.fd,
  now = core.now,
}

ws.serve = later("server.serve")
ws.connect = later("client.connect")
ws.connections = later("connections.new")
ws.files = later("files.new")
ws.spawn = later("task.spawn")
ws.sleep = later("task.sleep")

-- Calls fn() once, after so many seconds. Returns a timer; timer:stop() calls it off.
function ws.after(seconds, fn)
  misuse.expect_seconds("the time", seconds)
  misuse.expect("the handler", fn, "function")
  return core.timer(seconds, nil, fn)
end

-- Calls fn() every so many seconds. Returns a timer; timer:stop() ends it.
function ws.every(seconds, fn)
  misuse.expect_seconds("the time", seconds)
  misuse.expect("the handler", fn, "function")
  if seconds == 0 then misuse.raise("ws.every needs a time above 0") end
  return core.timer(seconds, seconds, fn)
end

-- Calls fn(name) at each signal, such as "SIGINT". Returns an object with :stop(); or nil, message,
-- code.
function ws.on_signal(name, fn)
  misuse.expect("the signal", name, "string")
  misuse.expect("the handler", fn, "function")
  return core.signal(name, fn)
end

-- What connections can do beyond the core -------------------------------------------------------

for name, place in pairs {
  receive = "receive.receive", messages = "receive.messages", stream = "stream.new",
} do
  local method = name
  core.methods[method] = later(place, function(fn) core.methods[method] = fn end)
end

core.server_methods.reload = later("server.reload")
core.server_methods.drain = later("drain.drain")

local properties = {
  request = later("request.of"),
  response = later("client.response"),
}

-- A field that the core does not know. What is made for it is kept: it is asked for again.
core.set_hook("property", function(conn, name)
  local make = properties[name]
  if not make then return nil end
  local value = make(conn)
  conn[name] = value
  return value
end)

core.set_hook("park", later("task.park"))
core.set_hook("unpark", later("task.unpark"))

return ws
