-- Stays connected: cuts its own connection twice, comes back each time, and says goodbye.
-- lua examples/stay_connected.lua [url]
local ws = require "lunawire"

local times = 0

local link, problem = ws.connect(arg[1] or "ws://127.0.0.1:9001/", {
  reconnect = { min = 0.05, max = 30 },
  on_open = function(conn)
    times = times + 1
    conn:send("hello " .. times)
  end,
  on_message = function(conn, message)
    print("received " .. message)
    if times < 3 then conn:terminate() else conn:close() end
  end,
  on_close = function(conn, code) print("closed", code, conn.unsent .. " unsent") end,
  on_reconnect = function(attempt, _, why) print("attempt " .. attempt .. ": " .. why) end,
  on_error = function(_, message, code) io.stderr:write(message, " (", code, ")\n") end,
})
assert(link, problem)
ws.run()
