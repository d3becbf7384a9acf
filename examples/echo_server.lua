-- Sends every message back. lua examples/echo_server.lua [port]
local ws = require "lunawire"

local server = assert(ws.serve {
  port = tonumber(arg[1] or 9001),
  on_message = function(conn, message, kind) conn:send(message, kind) end,
})
print("listening on ws://127.0.0.1:" .. server.port)
io.stdout:flush()
ws.run()
