-- ws.serve: options, routes, answers over plain HTTP, and on_upgrade.

local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

-- Sends bytes to a port and returns all that comes back until the server closes.
local exchange_script = [[
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
peer.sendall(sys.argv[2].encode("latin-1"))
while True:
    data = peer.recv(65536)
    if not data: break
    sys.stdout.buffer.write(data)
]]

local function exchange(server, bytes)
  local status, out, err = helper.drive { helper.python, "-c", exchange_script, server.port, bytes }
  assert.equal("", err)
  assert.equal(0, status)
  return out
end

-- The status, the body and the whole answer to a request line, with more header lines.
local function request(server, line, more)
  more = more or "Connection: close\r\n"
  local out = exchange(server, line .. " HTTP/1.1\r\nHost: x\r\n" .. more .. "\r\n")
  local status, body = out:match("^HTTP/1.1 (%d+) .-\r\n\r\n(.*)$")
  return tonumber(status), body, out
end

local upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
  .. "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

local function url_of(server, path) return ("ws://127.0.0.1:%d%s"):format(server.port, path) end

-- Runs fn with reports collected instead of printed; returns them.
local function reports_of(fn)
  local reports = {}
  core.set_hook("report", function(message) reports[#reports + 1] = message end)
  fn(reports)
  core.set_hook("report", nil)
  return reports
end

describe("serve", function()
  teardown(helper.check_leaks)

  local function raises(message, options)
    local ok, raised = pcall(ws.serve, options)
    assert.is_false(ok)
    assert.equal(message, (raised:gsub("^[^:]+:%d+: ", "")))
  end

  it("tells what is wrong with its options", function()
    raises("serve needs a port (0 for any free one) or the path of a unix socket",
      { on_message = print })
    raises("serve takes a path, or a host and port, not both", { path = "x", port = 1 })
    raises("serve needs routes, or handlers such as on_message", { port = 0 })
    raises("serve takes routes or handlers, not both: "
      .. "put the handlers into a route like \"WS /path\"",
      { port = 0, routes = {}, on_message = print })
    raises("route 'WS /': unknown option 'on_mesage': did you mean 'on_message'?",
      { port = 0, routes = { ["WS /"] = { on_mesage = print } } })
    raises("route 'WS /' must be a table of handlers or a function, not a string",
      { port = 0, routes = { ["WS /"] = "x" } })
    raises("route 'GET /': there is no handler",
      { port = 0, routes = { ["GET /"] = {} } })
  end)

  it("returns what the system says about an address", function()
    local server = assert(ws.serve { port = 0, on_message = print })
    local second, message, code = ws.serve { port = server.port, on_message = print }
    assert.is_nil(second)
    assert.is_string(message)
    assert.equal("EADDRINUSE", code)
    server:stop()
  end)

  it("asks for a numeric host", function()
    local server, message, code = ws.serve { host = "a.example", port = 0, on_message = print }
    assert.is_nil(server)
    assert.equal('cannot listen on a.example: host must be a numeric address, such as "127.0.0.1", '
      .. 'or "*" for all', message)
    assert.equal("EINVAL", code)
  end)

  it("tells where it listens when it is printed", function()
    local server = assert(ws.serve { port = 0, on_message = print })
    assert.equal(("lunawire server (127.0.0.1 port %d)"):format(server.port), tostring(server))
    server:stop()
    assert.equal("lunawire server (stopped)", tostring(server))
  end)

  it("listens on a unix socket", function()
    local path = helper.file()
    os.remove(path)
    local server = assert(ws.serve {
      path = path, on_message = function(conn, message) conn:send(message) end,
    })
    local conn = assert(ws.connect("ws+unix://" .. path .. ":/"))
    conn:send("x")
    assert.equal("x", (conn:receive(30)))
    conn:close()
    server:stop()
  end)

  it("leaves any path to plain handlers", function()
    local target
    local server = assert(ws.serve {
      port = 0, protocols = { "b", "a" },
      on_open = function(conn) target = conn.request.path .. conn.request.query.x end,
    })
    local conn = assert(ws.connect(url_of(server, "/any/path?x=1"), { protocols = { "a", "b" } }))
    helper.wait_until(function() return target end)
    assert.equal("/any/path1", target)
    assert.equal("b", conn.protocol)
    assert.equal(426, (request(server, "GET /")))
    conn:close()
    server:stop()
  end)
end)

describe("routes of plain HTTP", function()
  local server, kept
  setup(function()
    server = assert(ws.serve {
      port = 0,
      routes = {
        ["GET /"] = function(_, res) res:send("hello") end,
        ["GET /user/:id"] = function(req, res)
          res:status(201):header("X-Id", req.params.id):header("Content-Type", "text/html")
          res:send(req.query.q)
        end,
        ["GET /later"] = function(_, res) kept = res end,
        ["GET /waits"] = function(_, res)
          ws.sleep(0.01)
          res:send("waited")
        end,
        ["GET /throws"] = function() error("a secret") end,
        ["GET /twice"] = function(_, res)
          res:send("once")
          res:send("twice")
        end,
        ["POST /form"] = function(_, res) res:send() end,
        ["WS /ws"] = {},
      },
    })
  end)
  teardown(function()
    server:stop()
    helper.check_leaks()
  end)

  it("answer", function()
    local status, body, all = request(server, "GET /")
    assert.equal(200, status)
    assert.equal("hello", body)
    assert.matches("\r\nContent%-Length: 5\r\n", all)
    status, body, all = request(server, "GET /user/a%20b?q=7")
    assert.equal(201, status)
    assert.equal("7", body)
    assert.matches("\r\nX%-Id: a b\r\n", all)
    assert.matches("\r\nContent%-Type: text/html\r\n", all)
    assert.equal(200, (request(server, "POST /form")))
  end)

  it("answer HEAD without a body", function()
    local status, body, all = request(server, "HEAD /")
    assert.equal(200, status)
    assert.equal("", body)
    assert.matches("\r\nContent%-Length: 5\r\n", all)
  end)

  it("may wait, and may answer later", function()
    assert.equal("waited", (select(2, request(server, "GET /waits"))))
    local timer
    timer = ws.every(0.005, function()
      if not kept then return end
      kept:send("at last")
      timer:stop()
    end)
    assert.equal("at last", (select(2, request(server, "GET /later"))))
    assert.has_error(function() kept:send("again") end, "this request has been answered already")
    assert.has_error(function() kept:status(200) end, "this request has been answered already")
  end)

  it("that throw answer 500, and the peer learns nothing", function()
    local reports = reports_of(function()
      local status, body = request(server, "GET /throws")
      assert.equal(500, status)
      assert.is_nil(body:find("secret"))
    end)
    assert.equal(1, #reports)
    assert.matches("error in route 'GET /throws'", reports[1])
    assert.matches("a secret\n", reports[1])
  end)

  it("cannot answer twice", function()
    local reports = reports_of(function()
      assert.equal("once", (select(2, request(server, "GET /twice"))))
    end)
    assert.equal(1, #reports)
    assert.matches("this request has been answered already", reports[1])
  end)

  it("answer what has no route", function()
    assert.equal(404, (request(server, "GET /nothing")))
    assert.equal(400, (request(server, "GET /%zz")))
    local status, _, all = request(server, "DELETE /form")
    assert.equal(405, status)
    assert.matches("\r\nAllow: OPTIONS, POST\r\n", all)
    status, _, all = request(server, "GET /ws")
    assert.equal(426, status)
    assert.matches("\r\nUpgrade: websocket\r\n", all)
    assert.equal(404, (request(server, "GET /", upgrade)))
  end)

  it("refuse wrong upgrades and foreign origins", function()
    assert.equal(403, (request(server, "GET /ws", upgrade .. "Origin: http://evil.example\r\n")))
    assert.equal(400, (request(server, "POST /ws", upgrade)))
  end)
end)

describe("on_upgrade", function()
  local server, opened
  setup(function()
    local function on_open(conn) opened = conn end
    local function route(on_upgrade)
      return { on_upgrade = on_upgrade, on_open = on_open, protocols = { "b", "a" } }
    end
    server = assert(ws.serve {
      port = 0,
      routes = {
        ["WS /true/:x"] = route(function() return true end),
        ["WS /data"] = route(function(req)
          ws.sleep(0.001)
          return { target = req.target }
        end),
        ["WS /choice"] = route(function()
          return true, { protocol = "a", headers = { ["X-Choice"] = "a" } }
        end),
        ["WS /wrong"] = route(function() return true, { protocol = "never" } end),
        ["WS /no"] = route(function() return false end),
        ["WS /401"] = route(function()
          return nil, 401, "log in first", { ["WWW-Authenticate"] = "Basic" }
        end),
        ["WS /throws"] = route(function() error("a secret") end),
      },
    })
  end)
  teardown(function()
    server:stop()
    opened = nil
    helper.check_leaks()
  end)
  before_each(function() opened = nil end)

  local function connect(path, options)
    local conn = assert(ws.connect(url_of(server, path), options))
    helper.wait_until(function() return opened end)
    return conn
  end

  it("lets a connection open", function()
    local conn = connect("/true/1")
    assert.is_nil(opened.data)
    assert.equal("1", opened.request.params.x)
    conn:close()
  end)

  it("may wait and give the connection its data", function()
    local conn = connect("/data?x")
    assert.same({ target = "/data?x" }, opened.data)
    conn:close()
  end)

  it("may choose the subprotocol and add header fields", function()
    local conn = connect("/choice", { protocols = { "a", "b" } })
    assert.equal("a", conn.protocol)
    assert.equal("a", conn.response.headers["x-choice"])
    conn:close()
  end)

  it("leaves the choice of the subprotocol to the server's order", function()
    local conn = connect("/true/1", { protocols = { "a", "b" } })
    assert.equal("b", conn.protocol)
    conn:close()
    opened = nil
    conn = connect("/true/1")
    assert.is_nil(conn.protocol)
    conn:close()
  end)

  it("refuses", function()
    assert.equal(403, (request(server, "GET /no", upgrade)))
    local status, body, all = request(server, "GET /401", upgrade)
    assert.equal(401, status)
    assert.equal("log in first", body)
    assert.matches("\r\nWWW%-Authenticate: Basic\r\n", all)
  end)

  it("that throws or chooses wrongly answers 500 and is reported", function()
    local reports = reports_of(function()
      assert.equal(500, (request(server, "GET /throws", upgrade)))
      assert.equal(500, (request(server, "GET /wrong", upgrade)))
    end)
    assert.equal(2, #reports)
    assert.matches("error in route 'WS /throws': .*a secret\n", reports[1])
    assert.matches("on_upgrade chose the protocol 'never', which the client did not offer",
      reports[2])
  end)

  it("needs no routes", function()
    local other = assert(ws.serve {
      port = 0,
      on_upgrade = function(req) return req.path == "/yes" end,
      on_message = function(conn, message) conn:send(message) end,
    })
    local conn = assert(ws.connect(url_of(other, "/yes")))
    conn:send("x")
    assert.equal("x", (conn:receive(30)))
    conn:close()
    assert.equal(403, (request(other, "GET /no", upgrade)))
    assert.equal(426, (request(other, "GET /yes")))
    other:stop()
  end)
end)

describe("a route in coroutine style", function()
  teardown(helper.check_leaks)

  local function closed_by(route)
    local server = assert(ws.serve { port = 0, routes = { ["WS /"] = route } })
    local conn = assert(ws.connect(url_of(server, "/")))
    local _, _, _, close_code, reason = conn:receive(30)
    server:stop()
    return close_code, reason
  end

  it("closes the connection when it returns", function()
    assert.equal(1000, (closed_by(function() end)))
    assert.equal(1000, (closed_by(function() ws.sleep(0.001) end)))
    assert.equal(4000, (closed_by(function(conn) conn:close(4000) end)))
  end)

  it("closes it with 1011 when it throws, and is reported", function()
    local reports = reports_of(function()
      local code, reason = closed_by(function()
        ws.sleep(0.001)
        error("a secret")
      end)
      assert.equal(1011, code)
      assert.equal("", reason)
    end)
    assert.equal(1, #reports)
    assert.matches("error in route 'WS /': .*a secret\nstack traceback", reports[1])
  end)
end)
