-- A server whose connections subscribe to "t", and its clients: for the specs of topics.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local audience = { server = nil, opened = nil } -- opened: the server's connections, in order

function audience.serve(options)
  audience.opened = {}
  options = options or {}
  options.port = 0
  options.on_open = options.on_open or function(conn)
    table.insert(audience.opened, conn)
    conn:subscribe("t")
  end
  audience.server = assert(ws.serve(options))
  return audience.server
end

-- What fn returns, and the server's connection that opened meanwhile.
local function with_connection(fn)
  local count = #audience.opened
  local peer = fn()
  helper.wait_until(function() return audience.opened[count + 1] end)
  return peer, audience.opened[count + 1]
end

-- A new client, and the server's connection with it.
function audience.connect(options)
  return with_connection(function()
    local scheme = options and options.tls and "wss" or "ws"
    return assert(ws.connect(scheme .. "://127.0.0.1:" .. audience.server.port, options))
  end)
end

-- A raw peer, which reads only what it is told to, and the server's connection with it.
function audience.open_raw(more, receive_buffer)
  return with_connection(function()
    return raw.open(audience.server.port, "/", more, receive_buffer)
  end)
end

-- The next messages of a client.
function audience.received(client, count)
  local messages = {}
  for i = 1, count do messages[i] = assert(client:receive(30)) end
  return messages
end

-- For after_each.
function audience.end_all()
  audience.server:stop()
  raw.wait_for_end()
  audience.opened = nil
end

return audience
