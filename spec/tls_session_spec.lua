-- Clients resume TLS sessions: with our server, openssl s_server and node.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local ws = require "lunawire"

local path = certificates.path

-- Opens a connection and closes it when its message came back: whether it resumed a session. The
-- server's tickets are there before its message is.
local function resumed(url, tls)
  local conn = assert(ws.connect(url, { tls = tls, timeout = 60 }))
  conn:send("hello")
  assert.equal("hello", (conn:receive(30)))
  local facts = conn.tls
  assert.is_true(facts.peer.verified)
  assert.equal("CN=localhost", facts.peer.subject) -- although it was not sent again
  conn:close()
  conn:receive(30)
  return facts.resumed
end

-- A `tls` of our own: other specs share contexts whose sessions are theirs.
local clients = 0
local function client(more)
  clients = clients + 1
  local tls = { ca = helper.read(path "ca.crt") .. "client " .. clients .. "\n" }
  for key, value in pairs(more or {}) do tls[key] = value end
  return tls
end

describe("a session of TLS", function()
  local servers = {}
  local function start(options, port)
    local server = assert(ws.serve { port = port or 0, tls = options or certificates.server(),
      on_message = function(conn, message) conn:send(message) end })
    servers[#servers + 1] = server
    return server, "wss://localhost:" .. server.port .. "/"
  end
  after_each(function()
    for _, server in ipairs(servers) do server:stop() end
    servers = {}
  end)
  teardown(helper.check_leaks)

  it("is resumed by the second connection, and by all later ones", function()
    local _, url = start()
    local tls = client()
    assert.is_false(resumed(url, tls))
    for _ = 1, 5 do assert.is_true(resumed(url, tls)) end
  end)

  it("is resumed between options that are equal, in tables of their own", function()
    local _, url = start()
    local function options() return { ca = path "ca.crt", cert = path "client.crt",
      key = path "server.key" } end
    assert.is_false(resumed(url, options()))
    assert.is_true(resumed(url, options()))
  end)

  it("is not resumed with another server, by another name, or under other rules", function()
    local _, url = start()
    local _, elsewhere = start()
    local tls = client()
    assert.is_false(resumed(url, tls))
    assert.is_false(resumed(elsewhere, tls))
    assert.is_false(resumed((url:gsub("localhost", "127.0.0.1")), tls))
    assert.is_false(resumed(url, client { cert = path "client.crt", key = path "server.key" }))
    assert.is_true(resumed(url, tls))
  end)

  it("of someone unverified is of no use to who verifies", function()
    local status, out = helper.run_lua [[
      local ws = require "lunawire"
      local server = assert(ws.serve { port = 0, tls = "self-signed",
        on_message = function(conn, message) conn:send(message) end })
      local url = "wss://localhost:" .. server.port
      for _ = 1, 2 do
        local conn = assert(ws.connect(url, { tls = { verify = false } }))
        conn:send("hello")
        conn:receive(30)
        print(conn.tls.resumed, conn.tls.peer.verified)
        conn:close()
        conn:receive(30)
      end
      print((select(3, ws.connect(url))))
      server:stop()
    ]]
    assert.equal("false\tfalse\ntrue\tfalse\nTLS_SELF_SIGNED\n", out)
    assert.equal(0, status)
  end)

  it("is verified anew when a file changed", function()
    local _, url = start()
    local file = helper.file(helper.read(path "ca.crt"))
    assert.is_false(resumed(url, { ca = file }))
    assert.is_true(resumed(url, { ca = file }))
    local out = assert(io.open(file, "wb"))
    out:write(helper.read(path "stranger-ca.crt"))
    out:close()
    local conn, _, code = ws.connect(url, { tls = { ca = file } })
    assert.is_nil(conn)
    assert.equal("TLS_UNTRUSTED", code)
    os.remove(file)
    conn, _, code = ws.connect(url, { tls = { ca = file } })
    assert.is_nil(conn)
    assert.equal("TLS_CA_FILE", code)
  end)

  it("ends with a reload, and others begin", function()
    local server, url = start()
    local tls = client()
    assert.is_false(resumed(url, tls))
    assert.is_true(server:reload { tls = certificates.server() })
    assert.is_false(resumed(url, tls))
    assert.is_true(resumed(url, tls))
  end)

  it("is of one connection at a time", function()
    local _, url = start()
    local tls = client()
    assert.is_false(resumed(url, tls))
    local first = assert(ws.connect(url, { tls = tls }))
    local second = assert(ws.connect(url, { tls = tls }))
    first:send("hello")
    first:receive(30)
    assert.is_true(first.tls.resumed)
    -- It took the ticket with it; the server sent it another one meanwhile, or not yet.
    assert.is_boolean(second.tls.resumed)
    for _, conn in ipairs { first, second } do
      conn:close()
      conn:receive(30)
    end
  end)

  it("keeps who the client is", function()
    local seen = {}
    local server = assert(ws.serve { port = 0,
      tls = certificates.server(nil, { ca = path "ca.crt", client_auth = "required" }),
      on_message = function(conn, message)
        seen[#seen + 1] = conn.tls.peer.subject .. " " .. tostring(conn.tls.peer.verified)
        conn:send(message)
      end })
    servers[#servers + 1] = server
    local url = "wss://localhost:" .. server.port .. "/"
    local tls = client { cert = path "client.crt", key = path "server.key" }
    assert.is_false(resumed(url, tls))
    assert.is_true(resumed(url, tls))
    assert.same({ "CN=a client true", "CN=a client true" }, seen)
  end)

  it("of many rules is kept for the last few only", function()
    local _, url = start()
    local first = client()
    assert.is_false(resumed(url, first))
    for _ = 1, 8 do assert.is_false(resumed(url, client())) end
    assert.is_false(resumed(url, first))
  end)

  -- s_server says nothing that is a WebSocket; what it sent for a handshake tells.
  for _, version in ipairs { "-tls1_2", "-tls1_3" } do
    it("is resumed with openssl s_server " .. version, function()
      local process = helper.background { "openssl", "s_server", "-accept", "0", "-rev", "-msg",
        "-cert", path "server.crt", "-key", path "server.key", version }
      finally(function() process:stop() end)
      local line
      repeat line = assert(process:read_line()) until line:find("^ACCEPT")
      local tls, url = client(), "wss://localhost:" .. line:match(":(%d+)$")
      for _ = 1, 3 do
        local conn, _, code = ws.connect(url, { tls = tls, timeout = 60 })
        assert.is_nil(conn)
        assert.matches("^HTTP_", code)
      end
      local _, out = process:stop()
      local _, finished = out:gsub(">>> [^\n]*, Finished", "")
      local _, shown = out:gsub(">>> [^\n]*, Certificate\n", "")
      assert.same({ 3, 1 }, { finished, shown })
    end)
  end

  if helper.node_modules() then
    it("is resumed with node", function()
      local process = helper.background { "node", "spec/peers/server.mjs",
        env = { TLS_CERT = path "server.crt", TLS_KEY = path "server.key" } }
      finally(function() process:stop() end)
      local url = "wss://localhost:" .. assert(process:read_line()) .. "/echo?id=1"
      local tls = client()
      assert.is_false(resumed(url, tls))
      -- It gives two tickets with a whole handshake, and none with one that resumed.
      for _ = 1, 2 do assert.is_true(resumed(url, tls)) end
      assert.is_false(resumed(url, tls))
      assert.is_true(resumed(url, tls))
    end)
  end
end)
