-- Talks to an echo server from two coroutines at once, each written as if it were alone.
-- lua examples/coroutine_client.lua [url]
local ws = require "lunawire"

local url = arg[1] or "ws://127.0.0.1:9001/"

local function talk(name, pause)
  local conn = assert(ws.connect(url))
  for i = 1, 3 do
    conn:send(("%s %d"):format(name, i))
    print("received " .. assert(conn:receive(5)))
    ws.sleep(pause)
  end
  conn:close(1000)
  print(name .. ": " .. select(2, conn:receive()))
end

ws.spawn(talk, "Ada", 0.02)
ws.spawn(talk, "Grace", 0.05)
ws.run()
