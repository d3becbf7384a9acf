-- Redirects of the opening handshake: where a client follows, what it takes along, where it stops.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local servers, asked = {}, {}
local slow_s -- how long "/slow" takes

-- A server that answers /path?302&location with that status and Location (percent-encoded), and
-- writes down what it is asked for.
local function serve(name, options)
  local o = {
    port = 0,
    on_upgrade = function(req)
      req.server = name
      asked[#asked + 1] = req
      if req.path == "/slow" then ws.sleep(slow_s) end
      local status, location = (req.query_string or ""):match("^(%d+)&(.*)$")
      if not status then return true end
      return nil, tonumber(status), "elsewhere", { Location = core.decode(location) }
    end,
  }
  for key, value in pairs(options or {}) do o[key] = value end
  if o.path then o.port = nil end
  servers[name] = assert(ws.serve(o))
end

local function at(name, path)
  local server = servers[name]
  local scheme = name:find "^secure" and "wss" or "ws"
  return ("%s://localhost:%d%s"):format(scheme, server.port, path or "/")
end

-- "server /path, ..." of all that was asked on the way; and the code, the message and the response
-- when that ended in failing.
local function follow(url, options)
  asked = {}
  local o = { timeout = 60 }
  for key, value in pairs(options or {}) do o[key] = value end
  if url:find "^wss" or o.tls then o.tls = certificates.client(o.tls) end
  local conn, message, code, response = ws.connect(url, o)
  if conn then
    assert.same({ "open", 101 }, { conn.state, conn.response.status })
    conn:close()
  end
  local targets = {}
  for i, req in ipairs(asked) do targets[i] = req.server .. " " .. req.path end
  return table.concat(targets, ", "), code, message, response
end

describe("a redirect", function()
  setup(function()
    serve "one"
    serve "two"
    serve("secure", { tls = certificates.server() })
    serve("secure two", { tls = certificates.server(nil, {
      ca = certificates.path "ca.crt", client_auth = "optional",
    }) })
  end)
  teardown(function()
    for _, server in pairs(servers) do server:stop() end
    raw.end_specs()
  end)

  it("is followed, by whatever status", function()
    for _, status in ipairs { 301, 302, 303, 307, 308 } do
      assert.equal("one /a, two /b", (follow(at("one", "/a?" .. status .. "&" .. at("two", "/b")))))
    end
  end)

  it("may be relative", function()
    for location, path in pairs {
      ["/b?c"] = "/b", ["b"] = "/dir/b", ["../b/./c"] = "/b/c", ["?x"] = "/dir/a", ["."] = "/dir/",
      ["b%23part"] = "/dir/b", ["//localhost:" .. servers.one.port] = "/",
    } do
      assert.equal("one /dir/a, one " .. path, (follow(at("one", "/dir/a?302&" .. location))))
    end
  end)

  it("may come from a unix socket, and stays there when it is relative", function()
    local socket = helper.file()
    os.remove(socket)
    serve("unix", { path = socket })
    assert.equal("unix /a, unix /b", (follow(("ws+unix://%s:/a?302&b"):format(socket))))
    assert.equal("unix /a, two /", (follow(("ws+unix://%s:/a?302&%s"):format(socket, at "two"))))
    local targets, code, message = follow(at("one", "/a?302&ws+unix://" .. socket .. ":/"))
    assert.same({ "one /a", "REDIRECT" }, { targets, code })
    assert.matches("nobody else chooses a unix socket", message)
  end)

  it("may lead to https:// and http://, as pages have it", function()
    assert.equal("one /a, two /", (follow(at("one", "/a?302&" .. at("two"):gsub("^ws", "http")))))
    local secure = at("secure"):gsub("^ws", "http")
    assert.equal("one /a, secure /", (follow(at("one", "/a?302&" .. secure), { tls = {} })))
  end)

  it("may lead from ws:// to wss://, and not back", function()
    assert.equal("one /a, secure /b", (follow(at("one", "/a?301&" .. at("secure", "/b")),
      { tls = {} })))
    local targets, code, message = follow(at("secure", "/a?301&" .. at("one", "/b")))
    assert.same({ "secure /a", "REDIRECT" }, { targets, code })
    assert.equal(('the server redirects from wss:// to "%s", which is not encrypted')
      :format(at("one", "/b")), message)
    local page = at("one"):gsub("^ws", "http")
    assert.equal("REDIRECT", (select(2, follow(at("secure", "/a?301&" .. page)))))
  end)

  it("is followed only so often", function()
    local loop = at("one", "/a?302&/a?302&/a?302&/a?302&/a?302&/a?302&/a")
    local targets, code, message, response = follow(loop)
    assert.equal(("one /a, "):rep(5) .. "one /a", targets)
    assert.equal("REDIRECT", code)
    assert.equal('the server redirects too often, now to "/a": max_redirects is the limit', message)
    assert.same({ 302, "/a" }, { response.status, response.headers.location })
    assert.equal("one /a, one /a, one /a", (follow(loop, { max_redirects = 2 })))
    assert.equal(("one /a, "):rep(6) .. "one /a", (follow(loop, { max_redirects = 50 })))
  end)

  it("is a refusal with max_redirects = 0, or without a Location, or by other statuses", function()
    local function refusal(...)
      local targets, code, message, response = follow(...)
      assert.same({ "one /a", "HTTP_STATUS" }, { targets, code })
      return message, response.headers.location
    end
    local message, location = refusal(at("one", "/a?302&/b"), { max_redirects = 0 })
    assert.same({ "the server did not switch to WebSocket: 302 Found: elsewhere", "/b" },
      { message, location })
    assert.matches("302 Found", refusal(at("one", "/a?302&")))
    for _, status in ipairs { 300, 305, 306, 400 } do
      assert.matches(": " .. status, refusal(at("one", ("/a?%d&/b"):format(status))), 1, true)
    end
  end)

  it("is refused when it leads to no WebSocket, without showing a password", function()
    for location, where in pairs {
      ["ftp://me:secret@x.test/"] = "ftp://x.test/", ["mailto:x"] = "mailto:x", ["ws://"] = "ws://",
      ["http://x.test:0/"] = "http://x.test:0/", ["/a%20b"] = "/a b",
    } do
      local targets, code, message = follow(at("one", "/a?302&" .. location))
      assert.same({ "one /a", "REDIRECT",
        ('the server redirects to "%s", which is no WebSocket URL'):format(where) },
        { targets, code, message })
    end
  end)

  -- What the last server asked was sent.
  local function sent()
    local req = asked[#asked]
    local fields = req.headers
    return { fields.authorization, fields.cookie, fields["x-own"], fields.host }
  end

  it("takes credentials along to the same host and port only", function()
    local options = {
      headers = { Cookie = "a=b", ["X-Own"] = "x", Host = "virtual.test" },
      auth = { bearer = "token" },
    }
    follow(at("one", "/a?302&/b"), options)
    assert.same({ "Bearer token", "a=b", "x", "virtual.test" }, sent())
    follow(at("one", "/a?302&" .. at "two"), options)
    assert.same({ nil, nil, "x", "localhost:" .. servers.two.port }, sent())
    -- Nor are they taken up again on the way back.
    follow(at("one", "/a?302&" .. at("two", "/b?302&" .. at("one", "/c"))), options)
    assert.equal("one", asked[3].server)
    assert.same({ nil, nil, "x", "localhost:" .. servers.one.port }, sent())
    -- Another name is another host.
    follow(at("one", "/a?302&" .. at("one", "/b"):gsub("localhost", "127.0.0.1")), options)
    assert.same({ nil, nil, "x", "127.0.0.1:" .. servers.one.port }, sent())
  end)

  it("takes the user of the URL along to the same host and port only", function()
    local function with_user(url) return (url:gsub("//", "//me:secret@")) end
    follow(with_user(at("one", "/a?302&/b")))
    assert.equal("Basic bWU6c2VjcmV0", asked[2].headers.authorization)
    follow(with_user(at("one", "/a?302&" .. at "two")))
    assert.is_nil(asked[2].headers.authorization)
    -- One that the Location names is not believed.
    follow(at("one", "/a?302&" .. with_user(at "two")))
    assert.same({ "two", nil }, { asked[2].server, asked[2].headers.authorization })
  end)

  it("takes no certificate of the client's along to others", function()
    local client = { cert = certificates.path "client.crt", key = certificates.path "server.key",
      server_name = "localhost" }
    local subjects = {}
    servers["secure two"]:stop()
    serve("secure two", {
      tls = certificates.server(nil, { ca = certificates.path "ca.crt", client_auth = "optional" }),
      on_open = function(conn)
        subjects[#subjects + 1] = conn.tls.peer and conn.tls.peer.subject or "nobody"
      end,
    })
    follow(at "secure two", { tls = client })
    follow(at("secure", "/a?302&" .. at "secure two"), { tls = client })
    helper.wait_until(function() return #subjects == 2 end)
    assert.matches("a client", subjects[1])
    assert.equal("nobody", subjects[2])
  end)

  it("goes through the proxy as well", function()
    local process = helper.background { helper.python, "spec/peers/proxy.py", "http" }
    local proxy = "http://127.0.0.1:" .. process:read_line()
    assert.equal("one /a, two /b", (follow(at("one", "/a?302&" .. at("two", "/b")),
      { proxy = proxy })))
    for _, name in ipairs { "one", "two" } do
      assert.equal(("CONNECT localhost:%d - True"):format(servers[name].port), process:read_line())
    end
    process:stop()
  end)

  it("does not prolong the time limit", function()
    local loop = at("one", "/slow") .. ("?302&/slow"):rep(50)
    helper.with_limit(function(limit)
      slow_s = limit / 2
      local targets, code = follow(loop, { timeout = 5 * limit, max_redirects = 50 })
      assert.equal("ETIMEDOUT", code) -- all fifty would take 25 * limit
      assert.matches("^one /slow, one /slow", targets)
    end)
  end)

  it("that fails is told by what fails, once", function()
    local listener = raw.listen()
    local there = ("ws://127.0.0.1:%d/"):format(listener.port)
    local function outcome(peer_does, timeout)
      local events = {}
      local peer = listener:accept()
      peer_does(peer)
      local conn = ws.connect(at("one", "/a?302&" .. there), {
        timeout = timeout or 60,
        on_open = function() events[#events + 1] = "open" end,
        on_close = function() events[#events + 1] = "close" end,
        on_error = function(_, _, code) events[#events + 1] = code end,
      })
      helper.wait_until(function() return #events > 0 end)
      core.step(0)
      assert.equal("closed", conn.state)
      peer:close()
      return events
    end
    local until_head = raw.hex "\r\n\r\n"
    assert.same({ "ETIMEDOUT" }, outcome(function() end, 0.2))
    assert.same({ "ETIMEDOUT" }, outcome(function(peer) peer:drip("HTTP/1.1 302 F", 1, 0) end, 0.2))
    assert.same({ "EOF" }, outcome(function(peer) peer:tell("until", until_head):half_close() end))
    assert.same({ "ECONNRESET" },
      outcome(function(peer) peer:tell("until", until_head):reset() end))
    listener:close():wait()
    local _, code, message = follow(at("one", "/a?302&" .. there))
    assert.equal("ECONNREFUSED", code)
    assert.matches("127.0.0.1:" .. listener.port, message, 1, true)
  end)

  it("may come in any pieces, with a body that nobody waits for", function()
    for _, size in ipairs { 1, 7, 1000 } do
      local listener = raw.listen()
      local peer = listener:accept()
      peer:tell("until", raw.hex "\r\n\r\n")
      peer:drip(("HTTP/1.1 307 Other\r\nContent-Length: 99\r\nLocation: %s\r\n\r\nbody"):format(
        at("two", "/b")), size)
      assert.equal("two /b", (follow(("ws://127.0.0.1:%d/"):format(listener.port))))
      peer:read_all()
      peer:close()
      listener:close()
    end
  end)

  it("can be given up", function()
    local listener = raw.listen()
    local peer, errors = listener:accept(), {}
    local conn = ws.connect(at("one", ("/a?302&ws://127.0.0.1:%d/"):format(listener.port)), {
      on_error = function(_, _, code) errors[#errors + 1] = code end,
    })
    peer:read_until("\r\n\r\n")
    conn:close()
    helper.wait_until(function() return #errors > 0 end)
    assert.same({ "CLOSED" }, errors)
    peer:read_all()
    peer:close()
    listener:close()
  end)
end)
