-- Tells the time to everybody each second. lua examples/ticker.lua [port]
local ws = require "lunawire"

local listeners = {}

local server = assert(ws.serve {
  port = tonumber(arg[1] or 9002),
  on_open = function(conn)
    listeners[conn] = true
    conn:send(os.date())
  end,
  on_close = function(conn) listeners[conn] = nil end,
})

ws.every(1, function()
  local now = os.date()
  for conn in pairs(listeners) do conn:send(now) end
end)

print("listening on ws://127.0.0.1:" .. server.port)
io.stdout:flush()
ws.run()
