-- Sends a few messages to an echo server and prints what comes back, with handlers.
-- lua examples/echo_client.lua [url]
local ws = require "lunawire"

local words = { "hello", "from", "Lua" }

local conn, problem = ws.connect(arg[1] or "ws://127.0.0.1:9001/", {
  on_open = function(conn) conn:send(table.remove(words, 1)) end,
  on_message = function(conn, message)
    print("received " .. message)
    local word = table.remove(words, 1)
    if word then conn:send(word) else conn:close(1000, "that is all") end
  end,
  on_close = function(_, code, reason) print("closed", code, reason) end,
  on_error = function(_, message, code) io.stderr:write(message, " (", code, ")\n") end,
})
assert(conn, problem)
ws.run()
