-- A page to try lunawire with. lua examples/demo/demo.lua [port]
local ws = require "lunawire"

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local here = arg[0]:match("^(.*[/\\])") or ""
local page = read(here .. "demo.html")

local server = assert(ws.serve {
  port = tonumber(arg[1] or 8080),
  routes = {
    ["GET /"] = function(_, res)
      res:header("Content-Type", "text/html; charset=utf-8"):send(page)
    end,
    ["WS /echo"] = {
      on_message = function(conn, message, kind) conn:send(message, kind) end,
    },
  },
})

ws.on_signal("SIGINT", ws.stop)
print(("listening on ws://127.0.0.1:%d/echo"):format(server.port))
print(("open http://localhost:%d/ in a browser; Ctrl-C ends"):format(server.port))
io.stdout:flush()
ws.run()
