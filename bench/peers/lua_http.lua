-- An echo server on lua-http: lua5.2 lua_http.lua PORT
local http_server = require "http.server"
local websocket = require "http.websocket"

local server = assert(http_server.listen {
  host = "127.0.0.1",
  port = tonumber(arg[1]),
  tls = false,
  max_concurrent = 100000,
  onstream = function(_, stream)
    local socket = websocket.new_from_stream(stream, assert(stream:get_headers()))
    assert(socket:accept())
    for message, kind in socket:each() do
      if not socket:send(message, kind) then break end
    end
    socket:close()
  end,
  onerror = function() end, -- a client that goes away
})
assert(server:listen())
assert(server:loop())
