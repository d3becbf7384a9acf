-- TLS, between our server and our client: certificates, names, and what is said when they will not
-- do. Other peers are in tls_peers_spec.lua.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local path = certificates.path

local function serve(tls, more)
  local o = { port = 0, tls = tls, on_message = function(conn, message, kind)
    conn:send(message, kind)
  end }
  for name, value in pairs(more or {}) do o[name] = value end
  return assert(ws.serve(o))
end

local function url(server, host)
  return ("wss://%s:%d/"):format(host or "localhost", server.port)
end

local function open(server, tls, host)
  return assert(ws.connect(url(server, host), { tls = tls or certificates.client() }))
end

-- Why the client could not connect: code, message.
local function why(server, tls, host)
  local conn, message, code = ws.connect(url(server, host), { tls = tls or certificates.client() })
  assert.is_nil(conn)
  return code, message
end

local function close(conn)
  conn:close(1000)
  local _, _, code, close_code = conn:receive(30)
  assert.equal("CLOSED", code)
  assert.equal(1000, close_code)
end

local function echo(conn, message)
  conn:send(message)
  assert.is_true(message == conn:receive(30))
end

describe("TLS", function()
  local servers = {}
  local function start(...)
    local server = serve(...)
    servers[#servers + 1] = server
    return server
  end
  after_each(function()
    for _, server in ipairs(servers) do server:stop() end
    servers = {}
  end)
  teardown(helper.check_leaks)

  it("carries messages of any size, and tells about itself", function()
    local server = start(certificates.server())
    local conn = open(server)
    for _, size in ipairs { 0, 1, 125, 16384, 70000, 1024 * 1024 } do
      echo(conn, ("x"):rep(size))
    end
    local tls = conn.tls
    assert.equal("TLSv1.3", tls.version)
    assert.matches("^TLS_", tls.cipher)
    assert.equal("http/1.1", tls.alpn)
    assert.is_false(tls.resumed)
    assert.is_false(tls.ktls)
    assert.is_true(tls.peer.verified)
    assert.equal("CN=localhost", tls.peer.subject)
    assert.equal("CN=the authority", tls.peer.issuer)
    assert.same({ "localhost", "127.0.0.1", "::1" }, tls.peer.names)
    assert.matches("^%d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d UTC$", tls.peer.expires)
    close(conn)
    assert.equal("TLSv1.3", conn.tls.version) -- kept, because it was asked for
  end)

  it("is nil without it", function()
    local server = start()
    local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    assert.is_nil(conn.tls)
    close(conn)
  end)

  it("carries much in both directions at a time", function()
    local server = start(certificates.server())
    local conn = open(server)
    local message = ("0123456789abcdef"):rep(40000)
    ws.spawn(function() for _ = 1, 20 do conn:send(message, "binary") end end)
    for _ = 1, 20 do assert.is_true(message == conn:receive(30)) end
    close(conn)
  end)

  it("works over unix sockets", function()
    local socket = helper.file()
    os.remove(socket)
    local server = assert(ws.serve { path = socket, tls = certificates.server(),
      on_message = function(conn, message) conn:send(message) end })
    servers[#servers + 1] = server
    local status, out = helper.drive { "curl", "-sS", "--unix-socket", socket, "--cacert",
      path "ca.crt", "https://localhost/" }
    assert.equal(0, status)
    assert.matches("WebSocket", out)
  end)

  it("takes PEM as text, and a key beside its certificate", function()
    local pem = helper.read(path "server.crt") .. helper.read(path "server.key")
    local server = start { cert = pem }
    close(open(server, { ca = helper.read(path "ca.crt") }))
  end)

  it("checks addresses as well as names", function()
    local server = start(certificates.server())
    close(open(server, nil, "127.0.0.1"))
    local code, message = why(start(certificates.server "a"), nil, "127.0.0.1")
    assert.equal("TLS_HOSTNAME", code)
    assert.matches("the certificate is for a%.example, not 127%.0%.0%.1", message)
  end)

  it("says whom a certificate is for", function()
    local server = start(certificates.server "other")
    local code, message = why(server)
    assert.equal("TLS_HOSTNAME", code)
    assert.equal("the certificate is for *.x.org, y.org, not localhost: connect to that name, or "
      .. "pass it as tls.server_name", message)
    for _, name in ipairs { "a.x.org", "y.org", "Y.ORG." } do
      close(open(server, certificates.client { server_name = name }))
    end
    assert.equal("TLS_HOSTNAME", (why(server, certificates.client { server_name = "x.org" })))
    assert.equal("TLS_HOSTNAME", (why(server, certificates.client { server_name = "a.b.x.org" })))
  end)

  it("says when a certificate expired", function()
    local code, message = why(start(certificates.server "expired"))
    assert.equal("TLS_EXPIRED", code)
    assert.matches("^the certificate expired on %d%d%d%d%-%d%d%-%d%d %d%d:%d%d:%d%d UTC$", message)
  end)

  it("says that a certificate is self-signed, and trusts it when told", function()
    local server = start(certificates.server "self")
    local code, message = why(server)
    assert.equal("TLS_SELF_SIGNED", code)
    assert.matches("pass tls%.ca", message)
    close(open(server, { ca = path "self.crt" }))
  end)

  it("says whose signature it does not know", function()
    local server = start(certificates.server "deep")
    local code, message = why(server)
    assert.equal("TLS_UNTRUSTED", code)
    assert.matches("signed by the one between", message)
    close(open(server, { ca = path "middle.crt" }))
    close(open(start(certificates.server "chain")))
  end)

  it("trusts the system's authorities only, when told nothing", function()
    assert.equal("TLS_UNTRUSTED", (why(start(certificates.server()), {})))
  end)

  it("has no certificate checked when told so, and warns once", function()
    local status, out, err = helper.run_lua([[
      local ws = require "lunawire"
      local server = assert(ws.serve { port = 0, tls = "self-signed", on_message = print })
      for _ = 1, 2 do
        local conn = assert(ws.connect("wss://127.0.0.1:" .. server.port,
          { tls = { verify = false } }))
        print(conn.tls.peer.verified, conn.tls.peer.subject, table.concat(conn.tls.peer.names, " "))
        conn:terminate()
      end
      server:stop()
    ]])
    assert.equal("", err:gsub("lunawire: [^\n]*\n", ""))
    assert.equal(2, select(2, err:gsub("lunawire: ", "")))
    assert.matches("self%-signed", err)
    assert.matches("verify = false", err)
    assert.equal(("false\tCN=localhost\tlocalhost 127.0.0.1 ::1\n"):rep(2), out)
    assert.equal(0, status)
  end)

  it("says that a server speaks no TLS", function()
    local code, message = why(start())
    assert.equal("TLS_NOT_TLS", code)
    assert.equal("the server speaks no TLS on this port", message)
  end)

  it("chooses the certificate by name", function()
    local server = start(certificates.server(nil, { sni = {
      ["a.example"] = { cert = path "a.crt", key = path "server.key" },
      ["*.b.example"] = { cert = path "b.crt", key = path "server.key" },
    } }))
    local function subject(name)
      local conn = open(server, certificates.client { server_name = name })
      local found = conn.tls.peer.subject
      close(conn)
      return found
    end
    assert.equal("CN=a.example", subject "a.example")
    assert.equal("CN=a.example", subject "A.Example")
    assert.equal("CN=b.example", subject "www.b.example")
    assert.equal("CN=localhost", subject "localhost")
    local code, message = why(server, certificates.client { server_name = "b.example" })
    assert.equal("TLS_HOSTNAME", code)
    assert.matches("the certificate is for localhost", message)
  end)

  describe("where the kernel may encrypt", function()
    local tls_module = io.open "/proc/net/tls_stat"
    if tls_module then tls_module:close() end
    local offered = tls_module ~= nil and core.ktls

    local function kernel_of(server_tls, client_tls)
      local server = start(certificates.server(nil, server_tls))
      local conn = open(server, certificates.client(client_tls))
      local both = { conn.tls.ktls, server:connections()[1].tls.ktls }
      echo(conn, "hello")
      echo(conn, ("0123456789"):rep(50000))
      close(conn)
      return both
    end

    it("says that it does not, and works all the same", function()
      if offered then return pending "this machine's kernel encrypts" end
      assert.same({ false, false }, kernel_of())
      assert.same({ false, false }, kernel_of()) -- the second time nobody asks
    end)

    it("says that it does", function()
      if not offered then return pending "this machine's kernel does not encrypt (modprobe tls)" end
      assert.same({ true, true }, kernel_of())
    end)

    it("does without when told so", function()
      assert.same({ offered, false }, kernel_of({ ktls = false }))
      assert.same({ false, offered }, kernel_of(nil, { ktls = false }))
    end)
  end)

  describe("with client certificates", function()
    local seen
    local function serve_for(auth)
      seen = nil
      return start(certificates.server(nil, { ca = path "ca.crt", client_auth = auth }), {
        on_open = function(conn) seen = conn.tls.peer or "nobody" end,
      })
    end
    local function client(name)
      return certificates.client { cert = path(name .. ".crt"), key = path "server.key" }
    end

    it("knows who it is", function()
      for _, auth in ipairs { "optional", "required" } do
        close(open(serve_for(auth), client "client"))
        assert.equal("CN=a client", seen.subject)
        assert.is_true(seen.verified)
      end
    end)

    it("lets others in when they are optional", function()
      close(open(serve_for "optional"))
      assert.equal("nobody", seen)
    end)

    it("keeps others out when they are required", function()
      local code, message = why(serve_for "required")
      assert.equal("TLS_CLIENT_CERT", code)
      assert.equal("the server wants a client certificate: pass tls.cert and tls.key", message)
    end)

    it("keeps strangers out", function()
      for _, auth in ipairs { "optional", "required" } do
        local code, message = why(serve_for(auth), client "stranger")
        assert.equal("TLS_HANDSHAKE", code)
        assert.matches("^the server refused the TLS connection: ", message)
      end
      assert.is_nil(seen)
    end)
  end)

  it("changes certificates without dropping anyone", function()
    local server = start(certificates.server())
    local before = open(server)
    assert.is_true(server:reload { tls = certificates.server "other" })
    assert.equal("TLS_HOSTNAME", (why(server)))
    local after = open(server, certificates.client { server_name = "y.org" })
    assert.equal("CN=x.org", after.tls.peer.subject)
    echo(before, "still here")
    local ok, message, code = server:reload { tls = { cert = "/nowhere/cert.pem" } }
    assert.is_nil(ok)
    assert.equal("TLS_CERT_FILE", code)
    assert.matches("cannot read /nowhere/cert.pem", message)
    close(open(server, certificates.client { server_name = "y.org" })) -- as before
    close(before)
    close(after)
        assert.has_error(function() start():reload { tls = certificates.server() } end,
      "reload cannot give TLS to a server without it")
  end)

  for _, case in ipairs {
    { "TLS_CERT_FILE", "cannot read /nowhere: No such file or directory",
      { cert = "/nowhere", key = "server.key" } },
    { "TLS_CERT_FILE", "there is no certificate in PEM in .*server%.key", { cert = "server.key" } },
    { "TLS_KEY_FILE", "cannot read /nowhere", { cert = "server.crt", key = "/nowhere" } },
    { "TLS_KEY_FILE", "there is no private key in PEM in .*server%.crt", { cert = "server.crt" } },
    { "TLS_KEY_FILE", "the key in .* is encrypted",
      { cert = "server.crt", key = "encrypted.key" } },
    { "TLS_KEY_FILE", "the key in .*another%.key is not that of the certificate in .*server%.crt",
      { cert = "server.crt", key = "another.key" } },
    { "TLS_CA_FILE", "there is no certificate in PEM in .*server%.key",
      { cert = "server.crt", key = "server.key", ca = "server.key", client_auth = "optional" } },
  } do
    it("says: " .. case[2], function()
      local tls = {}
      for name, file in pairs(case[3]) do
        local is_file = name ~= "client_auth" and file:sub(1, 1) ~= "/"
        tls[name] = is_file and path(file) or file
      end
      local server, message, code = ws.serve { port = 0, tls = tls, on_message = print }
      assert.is_nil(server)
      assert.matches(case[2], message)
      assert.equal(case[1], code)
    end)
  end

  for message, options in pairs {
    ["tls must be a table or \"self-signed\", not \"self\""] = "self",
    ["tls has an unknown option 'certs': did you mean 'cert'?"] = { certs = "x" },
    ["tls has no cert"] = {},
    ["tls cert must be a string, not 1"] = { cert = 1 },
    ["tls ktls must be a boolean, not a string"] = { cert = "x", ktls = "no" },
    ["tls has client_auth, but no ca: who may sign the clients' certificates?"] =
      { cert = "x", client_auth = "required" },
    ["tls client_auth must be \"optional\" or \"required\", not \"yes\""] =
      { cert = "x", client_auth = "yes" },
    ["tls sni has \"*\", which is no host name like \"a.example\" or \"*.a.example\""] =
      { sni = { ["*"] = { cert = "x" } } },
    ["tls sni of a has an unknown option 'ky': did you mean 'key'?"] =
      { sni = { a = { ky = "" } } },
    ["tls sni of a has no cert"] = { sni = { a = { key = "x" } } },
  } do
    it("raises: " .. message, function()
      assert.has_error(function() ws.serve { port = 0, tls = options, on_message = print } end,
        message)
    end)
  end

  it("raises on what a client cannot mean", function()
    for message, options in pairs {
      ["tls must be a table, not a string"] = "self-signed",
      ["tls has an unknown option 'verfy': did you mean 'verify'?"] = { verfy = false },
      ["tls verify must be a boolean, not 0"] = { verify = 0 },
      ["tls has a key, but no cert"] = { key = "x" },
    } do
      assert.has_error(function() ws.connect("wss://localhost/", { tls = options }) end, message)
    end
    local conn, _, code = ws.connect("wss://localhost/", { tls = { ca = "/nowhere" } })
    assert.is_nil(conn)
    assert.equal("TLS_CA_FILE", code)
  end)
end)
