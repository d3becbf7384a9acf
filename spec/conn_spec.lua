-- Connections over real sockets: messages both ways, handlers, fields. How they end is in
-- close_spec.lua, what limits them in limits_spec.lua and slow_spec.lua.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local lengths = { 0, 1, 125, 126, 127, 65535, 65536, 1024 * 1024 }

local serve = raw.serve

local function echo(options)
  options = options or {}
  options.on_message = function(conn, message, kind) conn:send(message, kind) end
  return serve(options)
end

local function url_of(server) return ("ws://127.0.0.1:%d/"):format(server.port) end

describe("a message", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("of any length goes to a client and back", function()
    local conn = assert(ws.connect(url_of(echo())))
    for _, length in ipairs(lengths) do
      local text = ("x"):rep(length)
      assert.is_not_nil(conn:send(text, "binary"))
      local message, kind = conn:receive(30)
      assert.is_true(message == text)
      assert.equal("binary", kind)
    end
    conn:close()
  end)

  it("of any length goes to a raw peer and back", function()
    local peer = raw.open(echo().port)
    for _, length in ipairs { 0, 1, 125, 126, 127, 65535, 65536 } do
      local text = ("x"):rep(length)
      peer:send(raw.client_frame(1, text))
      local opcode, payload, fin = peer:frame()
      assert.equal(1, opcode)
      assert.is_true(payload == text)
      assert.is_true(fin)
    end
    peer:close()
  end)

  it("is text by default, and keeps NUL and what is not ASCII", function()
    local conn = assert(ws.connect(url_of(echo())))
    conn:send("a\0\195\164\240\159\152\128")
    assert.same({ "a\0\195\164\240\159\152\128", "text" }, { conn:receive(30) })
    conn:send("\255\0", "binary")
    assert.same({ "\255\0", "binary" }, { conn:receive(30) })
    conn:close()
  end)

  it("that is text and not UTF-8 is not sent", function()
    local conn = assert(ws.connect(url_of(echo())))
    local ok, message, code = conn:send("\255")
    assert.is_nil(ok)
    assert.equal('a text message must be valid UTF-8: send this with kind "binary"', message)
    assert.equal("INVALID_UTF8", code)
    assert.equal("INVALID_UTF8", (select(3, conn:send { "\195", "x" })))
    assert.is_true(conn:send { "\195", "\164" }) -- a character may be split
    assert.equal("\195\164", (conn:receive(30)))
    conn:close()
  end)

  it("may be an array of strings", function()
    local conn = assert(ws.connect(url_of(echo())))
    local parts = {}
    for i = 1, 100 do parts[i] = tostring(i) .. "," end
    parts[101] = ("x"):rep(100000)
    for _, array in ipairs { {}, { "" }, { "a" }, { "a", "", "b" }, parts } do
      assert.is_not_nil(conn:send(array))
      assert.is_true(conn:receive(30) == table.concat(array))
    end
    conn:close()
    assert.has_error(function() conn:send { "a", 1 } end,
      "element 2 of the message must be a string, not a number")
  end)

  it("from a server may be an array with long parts", function()
    local long = ("y"):rep(70000)
    local server = serve { on_open = function(conn) conn:send({ "a", long, "b", long }) end }
    local conn = assert(ws.connect(url_of(server)))
    assert.is_true(conn:receive(30) == "a" .. long .. "b" .. long)
    conn:close()
  end)

  it("needs a kind that exists and data that is a string", function()
    local conn = assert(ws.connect(url_of(echo())))
    assert.error_matches(function() conn:send("a", "json") end,
      'kind must be "text" or "binary"')
    assert.error_matches(function() conn:send(nil) end, "string expected, got nil")
    assert.error_matches(function() conn:send(true) end, "string expected, got boolean")
    conn:close()
  end)

  it("keeps its order among many", function()
    local got = {}
    local server = serve { on_message = function(_, message) got[#got + 1] = message end }
    local conn = assert(ws.connect(url_of(server)))
    local sent = {}
    for i = 1, 5000 do
      sent[i] = tostring(i)
      conn:send(sent[i])
    end
    helper.wait_until(function() return #got == 5000 end)
    assert.same(sent, got)
    conn:close()
  end)
end)

describe("a fragmented message", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("is put together, with control frames between its fragments", function()
    local pings, pongs = {}, {}
    local server = echo {
      on_ping = function(_, payload) pings[#pings + 1] = payload end,
      on_pong = function(_, payload) pongs[#pongs + 1] = payload end,
    }
    local peer = raw.open(server.port)
    peer:drip(raw.client_frame(1, "a\195", true) .. raw.client_frame(9, "ping 1")
      .. raw.client_frame(0, "", true) .. raw.client_frame(10, "pong")
      .. raw.client_frame(0, "\164", true) .. raw.client_frame(9, "")
      .. raw.client_frame(0, "b"))
    assert.same({ 10, "ping 1", true }, { peer:frame() })
    assert.same({ 10, "", true }, { peer:frame() })
    assert.same({ 1, "a\195\164b", true }, { peer:frame() })
    assert.same({ "ping 1", "" }, pings)
    assert.same({ "pong" }, pongs)
    peer:close()
  end)

  it("may have a thousand fragments", function()
    local peer = raw.open(echo().port)
    peer:send(raw.client_frame(2, "x", true)):send(raw.client_frame(0, "x", true), 998)
    peer:send(raw.client_frame(0, ""))
    local opcode, payload = peer:frame()
    assert.equal(2, opcode)
    assert.is_true(payload == ("x"):rep(999))
    peer:close()
  end)

  it("is sent by conn:stream", function()
    local server = serve {
      on_open = function(conn)
        local writer = conn:stream("binary")
        writer:write("a")
        conn:ping("p")
        writer:write("")
        writer:finish("c")
        conn:send("next")
      end,
    }
    local peer = raw.open(server.port)
    assert.same({ 2, "a", false }, { peer:frame() })
    assert.same({ 9, "p", true }, { peer:frame() })
    assert.same({ 0, "", false }, { peer:frame() })
    assert.same({ 0, "c", true }, { peer:frame() })
    assert.same({ 1, "next", true }, { peer:frame() })
    peer:close()
  end)

  it("as text is checked over its fragments when it is sent", function()
    local conn = assert(ws.connect(url_of(echo())))
    local writer = conn:stream()
    assert.is_true(writer:write("\195"))
    assert.equal("INVALID_UTF8", (select(3, writer:write("\195"))))
    assert.is_true(writer:finish("\164"))
    assert.equal("\195\164", (conn:receive(30)))
    conn:close()
  end)
end)

describe("on_chunk", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("gets the pieces of messages, the last one as final", function()
    local got, finals, kinds = {}, 0, {}
    local server = serve {
      on_chunk = function(_, chunk, kind, final)
        got[#got + 1] = chunk
        if final then
          finals, kinds[#kinds + 1] = finals + 1, kind
        end
      end,
    }
    local peer = raw.open(server.port)
    peer:drip(raw.client_frame(1, "one", true) .. raw.client_frame(0, "two")
      .. raw.client_frame(2, "") .. raw.client_frame(2, "three"))
    helper.wait_until(function() return finals == 3 end)
    assert.equal("onetwothree", table.concat(got))
    assert.same({ "text", "binary", "binary" }, kinds)
    peer:close()
  end)

  it("takes a long message in constant memory, also from conn:stream", function()
    local total, finals, calls, most = 0, 0, 0, 0
    local server = serve {
      max_message = "64M",
      on_chunk = function(_, chunk, _, final)
        total, finals, calls = total + #chunk, finals + (final and 1 or 0), calls + 1
        if calls % 16 == 0 then collectgarbage() end
        most = math.max(most, collectgarbage "count")
      end,
    }
    local chunk = ("z"):rep(65536)
    local sender = ws.spawn(function()
      local conn = assert(ws.connect(url_of(server)))
      local writer = conn:stream("binary")
      for _ = 1, 512 do assert(writer:write(chunk)) end -- waits where the reader is slower
      assert(writer:finish())
      conn:close()
    end)
    collectgarbage()
    local before = collectgarbage "count"
    sender:join(20)
    helper.wait_until(function() return finals == 1 end)
    assert.equal(512 * 65536, total)
    assert.is_true(most - before < 16 * 1024, ("%.0f KiB"):format(most - before))
  end)
end)

describe("handlers", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("are called in order, and on_open before anything else", function()
    local events = {}
    local function note(name)
      return function(_, a, b) events[#events + 1] = table.concat({ name, a, b }, " ") end
    end
    local server = serve {
      on_open = note "open", on_message = note "message", on_ping = note "ping",
      on_pong = note "pong", on_close = note "close", on_error = note "error",
      on_drain = note "drain",
    }
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(9, "a")
      .. raw.client_frame(1, "b") .. raw.client_frame(10, "c")
      .. raw.client_frame(8, raw.close_payload(3000, "d")))
    helper.wait_until(function() return events[5] end)
    assert.same({ "open", "ping a", "message b text", "pong c", "close 3000 d" }, events)
    peer:close()
  end)

  it("on_error tells which rule the peer broke, on_close follows", function()
    local events = {}
    local server = serve {
      on_message = print,
      on_error = function(_, message, code) events[#events + 1] = code .. ": " .. message end,
      on_close = function(_, code) events[#events + 1] = code end,
    }
    local peer = raw.open(server.port):send(raw.server_frame(1, "not masked"))
    assert.same({ 1002, "a frame from the client is not masked", "eof" }, { peer:read_close() })
    assert.same({ "UNMASKED: a frame from the client is not masked", 1002 }, events)
    peer:close()
  end)

  it("may be none at all", function()
    local server = serve { on_close = function() end }
    local peer = raw.open(server.port):send(raw.client_frame(1, "x") .. raw.client_frame(9, "p"))
    assert.same({ 10, "p", true }, { peer:frame() })
    peer:close()
  end)
end)

describe("ping", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("is answered, and measures the way", function()
    local pongs = {}
    local conn
    local server = echo { on_ping = function(peer, payload) peer:send(payload, "binary") end }
    ws.connect(url_of(server), {
      on_open = function(opened)
        conn = opened
        assert(conn:ping("own"))
        assert(conn:ping())
      end,
      on_pong = function(_, payload) pongs[#pongs + 1] = payload end,
    })
    helper.wait_until(function() return #pongs == 2 end)
    assert.equal("own", pongs[1])
    assert.is_true(conn.rtt > 0 and conn.rtt < 5)
    conn:close()
  end)

  it("takes at most 125 bytes", function()
    local conn = assert(ws.connect(url_of(echo())))
    assert.is_nil(conn.rtt)
    assert.is_true(conn:ping(("p"):rep(125)))
    local ok, message, code = conn:ping(("p"):rep(126))
    assert.is_nil(ok)
    assert.equal("the payload of a ping must not be over 125 bytes", message)
    assert.equal("TOO_LONG", code)
    conn:close()
    assert.equal("CLOSED", (select(3, conn:ping())))
  end)
end)

describe("the fields of a connection", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("tell about it, also when it is over", function()
    local conn, closed
    local server = serve {
      on_open = function(opened)
        conn = opened
        conn.name, conn.data = "kept", { 1 }
      end,
      on_close = function(peer) closed = { peer.remote_address, peer.name, peer.state } end,
    }
    local peer = raw.open(server.port, "/path?a=b", "X-Custom: yes\r\nCookie: c=d\r\n")
    helper.wait_until(function() return conn end)
    assert.equal("open", conn.state)
    assert.equal(0, conn.buffered)
    assert.is_true(conn.is_server)
    assert.equal("127.0.0.1", conn.remote_address)
    assert.is_true(conn.remote_port > 0)
    assert.equal(server, conn.server)
    assert.is_nil(conn.protocol or conn.extensions or conn.tls or conn.response or conn.nothing)
    assert.equal("lunawire connection (open)", tostring(conn))
    peer:close()
    helper.wait_until(function() return closed end)
    assert.same({ "127.0.0.1", "kept", "closed" }, closed)
    assert.equal("yes", conn.request.headers["x-custom"])
    assert.equal("GET", conn.request.method)
    assert.equal("/path", conn.request.path)
    assert.equal("b", conn.request.query.a)
    assert.equal("d", conn.request.cookies.c)
    assert.same({ 1 }, conn.data)
    assert.equal("lunawire connection (closed)", tostring(conn))
  end)

  it("know the peer's address in on_close, also after a reset", function()
    local address
    local server = serve {
      on_close = function(conn) address = conn.remote_address or "unknown" end,
    }
    raw.open(server.port):reset()
    helper.wait_until(function() return address end)
    assert.equal("127.0.0.1", address)
  end)

  it("cannot be assigned to", function()
    local conn = assert(ws.connect(url_of(echo())))
    assert.has_error(function() conn.state = "x" end,
      "a connection's state cannot be assigned to")
    assert.has_error(function() conn.send = print end,
      "a connection's send cannot be assigned to")
    conn:close()
  end)
end)
