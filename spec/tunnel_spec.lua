-- Clients behind a proxy: the ways through, and all the ways in which a proxy fails. Real proxies
-- are in tunnel_peers_spec.lua, the choice of one in proxy_spec.lua.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local function echo(conn, message)
  conn:send(message)
  assert.is_true(message == conn:receive(30))
end

local function close(conn)
  conn:close(1000)
  assert.equal(1000, (select(4, conn:receive(30))))
end

-- A proxy of spec/peers/proxy.py: { process, port }.
local function start_proxy(...)
  local process = helper.background { helper.python, "spec/peers/proxy.py", ... }
  return { process = process, port = tonumber(process:read_line()) }
end

-- Both in one file, as Python likes it.
local function certificate_and_key()
  return helper.file(helper.read(certificates.path("server.crt"))
    .. helper.read(certificates.path("server.key")))
end

describe("a proxy", function()
  local plain, secure, proxies = nil, nil, {}
  setup(function()
    local function on_message(conn, message, kind) conn:send(message, kind) end
    plain = assert(ws.serve { port = 0, on_message = on_message })
    secure = assert(ws.serve { port = 0, tls = certificates.server(), on_message = on_message })
    proxies = {
      http = start_proxy "http", http_login = start_proxy("http", "me:pass:w"),
      socks = start_proxy "socks5", socks_login = start_proxy("socks5", "me:pass:w"),
    }
  end)
  teardown(function()
    plain:stop()
    secure:stop()
    for _, proxy in pairs(proxies) do proxy.process:stop() end
    raw.end_specs()
  end)

  local function connect(url, proxy)
    return ws.connect(url, { proxy = proxy, tls = certificates.client(), timeout = 60 })
  end

  -- Connects and talks through it; returns what the proxy was asked.
  local function asked(proxy, url, scheme)
    local conn = assert(connect(url, scheme:format(proxy.port)))
    echo(conn, "hello")
    echo(conn, ("x"):rep(100000))
    assert.equal(proxy.port, conn.remote_port)
    close(conn)
    return proxy.process:read_line()
  end

  it("of HTTP leads to a server", function()
    assert.equal(("CONNECT 127.0.0.1:%d - True"):format(plain.port),
      asked(proxies.http, ("ws://127.0.0.1:%d/"):format(plain.port), "http://127.0.0.1:%d"))
    assert.equal(("CONNECT localhost:%d - True"):format(secure.port),
      asked(proxies.http, ("wss://localhost:%d/"):format(secure.port), "http://127.0.0.1:%d/"))
    assert.equal(("CONNECT localhost:%d me:pass:w True"):format(secure.port),
      asked(proxies.http_login, ("wss://localhost:%d/"):format(secure.port),
        "http://me:pass%%3aw@127.0.0.1:%d"))
  end)

  it("of SOCKS leads to a server, whose name it resolves or we do", function()
    assert.equal(("CONNECT ipv4 127.0.0.1 %d -"):format(plain.port),
      asked(proxies.socks, ("ws://127.0.0.1:%d/"):format(plain.port), "socks5h://127.0.0.1:%d"))
    assert.equal(("CONNECT name localhost %d -"):format(secure.port),
      asked(proxies.socks, ("wss://localhost:%d/"):format(secure.port), "socks5h://127.0.0.1:%d"))
    assert.equal(("CONNECT name localhost %d me:pass:w"):format(secure.port),
      asked(proxies.socks_login, ("wss://localhost:%d/"):format(secure.port),
        "SOCKS5H://me:pass%%3aw@127.0.0.1:%d"))
    local line = asked(proxies.socks_login, ("wss://localhost:%d/"):format(secure.port),
      "socks5://me:pass%%3aw@127.0.0.1:%d")
    if line:find "ipv6" then line = proxies.socks_login.process:read_line() end -- nobody listened
    assert.equal(("CONNECT ipv4 127.0.0.1 %d me:pass:w"):format(secure.port), line)
  end)

  it("is reached over TLS", function()
    local proxy = start_proxy("http", "me:x", certificate_and_key())
    local url = ("ws://127.0.0.1:%d/"):format(plain.port)
    assert.equal(("CONNECT 127.0.0.1:%d me:x True"):format(plain.port),
      asked(proxy, url, "https://me:x@localhost:%d"))
    local _, message, code = ws.connect(url, { proxy = "https://localhost:" .. proxy.port })
    assert.matches("^on the way to the proxy: ", message)
    assert.matches("^TLS_", code)
    proxy.process:stop()
  end)

  it("is reached over TLS, and the server over TLS in that", function()
    local proxy = start_proxy("http", "", certificate_and_key())
    local url = ("wss://localhost:%d/"):format(secure.port)
    local own = ("https://localhost:%d"):format(proxy.port)
    assert.equal(("CONNECT localhost:%d - True"):format(secure.port), asked(proxy, url, own))
    local conn = assert(connect(url, own))
    echo(conn, ("0123456789"):rep(100000))
    assert.equal("localhost", conn.tls.peer.subject:match "CN=(%w+)")
    conn:terminate()
    local _, message, code = ws.connect(url, { proxy = own,
      tls = certificates.client { server_name = "x.org" } })
    assert.equal("TLS_HOSTNAME", code)
    assert.matches("^the certificate is for localhost, .* not x.org: ", message)
    _, message, code = connect(("wss://localhost:%d/"):format(plain.port), own)
    assert.same({ "TLS_NOT_TLS", "the server speaks no TLS on this port" }, { code, message })
    local listener = raw.listen()
    listener:accept():half_close()
    _, message, code = connect("wss://localhost:" .. listener.port, own)
    assert.equal("EOF", code)
    assert.matches("^the server ended the connection during the TLS handshake", message)
    listener:close()
    proxy.process:stop()
  end)

  it("is told who we are, or says that it wants to know", function()
    local url = ("ws://127.0.0.1:%d/"):format(plain.port)
    local function refused(name, form)
      local _, message, code = connect(url, form:format(proxies[name].port))
      proxies[name].process:read_line()
      return code, message
    end
    assert.same({ "PROXY_AUTH", "the proxy asks for a user name and a password: 407 Who" },
      { refused("http_login", "http://127.0.0.1:%d") })
    assert.same({ "PROXY_AUTH", "the proxy refused the user name or the password: 407 Who" },
      { refused("http_login", "http://me:wrong@127.0.0.1:%d") })
    assert.same({ "PROXY_AUTH", "the SOCKS proxy asks for a user name and a password" },
      { refused("socks_login", "socks5h://127.0.0.1:%d") })
    assert.same({ "PROXY_AUTH", "the SOCKS proxy refused the user name or the password" },
      { refused("socks_login", "socks5://me:wrong@127.0.0.1:%d") })
  end)

  it("says that it cannot reach the server", function()
    local closed = assert(ws.serve { port = 0, on_message = print })
    local url = ("ws://127.0.0.1:%d/"):format(closed.port)
    closed:stop()
    core.step(0)
    local _, message, code = connect(url, "http://127.0.0.1:" .. proxies.http.port)
    assert.same({ "PROXY", "the proxy refused to connect to the server: 502 Gone" },
      { code, message })
    _, message, code = connect(url, "socks5h://127.0.0.1:" .. proxies.socks.port)
    assert.same({ "PROXY", "the server refused the SOCKS proxy's connection" }, { code, message })
  end)

  it("takes no name of more than 255 bytes over SOCKS", function()
    local host = ("x"):rep(63) .. ("." .. ("x"):rep(63)):rep(3) .. ".x"
    local _, message, code = connect(("ws://%s:81/"):format(host),
      "socks5h://127.0.0.1:" .. proxies.socks.port)
    assert.same({ "PROXY", "a SOCKS proxy takes host names of at most 255 bytes" },
      { code, message })
  end)

  it("is told who refuses the connection to it", function()
    local _, message, code = connect("ws://127.0.0.1:1/", "http://127.0.0.1:1")
    assert.equal("ECONNREFUSED", code)
    assert.matches("^cannot connect to the proxy: 127.0.0.1:1: ", message)
  end)
end)

-- Faults ----------------------------------------------------------------------------------------

local listener, events

local function record(...) events[#events + 1] = { ... } end

-- Connects by a scripted proxy, to "ws" or "wss"; what becomes of it is in `events`.
local function connect_by(proxy, scheme, timeout)
  events = {}
  return assert(ws.connect((scheme or "ws") .. "://server.test:81/", {
    proxy = ("%s127.0.0.1:%d"):format(proxy, listener.port), timeout = timeout or 60,
    on_open = function() record "open" end,
    on_close = function(_, code) record("close", code) end,
    on_error = function(_, message, code) record(code, message) end,
  }))
end

-- The one thing that happened: code and message.
local function outcome(conn)
  helper.wait_until(function() return #events > 0 end, "an error")
  core.step(0)
  assert.equal(1, #events)
  assert.equal("closed", conn.state)
  return events[1][1], events[1][2]
end

local http_request = "CONNECT server.test:81 HTTP/1.1\r\nHost: server.test:81\r\n\r\n"

describe("a proxy that fails", function()
  setup(function() listener = raw.listen() end)
  teardown(function()
    listener:close()
    raw.end_specs()
  end)

  -- What a client says of an HTTP proxy that answers so, and then perhaps ends the connection. With
  -- options piece (the bytes that are sent at a time), scheme, timeout.
  local function http(answer, ending, options)
    options = options or {}
    local peer = listener:accept()
    local conn = connect_by("http://", options.scheme, options.timeout)
    assert.equal(http_request, (peer:read_until("\r\n\r\n")))
    peer:drip(answer, options.piece or 1000)
    if ending then peer[ending](peer) end
    local code, message = outcome(conn)
    if ending ~= "close" and ending ~= "reset" then
      local _, status = peer:read_all()
      assert.is_true(status == "eof" or status == "reset")
      peer:close()
    end
    return code, message
  end

  it("with another status is told by it", function()
    for _, size in ipairs { 1, 1000 } do
      local function refused(answer, ending)
        return { http(answer, ending, { piece = size }) }
      end
      assert.same({ "PROXY", "the proxy refused to connect to the server: 403 Not you" },
        refused("HTTP/1.1 403 Not you\r\nContent-Length: 9\r\n\r\nforbidden",
          size == 1 and "close"))
      assert.same({ "PROXY", "the proxy refused to connect to the server: 302 " },
        refused "HTTP/1.0 302 \r\nLocation: ws://other.test/\r\n\r\n")
      assert.same({ "PROXY_AUTH", "the proxy asks for a user name and a password: 407 No" },
        refused("HTTP/1.1 407 No\r\n\r\n", "half_close"))
    end
  end)

  it("with something else than HTTP is told at once", function()
    for answer, text in pairs {
      ["SSH-2.0-x\r\n"] = "malformed", ["\5\0"] = "does not speak HTTP",
      ["HTTP/1.1 200 OK\n"] = "CR",
      ["HTTP/1.1 2000 OK\r\n\r\n"] = "status line", ["HTTP/2.0 200 OK\r\n\r\n"] = "version",
      [("HTTP/1.1 100 Continue\r\n\r\n"):rep(9)] = "interim",
      ["HTTP/1.1 200 OK\r\n" .. ("X: y\r\n"):rep(101) .. "\r\n"] = "100 header fields",
    } do
      local code, message = http(answer)
      assert.equal("PROXY", code)
      assert.matches("^the proxy's answer cannot be read: .*" .. text, message)
    end
  end)

  it("to answer is told by how it ends", function()
    local ended = "the proxy ended the connection before it led to the server"
    assert.same({ "PROXY", ended }, { http("", "close") })
    assert.same({ "PROXY", ended }, { http("HTTP/1.1 200 OK\r\n", "half_close") })
    assert.same({ "PROXY", "the proxy broke the connection: connection reset by peer" },
      { http("HTTP/1.1 200 OK\r\n", "reset") })
    local late = { "ETIMEDOUT", "the proxy did not lead to the server in time" }
    for _, begun in ipairs { "", "HTTP/1.1 200 OK\r\n\r" } do
      helper.with_limit(function(limit)
        assert.same(late, { http(begun, nil, { timeout = limit }) })
      end)
    end
  end)

  it("byte by byte is held to the one time limit", function()
    local peer = listener:accept()
    local conn = connect_by("http://", "ws", 0.3)
    peer:read_until("\r\n\r\n")
    peer:drip("HTTP/1.1 200 OK\r\nX: " .. ("y"):rep(1000), 1, 0.05) -- longer than anybody waits
    assert.equal("ETIMEDOUT", (outcome(conn)))
    peer:close()
  end)

  it("behind its answer is told by what fails then", function()
    local done = "HTTP/1.1 200 OK\r\n\r\n"
    assert.same({ "EOF", "the server ended the connection during the handshake" },
      { http(done, "half_close") })
    assert.equal("ECONNRESET", (http(done, "reset")))
    helper.with_limit(function(limit)
      assert.same({ "ETIMEDOUT", "the server did not answer the handshake in time" },
        { http(done, nil, { timeout = limit }) })
    end)
    assert.equal("HTTP_STATUS", (http(done .. "HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n")))
    for _, size in ipairs { 1, 1000 } do
      local secure = { scheme = "wss", piece = size }
      assert.equal("TLS_NOT_TLS", (http(done .. "HTTP/1.1 400 Bad\r\n\r\n", nil, secure)))
    end
    assert.equal("EOF", (http(done, "half_close", { scheme = "wss" })))
    helper.with_limit(function(limit)
      assert.equal("ETIMEDOUT", (http(done, nil, { scheme = "wss", timeout = limit })))
    end)
  end)

  -- The proxy's answer is there, and its reset behind it: what the client has to say fails to be
  -- written, and nothing is left that could be read.
  it("behind its answer is told by a write that fails", function()
    local read = helper.file()
    local proxy = helper.background { helper.python, "-c", [[
import signal, socket, struct, sys
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
client = listener.accept()[0]
open(sys.argv[1], "wb").write(client.recv(1000))
signal.sigwait([signal.SIGUSR1])
client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
client.close()
print("reset", flush=True)]], read }
    events = {}
    local conn = ws.connect("ws://server.test:81/", {
      proxy = "http://127.0.0.1:" .. proxy:read_line(),
      on_error = function(_, message, code) record(code, message) end,
    })
    helper.wait_until(function() return helper.read(read) ~= "" end, "the request")
    proxy:signal "USR1"
    assert.equal("reset", proxy:read_line()) -- meanwhile the loop stands still
    assert.equal("ECONNRESET", (outcome(conn)))
    proxy:wait()
  end)

  it("nothing is lost of what comes behind its answer", function()
    -- The whole answer of a server in one piece with the proxy's: its accept value must be known
    -- before the request is, so it is refused, and the refusal shows that all was read.
    local code, message = http("HTTP/1.1 200 OK\r\n\r\n"
      .. "HTTP/1.1 503 Busy\r\nContent-Length: 5\r\n\r\nlater")
    assert.equal("HTTP_STATUS", code)
    assert.matches("503 Busy: later$", message)
  end)

  -- The same for a SOCKS proxy; `replies` are sent one after the other.
  local function socks(replies, ending, proxy)
    local peer = listener:accept()
    local conn = connect_by(proxy or "socks5h://")
    for _, step in ipairs(replies) do
      assert.equal(step[1], (peer:read(#step[1])))
      peer:drip(step[2], 1)
    end
    if ending then peer[ending](peer) end
    local code, message = outcome(conn)
    if ending ~= "close" and ending ~= "reset" then
      peer:read_all()
      peer:close()
    end
    return code, message
  end

  local hello, request = "\5\1\0", "\5\1\0\3\11server.test\0\81"

  it("by SOCKS is told by its code", function()
    for code, text in pairs {
      "failed", "does not allow", "network unreachable", "server unreachable",
      "server refused the SOCKS proxy", "in time", "command CONNECT", "type of address", "no name",
    } do
      local name, message = socks { { hello, "\5\0" }, { request, "\5" .. string.char(code) } }
      assert.equal("PROXY", name)
      assert.matches(text, message)
    end
    assert.same({ "PROXY_AUTH", "the SOCKS proxy asks for a user name and a password" },
      { socks { { hello, "\5\255" } } })
    assert.same({ "PROXY", "the SOCKS proxy chose what was not offered" },
      { socks { { hello, "\5\2" } } })
    assert.same({ "PROXY", "the proxy does not speak SOCKS 5" }, { socks { { hello, "HT" } } })
    assert.same({ "PROXY_AUTH", "the SOCKS proxy refused the user name or the password" },
      { socks({ { "\5\2\0\2", "\5\2" }, { "\1\2me\1x", "\1\1" } }, nil,
        "socks5h://me:x@") })
  end)

  it("by SOCKS is told by how it ends", function()
    local ended = { "PROXY", "the proxy ended the connection before it led to the server" }
    assert.same(ended, { socks({ { hello, "" } }, "close") })
    assert.same(ended, { socks({ { hello, "\5\0" } }, "half_close") })
    assert.same(ended, { socks({ { hello, "\5\0" }, { request, "\5\0\0\1xx" } }, "close") })
    assert.matches("reset", (select(2, socks({ { hello, "\5" } }, "reset"))))
    assert.equal("EOF",
      (socks({ { hello, "\5\0" }, { request, "\5\0\0\1xxxxyy" } }, "half_close")))
  end)

  it("can be given up at any time", function()
    for _, how in ipairs { "close", "terminate" } do
      for _, said in ipairs { "", "HTTP/1.1 200 OK\r\n\r", "HTTP/1.1 200 OK\r\n\r\n" } do
        local peer = listener:accept()
        local conn = connect_by "http://"
        peer:read_until("\r\n\r\n")
        peer:send(said)
        if said:find "\n\r\n$" then peer:read_until("\r\n\r\n") end
        conn[how](conn)
        assert.equal("CLOSED", (outcome(conn)))
        peer:read_all()
        peer:close()
      end
    end
  end)

  it("to accept is not waited for longer than the time limit", function()
    -- A full backlog: who connects now is not answered at all.
    local hole = raw.listen_full()
    events = {}
    local function try(url, options)
      options.timeout = 0.2
      local conn, message, code = ws.connect(url:format(hole.port), options)
      return { conn, code, message }
    end
    local tried = (": 127.0.0.1:%d: no answer"):format(hole.port)
    assert.same({ nil, "ETIMEDOUT", "the server could not be reached in time" .. tried },
      try("ws://127.0.0.1:%d/", {}))
    assert.same({ nil, "ETIMEDOUT", "the proxy could not be reached in time" .. tried },
      try("ws://127.0.0.1:1/", { proxy = "http://127.0.0.1:" .. hole.port }))
    hole:close()
  end)
end)
