-- TLS with others: node, Python, curl and openssl, as clients and as servers.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local scenarios = require "spec.peers.scenarios"
local ws = require "lunawire"

local path = certificates.path

local function both()
  return { server = certificates.server(), client = certificates.client() }
end

-- A command with what these programs take from the environment.
local function with_files(...)
  local words = { ... }
  return function()
    local command = { env = { TLS_CERT = path "server.crt", TLS_KEY = path "server.key",
      NODE_EXTRA_CA_CERTS = path "ca.crt", SSL_CERT_FILE = path "ca.crt" } }
    for i, word in ipairs(words) do command[i] = word end
    return command
  end
end

if helper.node_modules() then
  scenarios.describe("node's ws over TLS", {
    client = with_files("node", "spec/peers/client.mjs"),
    server = with_files("node", "spec/peers/server.mjs"),
  }, nil, both)
end

scenarios.describe("Python's websockets over TLS", {
  client = with_files(helper.python, "spec/peers/client.py"),
  server = with_files(helper.python, "spec/peers/server.py"),
}, { deflate = true }, both)

describe("a server with TLS", function()
  local server, opened, closed
  local function start(more)
    opened, closed = 0, 0
    local o = {
      port = 0, tls = certificates.server(),
      on_open = function() opened = opened + 1 end,
      on_message = function(conn, message, kind) conn:send(message, kind) end,
      on_close = function() closed = closed + 1 end,
    }
    for name, value in pairs(more or {}) do o[name] = value end
    server = assert(ws.serve(o))
  end
  before_each(function() start() end)
  after_each(function()
    server:stop()
    raw.wait_for_end()
    assert.equal(opened, closed)
  end)
  teardown(function()
    raw.stop()
    helper.check_leaks()
  end)

  -- Runs openssl s_client. Returns what it printed.
  local function s_client(...)
    local command = { "openssl", "s_client", "-connect", "127.0.0.1:" .. server.port,
      "-CAfile", path "ca.crt", "-servername", "localhost", ... }
    local _, out, err = helper.drive(command)
    return out .. err
  end

  it("answers curl, which checks the certificate", function()
    local url = "https://localhost:" .. server.port .. "/"
    local status, out = helper.drive { "curl", "-sS", "--cacert", path "ca.crt", url }
    assert.equal(0, status)
    assert.matches("this address speaks WebSocket", out)
    local code
    code, out = helper.drive { "curl", "-sS", "--cacert", path "ca.crt", "-i", "--http1.1", "-N",
      "--max-time", "1", "-H", "Connection: Upgrade", "-H", "Upgrade: websocket",
      "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: " .. raw.key, url }
    assert.equal(28, code) -- its time is over; the connection stays open until then
    assert.matches("^HTTP/1.1 101 ", out)
    assert.equal(60, (helper.drive { "curl", "-sS", url })) -- does not know the authority
  end)

  for option, version in pairs { ["-tls1_2"] = "TLSv1.2", ["-tls1_3"] = "TLSv1.3" } do
    it("speaks " .. version .. " and resumes sessions", function()
      local session = helper.file()
      local out = s_client(option, "-alpn", "http/1.1", "-sess_out", session)
      assert.matches("New, " .. version, out)
      assert.matches("Verify return code: 0", out)
      assert.matches("ALPN protocol: http/1.1", out)
      assert.matches("Compression: NONE", out)
      for _ = 1, 2 do
        if version == "TLSv1.2" then
          out = s_client(option, "-sess_in", session)
          assert.matches("Reused, " .. version, out)
        end
      end
    end)
  end

  it("resumes sessions of TLS 1.3, and tells", function()
    local script = helper.file([[
import socket, ssl, sys, time
context = ssl.create_default_context(cafile=sys.argv[2])
context.set_alpn_protocols(["http/1.1"])
session = None
for _ in range(3):
    plain = socket.create_connection(("127.0.0.1", int(sys.argv[1])))
    tls = context.wrap_socket(plain, server_hostname="localhost", session=session)
    tls.sendall(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    while tls.recv(4096):
        pass
    print(tls.version(), tls.session_reused)
    session = tls.session
    tls.unwrap().close()
]])
    local status, out, err = helper.drive { helper.python, script, server.port, path "ca.crt" }
    assert.equal("", err)
    assert.equal("TLSv1.3 False\nTLSv1.3 True\nTLSv1.3 True\n", out)
    assert.equal(0, status)
  end)

  it("refuses older versions, and other protocols", function()
    local out = s_client("-tls1_1", "-cipher", "ALL:@SECLEVEL=0")
    assert.matches("alert protocol version", out)
    out = s_client("-alpn", "h2")
    assert.matches("alert no application protocol", out)
  end)

  it("tells who speaks plain HTTP so", function()
    local status, out = helper.drive { "curl", "-sS", "-i",
      "http://127.0.0.1:" .. server.port .. "/" }
    assert.equal(0, status)
    assert.matches("^HTTP/1.1 400 Bad Request\r\n", out)
    assert.matches("\r\n\r\nthis port speaks TLS: the URL must begin with https:// or wss:// ", out)
    local answer, ended = raw.connect(server.port):drip(raw.request()):read_all()
    assert.matches("^HTTP/1.1 400 ", answer)
    assert.equal("eof", ended)
    local conn, message, code = ws.connect("ws://127.0.0.1:" .. server.port)
    assert.is_nil(conn)
    assert.equal("HTTP_STATUS", code)
    assert.matches("this port speaks TLS", message)
  end)

  it("ends cleanly with who speaks nothing that it knows", function()
    for _, bytes in ipairs { "\0\1\2\3", "hello\r\n", "\22\3\1\255\255", "\22\3\1\0\5hello",
        "\128\46\1\3\1", ("\22"):rep(100), "\21\3\3\0\2\2\40" } do
      local peer = raw.connect(server.port):send(bytes)
      local answer, ended = peer:half_close():read_all()
      assert.equal("eof", ended)
      assert.is_true(#answer <= 14, "more than an alert: " .. #answer)
    end
  end)

  it("does not wait long for a handshake", function()
    server:stop()
    start { handshake_timeout = 0.2 }
    local silent = raw.connect(server.port)
    local begun = raw.connect(server.port):send("\22\3\1\2\0\1")
    local slow = raw.connect(server.port):drip(("\22\3\1\2\0\1\0\1\252\3\3"):rep(40), 1, 0.02)
    for _, peer in ipairs { silent, begun } do
      local answer, ended = peer:read_all()
      assert.equal("", answer)
      assert.equal("eof", ended)
    end
    assert.is_true(select(2, slow:read_all()) ~= "timeout")
  end)

  it("is not stopped by peers that vanish", function()
    for _, bytes in ipairs { "", "\22", "\22\3\1\2\0\1" } do
      raw.connect(server.port):send(bytes):reset():wait()
      raw.connect(server.port):send(bytes):close():wait()
    end
    local conn = assert(ws.connect("wss://localhost:" .. server.port,
      { tls = certificates.client() }))
    conn:send("still there")
    assert.equal("still there", conn:receive(30))
    conn:close()
    conn:receive(30)
  end)
end)

describe("our client and openssl s_server", function()
  teardown(helper.check_leaks)

  -- Starts it; returns the process and a URL.
  local function s_server(...)
    local process = helper.background { "openssl", "s_server", "-accept", "0", "-cert",
      path "server.crt", "-key", path "server.key", ... }
    local line
    repeat line = process:read_line() until not line or line:find("^ACCEPT")
    return process, "wss://localhost:" .. line:match(":(%d+)$")
  end

  local function code_of(url)
    local conn, message, code = ws.connect(url, { tls = certificates.client(), timeout = 60 })
    assert.is_nil(conn)
    return code, message
  end

  it("speak TLS 1.2 and 1.3 to each other", function()
    for _, version in ipairs { "-tls1_2", "-tls1_3" } do
      local process, url = s_server("-WWW", version)
      local code, message = code_of(url) -- it answers with a page
      assert.equal("HTTP_STATUS", code, message)
      process:stop()
    end
  end)
end)

describe("our client", function()
  teardown(function()
    raw.stop()
    helper.check_leaks()
  end)

  local function fails_with(act, timeout)
    local listener = raw.listen()
    local peer = listener:accept()
    act(peer)
    local conn, message, code = ws.connect("wss://127.0.0.1:" .. listener.port,
      { tls = certificates.client(), timeout = timeout or 60 })
    assert.is_nil(conn)
    peer:close()
    return code, message
  end

  it("says what became of a handshake", function()
    assert.equal("TLS_NOT_TLS", (fails_with(function(peer) peer:send("220 ready\r\n") end)))
    assert.equal("ETIMEDOUT", (fails_with(function() end, 0.2)))
    assert.equal("ETIMEDOUT", (fails_with(function(peer) peer:send("\22\3\3\1") end, 0.2)))
    local code, message = fails_with(function(peer) peer:send("\21\3\3\0\2\2\40") end)
    assert.equal("TLS_HANDSHAKE", code)
    assert.matches("^the server refused the TLS handshake: .*handshake failure", message)
    code, message = fails_with(function(peer) peer:tell("read", 10):half_close() end)
    assert.equal("EOF", code)
    assert.matches("ended the connection during the TLS handshake", message)
    code, message = fails_with(function(peer) peer:send("\21\3\3\0\2\2\70") end)
    assert.equal("TLS_VERSION", code)
    assert.equal("the server speaks no TLS of version 1.2 or later", message)
    assert.equal("TLS_HANDSHAKE",
      (fails_with(function(peer) peer:send("\22\3\3\0\5hello") end)))
  end)
end)
