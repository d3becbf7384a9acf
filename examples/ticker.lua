-- Tells the time to everybody each second. lua examples/ticker.lua [port]
local ws = require "lunawire"

local server = assert(ws.serve {
  port = tonumber(arg[1] or 9002),
  on_open = function(conn)
    assert(conn:subscribe("time"))
    conn:send(os.date())
  end,
})

ws.every(1, function() server:publish("time", os.date()) end)

print("listening on ws://127.0.0.1:" .. server.port)
io.stdout:flush()
ws.run()
