-- What the specs of plain HTTP share: a server with routes, requests as bytes, answers as text.

local raw = require "spec.raw_peer"
local ws = require "lunawire"

local http = { server = nil }

-- Serves routes, and connects a raw peer to it.
function http.serve(routes, options)
  options = options or {}
  options.port, options.routes = 0, routes
  http.server = assert(ws.serve(options))
  return raw.connect(http.server.port)
end

-- Another peer; with a receive buffer of so many bytes, if given.
function http.connect(receive_buffer) return raw.connect(http.server.port, receive_buffer) end

-- For after_each.
function http.stop()
  if http.server then http.server:stop() end
  http.server = nil
  raw.wait_for_end()
end

function http.get(path, more)
  return ("GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"):format(path, more or "")
end

function http.post(path, length, body)
  return ("POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s")
    :format(path, length, body)
end

-- Reads one answer with a Content-Length: "status body", and the head.
function http.read_answer(peer)
  local head = peer:read_until("\r\n\r\n")
  local status, length = head:match("^HTTP/1.1 (%d+) .*\r\nContent%-Length: (%d+)\r\n")
  return status .. " " .. peer:read(tonumber(length)), head
end

-- A handler.
function http.hello(_, res) res:send("hello") end

return http
