-- What is measured: lua bench/servers/lunawire.lua PORT. With DEFLATE, TLS_CERT and TLS_KEY in the
-- environment it compresses and encrypts; with PAGES it has one, and what the library needs for it.
local ws = require "lunawire"

local key, cert = os.getenv "TLS_KEY", os.getenv "TLS_CERT"

local server
server = assert(ws.serve {
  port = tonumber(arg[1]),
  tls = cert and { cert = cert, key = key } or nil,
  deflate = os.getenv "DEFLATE" and { takeover = false } or false,
  max_connections = 1000000,
  routes = {
    ["GET /hello"] = os.getenv "PAGES" and function(_, res) res:send "hello" end or nil,
    ["WS /echo"] = {
      on_message = function(conn, message, kind) conn:send(message, kind) end,
    },
    ["WS /subscribe"] = {
      on_open = function(conn) conn:subscribe("all") end,
    },
    ["WS /publish"] = {
      on_message = function(_, message, kind) server:publish("all", message, kind) end,
    },
  },
})
ws.on_signal("SIGTERM", function() server:stop() end)
ws.run()
