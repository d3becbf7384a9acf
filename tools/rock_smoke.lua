-- Run by tools/rock on an installed rock: a server and a client greet each other.

local ws = require "lunawire"

local server = assert(ws.serve {
  port = 0,
  on_message = function(conn, message) conn:send("hello, " .. message) end,
})

local answer
assert(ws.connect("ws://127.0.0.1:" .. server.port .. "/", {
  timeout = 5,
  on_open = function(conn) conn:send "world" end,
  on_message = function(conn, message)
    answer = message
    conn:close()
  end,
  on_close = function() server:stop() end,
  on_error = function(_, message) error(message) end,
}))
ws.run()
assert(answer == "hello, world", "no answer from the installed module")
