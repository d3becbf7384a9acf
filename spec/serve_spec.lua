-- The server's side of the opening handshake, byte by byte: any chunking, subprotocols, headers,
-- on_upgrade, refusals. The rules of the request are in handshake_spec.lua.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server

local function serve(options)
  options.port = 0
  server = assert(ws.serve(options))
  return server
end

local function after()
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
end

local function echo(conn, message, kind) conn:send(message, kind) end

describe("the answer to an upgrade", function()
  teardown(raw.end_specs)
  after_each(after)

  it("is exactly this", function()
    serve { on_message = echo }
    local peer = raw.connect(server.port):send(raw.request())
    assert.equal("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      .. "Sec-WebSocket-Accept: " .. raw.accept .. "\r\n\r\n", (peer:read_until("\r\n\r\n")))
    peer:close()
  end)

  for _, kind in ipairs { "handlers", "on_upgrade", "routes" } do
    it("comes whatever pieces the request comes in, with " .. kind, function()
      local handlers = { on_message = echo }
      if kind == "on_upgrade" then handlers.on_upgrade = function() return true end end
      serve(kind == "routes" and { routes = { ["WS /"] = handlers } } or handlers)
      local bytes = raw.request() .. raw.client_frame(1, "first") .. raw.client_frame(2, "second")
      for _, size in ipairs { 1, 2, 3, 7, 150, #bytes - 13, #bytes } do
        local peer = raw.connect(server.port):drip(bytes, size)
        assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
        assert.same({ 1, "first", true }, { peer:frame() })
        assert.same({ 2, "second", true }, { peer:frame() })
        peer:close()
      end
    end)
  end

  it("comes before anything that on_open sends", function()
    serve { on_open = function(conn) conn:send("hello") end }
    local peer = raw.connect(server.port):send(raw.request())
    local head = peer:read_until("\r\n\r\n")
    assert.matches("^HTTP/1.1 101 ", head)
    assert.same({ 1, "hello", true }, { peer:frame() })
    peer:close()
  end)
end)

describe("subprotocols", function()
  teardown(raw.end_specs)
  after_each(after)

  local function agreed(offer)
    local conn
    server:stop()
    raw.wait_for_end()
    serve {
      protocols = { "v2", "v1" },
      on_open = function(opened) conn = opened end,
    }
    local peer = raw.open(server.port, "/", offer)
    helper.wait_until(function() return conn end)
    local header = peer.head:match("\r\nSec%-WebSocket%-Protocol: ([^\r]*)")
    assert.equal(header, conn.protocol)
    peer:close()
    return header
  end

  it("are chosen by the server's preference among those offered", function()
    serve { on_message = echo }
    assert.equal("v2", agreed("Sec-WebSocket-Protocol: v1, v2\r\n"))
    assert.equal("v1", agreed("Sec-WebSocket-Protocol: v0,v1\r\n"))
    assert.equal("v1", agreed("Sec-WebSocket-Protocol: v0\r\nSec-WebSocket-Protocol: v1\r\n"))
    assert.is_nil(agreed("Sec-WebSocket-Protocol: v0, V1\r\n"))
    assert.is_nil(agreed(""))
  end)

  it("are chosen by on_upgrade, from what the client offers", function()
    local offered
    serve { on_upgrade = function(req)
      offered = req.protocols
      return true, { protocol = req.protocols[2] }
    end }
    local peer = raw.open(server.port, "/", "Sec-WebSocket-Protocol: a, b, c\r\n")
    assert.same({ "a", "b", "c" }, offered)
    assert.matches("\r\nSec%-WebSocket%-Protocol: b\r\n", peer.head)
    peer:close()
  end)

  it("that were not offered are not chosen: 500 and a report", function()
    serve { on_upgrade = function() return true, { protocol = "x" } end }
    local answer
    local reports = helper.reports_of(function()
      local peer = raw.connect(server.port):send(raw.request())
      answer = peer:read_all()
      peer:close()
    end)
    assert.matches("^HTTP/1.1 500 ", answer)
    assert.equal(1, #reports)
    assert.matches("on_upgrade chose the protocol 'x', which the client did not offer", reports[1])
  end)
end)

describe("on_upgrade", function()
  teardown(raw.end_specs)
  after_each(after)

  it("sees the request", function()
    local seen
    serve { on_upgrade = function(req)
      seen = req
      return true
    end }
    local peer = raw.open(server.port, "/a%20b/c?x=1&y=%20z&x=2",
      "X-One: 1\r\nx-one: 2\r\nCookie: a=b; c=\"d\"\r\n")
    assert.same({ "GET", "/a%20b/c?x=1&y=%20z&x=2", "/a%20b/c", "1.1", "127.0.0.1" },
      { seen.method, seen.target, seen.path, seen.version, seen.remote_address })
    assert.same({ x = "2", y = " z" }, seen.query)
    assert.equal("1, 2", seen.headers["x-one"])
    assert.same({ a = "b", c = "d" }, seen.cookies)
    peer:close()
  end)

  it("adds headers", function()
    serve { on_upgrade = function()
      return true, { headers = { ["X-A"] = "b", ["Set-Cookie"] = { "c=d", "e=f" } } }
    end }
    local peer = raw.open(server.port)
    assert.matches("\r\nSet%-Cookie: c=d\r\nSet%-Cookie: e=f\r\nX%-A: b\r\n", peer.head)
    peer:close()
  end)

  it("refuses with a status, a body and headers, at once or after waiting", function()
    for _, wait in ipairs { false, true } do
      local closes = 0
      serve {
        on_upgrade = function()
          if wait then ws.sleep(0.01) end
          return nil, 401, "log in first", { ["WWW-Authenticate"] = "Basic" }
        end,
        on_open = error, on_close = function() closes = closes + 1 end,
      }
      local peer = raw.connect(server.port):send(raw.request())
      local answer, ending = peer:read_all()
      assert.equal("eof", ending)
      assert.matches("^HTTP/1.1 401 Unauthorized\r\n", answer)
      assert.matches("\r\nConnection: close\r\n", answer)
      assert.matches("\r\nWWW%-Authenticate: Basic\r\n", answer)
      assert.matches("\r\nContent%-Length: 12\r\n", answer)
      assert.matches("\r\n\r\nlog in first$", answer)
      peer:close()
      after()
      assert.equal(0, closes)
    end
  end)

  it("refuses with 403 when it just says no", function()
    serve { on_upgrade = function() return false end }
    local peer = raw.connect(server.port):send(raw.request())
    assert.matches("^HTTP/1.1 403 Forbidden\r\n.*\r\nContent%-Length: 0\r\n", (peer:read_all()))
    peer:close()
  end)

  it("may wait while frames come, and nothing of them is lost", function()
    local got, allow = {}, nil
    serve {
      on_upgrade = function()
        while not allow do ws.sleep(0.002) end
        return { name = "data" }
      end,
      on_message = function(conn, message) got[#got + 1] = message .. conn.data.name end,
    }
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "a"))
    peer:send(raw.client_frame(1, "b")):wait()
    core.step(0.01)
    allow = true
    helper.wait_until(function() return #got == 2 end)
    assert.same({ "adata", "bdata" }, got)
    peer:close()
  end)

  it("may decide when the peer has gone", function()
    for _, how in ipairs { "close", "reset" } do
      local waiting, decided, opens, closes = false, false, 0, 0
      serve {
        on_upgrade = function()
          waiting = true
          ws.sleep(0.03)
          decided = true
          return true
        end,
        on_open = function() opens = opens + 1 end,
        on_close = function() closes = closes + 1 end,
      }
      local peer = raw.connect(server.port):send(raw.request())
      helper.wait_until(function() return waiting end)
      peer[how](peer)
      helper.wait_until(function() return decided end)
      after()
      assert.equal(opens, closes)
    end
  end)

  it("with wrong results answers 500 and is reported", function()
    local results = {
      { { nil, 99 }, "the status must be a number between 200 and 599, not 99" },
      { { nil, "401" }, "the status must be a number between 200 and 599, not a string" },
      { { nil, 401, 5 }, "the body must be a string, not 5" },
      { { nil, 401, "x", { Upgrade = "x" } }, "the header field Upgrade is written by lunawire" },
      { { nil, 401, "x", { ["X\n"] = "x" } }, "is not the name of a header field" },
      { { true, "chat" }, "the second result of on_upgrade must be a table, not a string" },
      { { true, { headers = { X = "a\nb" } } }, "the header field X has a control character" },
    }
    for _, case in ipairs(results) do
      serve { on_upgrade = function() return (table.unpack or unpack)(case[1], 1, 4) end }
      local reports = helper.reports_of(function()
        local peer = raw.connect(server.port):send(raw.request())
        assert.matches("^HTTP/1.1 500 ", (peer:read_all()))
        peer:close()
      end)
      assert.equal(1, #reports)
      assert.matches(case[2], reports[1], 1, true)
      after()
    end
  end)
end)

describe("a request that is no upgrade", function()
  teardown(raw.end_specs)
  after_each(after)

  it("is answered in words that help", function()
    serve { on_message = echo }
    local peer = raw.connect(server.port):send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    local answer = peer:read_all()
    assert.matches("^HTTP/1.1 426 Upgrade Required\r\n", answer)
    assert.matches("\r\nUpgrade: websocket\r\n", answer)
    assert.matches("\r\nSec%-WebSocket%-Version: 13\r\n", answer)
    assert.matches("\r\n\r\nthis address speaks WebSocket; the request does not ask for it\n$",
      answer)
    peer:close()
  end)

  it("may end at any byte", function()
    serve { on_message = echo }
    local bytes = raw.request()
    for size = 0, #bytes - 1, 9 do
      local peer = raw.connect(server.port):send(bytes:sub(1, size))
      peer[size % 2 == 0 and "close" or "reset"](peer)
    end
    helper.wait_until(function() return server:stats().accepted >= math.ceil(#bytes / 9) end)
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.equal(0, server:stats().opened)
  end)
end)

describe("server:stats and server:connections", function()
  teardown(raw.end_specs)
  after_each(after)

  it("count", function()
    serve { on_message = echo }
    local peer = raw.open(server.port):send(raw.client_frame(1, "abc"))
    peer:frame()
    local refused = raw.connect(server.port):send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    refused:read_all()
    refused:close()
    helper.wait_until(function() return server:stats().connections == 1 end)
    assert.same({
      connections = 1, open = 1, accepted = 2, opened = 1, refused = 1, messages_in = 1,
      messages_out = 1, bytes_in = 3, bytes_out = 3,
    }, server:stats())
    assert.equal(1, #server:connections())
    assert.equal(server, server:connections()[1].server)
    peer:close()
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.same({}, server:connections())
    assert.equal(0, server:stats().open)
  end)

  it("tell refusals from plain answers", function()
    serve { routes = {
      ["GET /"] = function(_, res) res:send("hello") end,
      ["WS /private"] = { on_upgrade = function() return nil, 401, "log in first" end },
      ["WS /"] = { on_message = echo },
    } }
    local plain = "GET %s HTTP/1.1\r\nHost: x\r\n%s\r\n"
    local cases = {
      { plain:format("/", ""), 200 }, { plain:format("/none", ""), 404 },
      { plain:format("/", ""):gsub("GET", "PUT"), 405 },
      { plain:format("/", "Content-Length: x\r\n"), 400, true }, { "\0", 400, true },
      { raw.request "/private", 401, true }, { raw.request "/none", 404, true },
      { raw.request("/", "Origin: http://y\r\n"), 403, true },
      { raw.request "/", 101 },
    }
    local expected = 0
    for _, case in ipairs(cases) do
      local peer = raw.connect(server.port):send(case[1])
      assert.matches("^HTTP/1.1 " .. case[2], (peer:read_until("\r\n\r\n")))
      peer:close()
      if case[3] then expected = expected + 1 end
      assert.equal(expected, server:stats().refused, case[1])
    end
    assert.equal(1, server:stats().opened)
  end)
end)
