-- The client's side of the opening handshake against raw servers: any chunking, interim answers,
-- refusals, and every way not to answer. The rules of the answer are in handshake_spec.lua.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local listener, events

local function url(rest) return ("ws://127.0.0.1:%d%s"):format(listener.port, rest or "/") end

local function note(name)
  return function(_, ...) events[#events + 1] = { name, ... } end
end

-- Connects with handlers that note what happens.
local function connect(options)
  options = options or {}
  options.on_open, options.on_message = note "open", note "message"
  options.on_close, options.on_error = note "close", note "error"
  return assert(ws.connect(url(), options))
end

local function wait_for_events(count)
  helper.wait_until(function() return #events >= count end, count .. " events")
end

local function begin_specs() listener = raw.listen() end

local function before() events = {} end

local function after() raw.wait_for_end() end

local function end_specs()
  listener:close()
  raw.stop()
  helper.check_leaks()
end

describe("a client's request", function()
  setup(begin_specs)
  teardown(end_specs)
  before_each(before)
  after_each(after)

  it("is exactly this", function()
    connect { headers = { ["X-B"] = "2", ["X-A"] = "1" }, protocols = { "p", "q" } }
    local peer = listener:upgrade()
    local head = peer:wait()
    local key = head:match("\r\nSec%-WebSocket%-Key: (%S+)\r\n")
    assert.equal(24, #key)
    assert.equal(("GET / HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nUpgrade: websocket\r\n"
      .. "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n"
      .. "Sec-WebSocket-Protocol: p, q\r\n%sX-A: 1\r\nX-B: 2\r\n\r\n"):format(listener.port, key,
        head:match("Sec%-WebSocket%-Extensions: [^\r]*\r\n") or ""), head)
    peer:close()
    wait_for_events(2)
    assert.same({ "open" }, events[1])
  end)

  it("has another key and other masks each time", function()
    local keys, masks = {}, {}
    for _ = 1, 3 do
      local conn = connect()
      local peer = listener:upgrade()
      local key = peer:wait():match("Sec%-WebSocket%-Key: (%S+)")
      helper.wait_until(function() return conn.state == "open" end)
      conn:send("")
      local mask = peer:read(6):sub(3)
      assert.is_nil(keys[key])
      assert.is_nil(masks[mask])
      keys[key], masks[mask] = true, true
      peer:close()
    end
  end)

  it("has the target of the URL", function()
    for given, target in pairs {
      ["/a/b?c=d"] = "/a/b?c=d", ["?x"] = "/?x", [""] = "/", ["/%20"] = "/%20",
    } do
      local conn = ws.connect(url(given), { on_close = note "close", on_error = note "error" })
      local peer = listener:accept()
      assert.equal("GET " .. target .. " HTTP/1.1\r\n", (peer:read_until("\r\n")))
      conn:terminate()
      peer:close()
    end
  end)
end)

describe("a server's answer", function()
  setup(begin_specs)
  teardown(end_specs)
  before_each(before)
  after_each(after)

  it("may come in any pieces, with frames behind it", function()
    for _, size in ipairs { 1, 2, 5, 64, 1000 } do
      before()
      local conn = connect()
      local peer = listener:accept()
      local head = peer:read_until("\r\n\r\n")
      -- To drip the accept value, it must be known: another peer works it out.
      local asking = raw.connect(listener.port):send(head)
      local answering = listener:upgrade()
      local answer = asking:read_until("\r\n\r\n")
      asking:close()
      answering:close()
      peer:drip(answer .. raw.server_frame(1, "a") .. raw.server_frame(2, "b"), size)
      wait_for_events(3)
      assert.same({ { "open" }, { "message", "a", "text" }, { "message", "b", "binary" } }, events)
      conn:terminate()
      peer:close()
      after()
    end
  end)

  it("may follow interim answers", function()
    connect()
    local peer = listener:upgrade("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\n"
      .. "Link: x\r\n\r\n" .. raw.answer("X-Y: z\r\n"), raw.server_frame(8, "\3\232"))
    wait_for_events(2)
    assert.same({ { "open" }, { "close", 1000, "" } }, events)
    peer:close()
  end)

  it("is in conn.response", function()
    local conn = connect()
    assert.is_nil(conn.response)
    local peer = listener:upgrade(raw.answer("X-Y: z\r\nx-y: w\r\n"))
    wait_for_events(1)
    assert.equal(101, conn.response.status)
    assert.equal("Switching Protocols", conn.response.reason)
    assert.equal("z, w", conn.response.headers["x-y"])
    assert.equal("127.0.0.1", conn.remote_address)
    assert.equal(listener.port, conn.remote_port)
    conn:terminate()
    peer:close()
  end)

  -- What a client says when a server answers so, and then perhaps ends the connection.
  local function refused_with(answer, ending, timeout)
    before()
    local conn = connect { timeout = timeout or 60 }
    local peer = listener:accept()
    peer:read_until("\r\n\r\n")
    if answer ~= "" then peer:send(answer) end
    if ending then peer[ending](peer) end
    wait_for_events(1)
    core.step(0)
    assert.equal(1, #events)
    assert.equal("error", events[1][1])
    assert.equal("closed", conn.state)
    if not ending then
      peer:read_all()
      peer:close()
    end
    after()
    return events[1][2], events[1][3]
  end

  it("that refuses is told with its status and how its body begins", function()
    local text = "the server did not switch to WebSocket: 404 Not Found"
    local function body(rest, ending)
      local message, code = refused_with("HTTP/1.1 404 Not Found\r\n" .. rest, ending)
      assert.equal("HTTP_STATUS", code)
      assert.equal(text, message:sub(1, #text))
      return message:sub(#text + 1)
    end
    assert.equal("", body("Content-Length: 0\r\n\r\n"))
    assert.equal(": no such page", body("Content-Length: 12\r\n\r\nno such page"))
    assert.equal(": no such page", body("\r\nno such page", "close"))
    assert.equal(": no such", body("Content-Length: 12\r\n\r\nno such", "close"))
    assert.equal(": no such", body("Content-Length: 12\r\n\r\nno such", "reset"))
    assert.equal(": a b  c", body("Content-Length: 8\r\n\r\na\nb\1\255c\r\n"))
    assert.equal(": " .. ("x"):rep(159), body("Content-Length: 5000\r\n\r\n" .. ("x"):rep(5000)))
  end)

  it("that refuses is returned whole", function()
    local function answer_to(head)
      local peer = listener:upgrade(head .. "Content-Length: 0\r\n\r\n")
      local conn, message, code, response = ws.connect(url(), { max_redirects = 0 })
      assert.same({ nil, "HTTP_STATUS" }, { conn, code })
      peer:close()
      return response, message
    end
    local moved, message = answer_to "HTTP/1.1 302 Found\r\nLocation: wss://example.org/\r\n"
    assert.matches(": 302 Found$", message)
    assert.same({ status = 302, reason = "Found",
      headers = { location = "wss://example.org/", ["content-length"] = "0" } }, moved)
    local secret = answer_to 'HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm="x"\r\n'
    assert.equal('Basic realm="x"', secret.headers["www-authenticate"])

    listener:accept():tell("until", raw.hex "\r\n\r\n"):close()
    local _, _, code, response = ws.connect(url())
    assert.same({ "EOF", nil }, { code, response }) -- nothing was answered
  end)

  it("is told when nothing else is left to wait for", function()
    local script = helper.file [[
      local ws = require "lunawire"
      local function say(...) print(select(2, ...)) end
      ws.connect(arg[1], { on_open = say, on_error = say, on_close = say })
      ws.run()
    ]]
    local function said(peer)
      local _, out = helper.drive { helper.lua, script, url() }
      peer:close()
      return out
    end
    assert.equal("the server ended the connection during the handshake\tEOF\n",
      said(listener:accept():tell("until", raw.hex "\r\n\r\n"):half_close()))
    assert.equal("\n1006\tthe peer ended the connection without a close frame\n",
      said(listener:upgrade():half_close()))
  end)

  it("that refuses and does not end is told after the timeout", function()
    helper.with_limit(function(limit)
      local message, code = refused_with(
        "HTTP/1.1 503 Busy\r\nContent-Length: 99\r\n\r\nnot now", nil, limit)
      assert.equal("HTTP_STATUS", code)
      assert.equal("the server did not switch to WebSocket: 503 Busy: not now", message)
    end)
  end)

  it("that does not come is told by how it does not", function()
    for _, begun in ipairs { "", "HTTP/1.1 101" } do
      helper.with_limit(function(limit)
        assert.same({ "the server did not answer the handshake in time", "ETIMEDOUT" },
          { refused_with(begun, nil, limit) })
      end)
    end
    assert.same({ "the server ended the connection during the handshake", "EOF" },
      { refused_with("", "close") })
    assert.same({ "the server ended the connection during the handshake", "EOF" },
      { refused_with("HTTP/1.1 101", "half_close") })
    assert.same({ "the connection broke during the handshake: connection reset by peer",
      "ECONNRESET" }, { refused_with("", "reset") })
  end)

  it("in another protocol is told", function()
    local message, code = refused_with("SSH-2.0-OpenSSH_9.2\r\n")
    assert.equal("the HTTP method is malformed", message)
    assert.equal("HTTP_METHOD", code)
    assert.equal("HTTP_NOT_HTTP", (select(2, refused_with("\21\3\3\0\2\2\40"))))
  end)

  it("is waited for by scripts without handlers", function()
    helper.with_limit(function(limit)
      local peer = listener:accept()
      local conn, message, code = ws.connect(url(), { timeout = limit })
      assert.is_nil(conn)
      assert.equal("the server did not answer the handshake in time", message)
      assert.equal("ETIMEDOUT", code)
      peer:close()
    end)
  end)
end)

describe("a client that is closed while it connects", function()
  setup(begin_specs)
  teardown(end_specs)
  before_each(before)
  after_each(after)

  for _, how in ipairs { "close", "terminate" } do
    it("with " .. how .. " tells on_error once", function()
      local conn = connect()
      conn[how](conn)
      conn[how](conn)
      assert.equal("closed", conn.state)
      assert.equal("CLOSED", (select(3, conn:send("x"))))
      wait_for_events(1)
      core.step(0)
      assert.same({ { "error", "the script closed the connection before it was open", "CLOSED" } },
        events)
    end)

    it("with " .. how .. " behind the request does the same", function()
      local conn = connect()
      local peer = listener:accept()
      peer:read_until("\r\n\r\n")
      conn[how](conn)
      wait_for_events(1)
      assert.equal("CLOSED", events[1][3])
      assert.equal("", (peer:read_all()))
      peer:close()
    end)
  end

  it("accepts no message", function()
    local conn = connect()
    assert.same({ nil, "the connection is not open", "CLOSED" }, { conn:send("x") })
    assert.equal("CLOSED", (select(3, conn:ping())))
    assert.is_nil(conn.rtt)
    assert.equal(0, conn.buffered)
    conn:terminate()
  end)
end)

describe("a client that finds nobody", function()
  before_each(before)
  teardown(helper.check_leaks)

  it("tells what was tried", function()
    local server = assert(ws.serve { port = 0, on_message = print })
    local port = server.port
    server:stop()
    raw.wait_for_end()
    local conn, message, code = ws.connect("ws://127.0.0.1:" .. port)
    assert.is_nil(conn)
    assert.equal("ECONNREFUSED", code)
    assert.matches("^cannot connect: .*127%.0%.0%.1.*" .. port .. ".*connection refused", message)
    conn, message, code = ws.connect("ws://localhost:" .. port)
    assert.is_nil(conn)
    assert.equal("ECONNREFUSED", code)
    assert.matches("connection refused", message)
    conn, message, code = ws.connect("ws+unix:///nowhere/at/all.sock:/")
    assert.is_nil(conn)
    assert.equal("ENOENT", code)
    assert.matches("/nowhere/at/all.sock", message, 1, true)
  end)
end)
