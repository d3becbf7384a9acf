-- nginx and haproxy in front of a server, with the configurations of examples/deploy: as they end
-- TLS, and as they pass TCP on with a PROXY header; to a port and to a unix socket.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local scenarios = require "spec.peers.scenarios"
local ws = require "lunawire"

-- What passes is the same bytes on every Lua, and the time-outs take seconds.
if _VERSION ~= "Lua 5.4" or helper.is_variant() then
  pending("a reverse proxy: runs on one tree of Lua 5.4 only")
  return
end

local client_address = "127.0.0.3"

-- Where the server of a front is, and the configurations -----------------------------------------

local function unused_path()
  local path = helper.file()
  os.remove(path)
  return path
end

-- A file of examples/deploy in which pairs of texts are replaced, each of which must be there.
local function configuration(name, pairs_of_texts)
  local text = helper.read("examples/deploy/" .. name)
  for _, pair in ipairs(pairs_of_texts) do
    local from, to = pair[1]:gsub("%p", "%%%0"), pair[2]:gsub("%%", "%%%%")
    assert(text:find(from), pair[1])
    text = text:gsub(from, to)
  end
  return helper.file(text)
end

local function nginx(front, backend, timeout)
  local texts = { { "127.0.0.1:9001", backend.path and "unix:" .. backend.path
    or "127.0.0.1:" .. backend.port }, { "listen 443", "listen 127.0.0.1:" .. front.port },
    { "60s", timeout } }
  if not front.passes_on then
    table.insert(texts, { "/etc/ssl/chat.crt", certificates.path "server.crt" })
    table.insert(texts, { "/etc/ssl/chat.key", certificates.path "server.key" })
    table.insert(texts, { "http {", "http {\n  access_log off;" })
  end
  local path = configuration(front.passes_on and "nginx_stream.conf" or "nginx.conf", texts)
  return { "nginx", "-c", path, "-e", "stderr",
    "-g", ("daemon off; pid %s; user root;"):format(helper.file()) }
end

local function haproxy(front, backend, timeout)
  local address = backend.path and "unix@" .. backend.path or "127.0.0.1:" .. backend.port
  local pem = helper.file(helper.read(certificates.path "server.crt")
    .. helper.read(certificates.path "server.key"))
  local port, other = front.port, helper.free_port()
  return { "haproxy", "-db", "-f", configuration("haproxy.cfg", {
    { "127.0.0.1:9001", address }, { "127.0.0.1:9002", address }, { "/etc/ssl/chat.pem", pem },
    { "bind :443", "bind 127.0.0.1:" .. (front.passes_on and other or port) },
    { "bind :8443", "bind 127.0.0.1:" .. (front.passes_on and port or other) },
    { "send-proxy-v2", front.header or "send-proxy-v2" }, { "60s", timeout },
    { "defaults\n", "defaults\n  retries 0\n" }, -- else it waits 3 s for a server that is gone
  }) }
end

-- A front is a program. passes_on: it does not end TLS; unix: the server listens on a unix socket.
local fronts = {
  { "nginx" }, { "nginx", unix = true },
  { "nginx", passes_on = true }, { "nginx", passes_on = true, unix = true },
  { "haproxy" }, { "haproxy", unix = true },
  { "haproxy", passes_on = true }, { "haproxy", passes_on = true, unix = true },
  { "haproxy", passes_on = true, header = "send-proxy" },
}
local commands = { nginx = nginx, haproxy = haproxy }

local function name_of(front)
  return ("%s that %s%s%s"):format(front[1], front.passes_on and "passes TCP on" or "ends TLS",
    front.unix and ", to a unix socket" or "", front.header and ", with " .. front.header or "")
end

local function succeeds(...) return helper.run { ... } == 0 end

local function is_installed(program) return succeeds("sh", "-c", "command -v " .. program) end

local function nginx_has_stream()
  return succeeds("nginx", "-t", "-e", "stderr", "-g", ("pid %s;"):format(helper.file()), "-c",
    helper.file "load_module modules/ngx_stream_module.so; events {} stream {}")
end

local installed = { nginx = is_installed "nginx", haproxy = is_installed "haproxy" }
local has_stream = installed.nginx and nginx_has_stream()

-- What a front needs and is not here, or nil.
local function missing(front)
  local program = front[1]
  if not installed[program] then return program end
  if program == "nginx" and front.passes_on and not has_stream then return "nginx's stream" end
end

-- The server and its clients ---------------------------------------------------------------------

local front, backend, server, opened, closes

local function echo(conn, message, kind)
  if conn.request.path ~= "/fragments" then return conn:send(message, kind) end
  local writer = conn:stream(kind)
  for i = 1, #message, 1000 do writer:write(message:sub(i, i + 999)) end
  writer:finish()
end

local function serve(options)
  options = options or {}
  options.port, options.path = backend.port, backend.path
  options.tls = front.passes_on and certificates.server() or nil
  options.proxy_protocol = front.passes_on
  options.deflate = true
  options.routes = {
    ["GET /page"] = function(req, res)
      res:send(req.headers["x-forwarded-for"] or req.remote_address)
    end,
    ["WS /*path"] = {
      on_open = function(conn) opened = conn end,
      on_message = echo,
      on_close = function(_, ...) closes[#closes + 1] = { ... } end,
      on_pong = options.on_pong,
    },
  }
  options.on_pong = nil
  server = assert(ws.serve(options))
end

local function connect(path, options)
  options = options or {}
  options.tls, options.local_address = certificates.client(), client_address
  return ws.connect(("wss://127.0.0.1:%d%s"):format(front.port, path or "/"), options)
end

local function open(path, options)
  opened = nil
  local conn = assert(connect(path, options))
  helper.wait_until(function() return opened end)
  return conn
end

local function close(conn)
  conn:close()
  helper.wait_until(function() return conn.state == "closed" end)
end

-- Starts a server with the options and the front before it, with that time-out ("60s"). Returns the
-- front's process when it passes connections on.
local function start(chosen, timeout, options)
  front, backend = chosen, chosen.unix and { path = unused_path() }
    or { port = helper.free_port() } -- it comes back to it
  closes = {}
  serve(options)
  front.port = helper.free_port()
  local process = helper.background(commands[front[1]](front, backend, timeout))
  helper.wait_until(function()
    if process:done() then error(helper.read(process.err)) end
    local conn = connect()
    if conn then close(conn) end
    return conn
  end, name_of(front))
  helper.wait_until(function() return #closes == 1 end)
  closes = {}
  return process
end

local function stop(process)
  server:stop()
  process:stop()
  opened = nil
  raw.wait_for_end()
end

-- What every front must do -----------------------------------------------------------------------

local function receive(conn)
  local message, kind = conn:receive(30)
  return assert(message, kind), kind
end

-- Not assert.equal: a megabyte makes a bad report.
local function expect_echo(conn, message, kind)
  conn:send(message, kind)
  local got, got_kind = receive(conn)
  assert.is_true(message == got, ("%d bytes, %d came back"):format(#message, #got))
  assert.equal(kind, got_kind)
end

local checks = {}

checks["echoes messages of all sizes"] = function()
  local conn = open()
  for _, size in ipairs { 0, 1, 125, 126, 65535, 65536, 1024 * 1024 } do
    expect_echo(conn, ("x"):rep(size), "text")
    expect_echo(conn, ("\0\255"):rep(math.floor(size / 2)), "binary")
  end
  close(conn)
end

checks["passes many fragments on, both ways"] = function()
  local conn = open("/fragments")
  local writer, piece = conn:stream("text"), ("a\195\169\226\130\172"):rep(100)
  for _ = 1, 1000 do writer:write(piece) end
  writer:finish("end")
  assert.is_true(receive(conn) == piece:rep(1000) .. "end")
  close(conn)
end

checks["leaves compression to both ends"] = function()
  local conn = open("/", { deflate = true })
  assert.matches("^permessage%-deflate", conn.extensions)
  local text = {}
  for i = 1, 20000 do text[i] = ("%d is followed by %d"):format(i, i + 1) end
  expect_echo(conn, table.concat(text, ", "), "text")
  close(conn)
end

checks["tells the client's address, and clients cannot lie about it"] = function()
  local conn = open("/?", { headers = { ["X-Forwarded-For"] = "192.0.2.1" } })
  if front.passes_on then
    assert.equal(client_address, opened.remote_address)
    assert.equal(client_address, opened.request.remote_address)
    assert.is_true(opened.remote_port > 0)
    assert.is_string(opened.tls.version)
  else
    assert.equal(client_address, opened.request.headers["x-forwarded-for"])
    assert.is_nil(opened.tls)
  end
  close(conn)
end

checks["passes plain HTTP on, with the client's address"] = function()
  local status, out, err = helper.drive { "curl", "-sS", "--cacert", certificates.path "ca.crt",
    "--interface", client_address, ("https://127.0.0.1:%d/page"):format(front.port) }
  assert.equal("", err)
  assert.equal(0, status)
  assert.equal(client_address, out)
end

checks["lets pages of its own origin in, and no others"] = function()
  local own = "https://127.0.0.1:" .. front.port
  close(open("/", { headers = { Origin = own } }))
  for _, origin in ipairs { "https://evil.example", "https://127.0.0.1", "null" } do
    local conn, message, code = connect("/", { headers = { Origin = origin } })
    assert.is_nil(conn)
    assert.equal("HTTP_STATUS", code)
    assert.matches("403", message)
  end
end

checks["passes close codes on, both ways"] = function()
  local conn = open()
  conn:close(3001, "from the client")
  helper.wait_until(function() return closes[1] end)
  assert.same({ { 3001, "from the client" } }, closes)
  conn = open()
  opened:close(4002, "from the server")
  local message, _, code, close_code, reason = conn:receive(30)
  assert.same({ nil, "CLOSED", 4002, "from the server" }, { message, code, close_code, reason })
end

checks["tells clients that the server went, and finds it when it is back"] = function()
  local conn, other = open(), open()
  opened:terminate()
  helper.wait_until(function() return other.state == "closed" end)
  assert.equal(1006, (select(4, other:receive(30))))
  server:stop(1012, "restart")
  assert.equal(1012, (select(4, conn:receive(30))))
  helper.wait_until(function() return server:stats().connections == 0 end)
  local nobody, message, code = connect()
  assert.is_nil(nobody)
  if not front.passes_on then
    assert.equal("HTTP_STATUS", code)
    assert.matches("50[23]", message)
  end
  serve()
  local back = helper.wait_until(function() return (connect()) end, "the server")
  expect_echo(back, "again", "text")
  close(back)
end

checks["serves Python's websockets"] = function()
  local names = { "text", "binary", "utf8", "hundred connections", "thousand messages" }
  local results = scenarios.results(helper.drive { helper.python, "spec/peers/client.py",
    "wss://127.0.0.1:" .. front.port, names[1], names[2], names[3], names[4], names[5],
    env = { SSL_CERT_FILE = certificates.path "ca.crt" } })
  for _, name in ipairs(names) do assert.equal("ok", results(name)) end
end

-- A front with that time-out, and a client that says nothing.
local function quiet(chosen, timeout, options)
  local pongs = 0
  options.on_pong = function() pongs = pongs + 1 end
  local process = start(chosen, timeout, options)
  local conn = open()
  helper.wait_until(function() return pongs == 6 or closes[1] end, "pongs or the end")
  local survived = closes[1] == nil
  if survived then
    expect_echo(conn, "still here", "text")
    close(conn)
  else
    helper.wait_until(function() return conn.state == "closed" end)
    assert.equal(1006, closes[1][1])
  end
  conn = nil
  stop(process)
  return survived
end

local function describe_front(chosen)
  local process

  local function end_specs()
    server = nil
    raw.end_specs()
  end

  describe(name_of(chosen), function()
    setup(function() process = start(chosen, "60s") end)
    teardown(function()
      stop(process)
      end_specs()
    end)
    before_each(function() closes = {} end)

    for name, check in pairs(checks) do it(name, check) end
  end)

  if chosen.unix or chosen.header then return end -- time-outs are as above

  describe(name_of(chosen) .. " with a short time-out", function()
    teardown(end_specs)

    it("keeps a quiet connection if the server pings in time", function()
      helper.with_limit(function(limit)
        assert.is_true(quiet(chosen, ("%.0fs"):format(10 * limit), { ping_interval = 2.5 * limit }))
      end)
    end)

    it("ends one that nobody pings", function()
      assert.is_false(quiet(chosen, "1s", { ping_interval = 0 }))
    end)
  end)
end

for _, chosen in ipairs(fronts) do
  local lacks = missing(chosen)
  if lacks then
    pending(("%s: needs %s"):format(name_of(chosen), lacks))
  else
    describe_front(chosen)
  end
end

describe("docs/deploy.md", function()
  it("shows what runs here", function()
    local shown, examples = 0, {}
    for _, path in ipairs(helper.find "examples/deploy -type f") do
      examples[#examples + 1] = helper.read(path)
    end
    examples = table.concat(examples)
    for language, text in helper.read("docs/deploy.md"):gmatch "\n```(%l+)\n(.-\n)```\n" do
      if language ~= "lua" then
        assert.is_truthy(examples:find(text, 1, true), text)
        shown = shown + 1
      end
    end
    assert.equal(4, shown)
  end)
end)
