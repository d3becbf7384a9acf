-- Limits: time, sizes and counts, against peers that keep none of them.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server, events

local function note(name)
  return function(_, ...) events[#events + 1] = { name, ... } end
end

local function serve(options)
  options.port = 0
  options.on_close, options.on_error = note "close", note "error"
  options.on_open = options.on_open or function() end
  options.close_timeout = 0.2
  server = assert(ws.serve(options))
  return server
end

local function before() events = {} end

local function after()
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
end

local function begin_again()
  after()
  before()
end

-- For tests in which something comes before the limit.
local function within(fn)
  return function() helper.with_limit(fn, begin_again) end
end

-- How many KiB memory grows while fn runs; 0 where nobody can tell.
local function growth(fn)
  collectgarbage()
  local start = helper.resident()
  fn()
  collectgarbage()
  local stop = helper.resident()
  return start and stop - start or 0
end

describe("ping_interval", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("ends the connection to a peer that is silent", function()
    serve { ping_interval = 0.05 }
    local peer = raw.open(server.port)
    local opcode, payload = peer:frame()
    assert.equal(9, opcode)
    assert.equal(8, #payload)
    local rest, ending = peer:read_all()
    assert.equal("", rest)
    assert.equal("eof", ending)
    assert.same({ { "close", 1006, "heartbeat: no sign of life for 0.1 s" } }, events)
    peer:close()
  end)

  it("works in clients, too", function()
    local listener = raw.listen()
    local conn = ws.connect("ws://127.0.0.1:" .. listener.port,
      { ping_interval = 0.05, on_close = note "close" })
    local peer = listener:upgrade()
    helper.wait_until(function() return events[1] end)
    assert.same({ { "close", 1006, "heartbeat: no sign of life for 0.1 s" } }, events)
    assert.equal("closed", conn.state)
    peer:close()
    listener:close()
  end)

  it("keeps a live peer, and measures the way to it", within(function(limit)
    local conn, pongs = nil, 0
    serve { ping_interval = limit, on_open = function(opened) conn = opened end,
      on_pong = function() pongs = pongs + 1 end }
    local client = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    helper.wait_until(function() return pongs >= 3 or events[1] end)
    assert.is_true(conn.rtt > 0 and conn.rtt < limit)
    assert.same({}, events)
    client:close()
  end))

  it("counts anything that a peer sends as life", within(function(limit)
    serve { ping_interval = 2 * limit }
    local peer = raw.open(server.port)
    peer:drip(raw.client_frame(2, "x"), 1, limit):wait()
    assert.same({}, events)
    peer:close()
  end))

  it("rests while the connection is paused", function()
    serve { ping_interval = 0.02, on_open = function(conn)
      conn:pause()
      ws.after(0.15, function() conn:close(3000) end)
    end }
    local peer = raw.open(server.port)
    assert.equal(3000, (peer:read_close()))
    peer:close()
  end)
end)

describe("idle_timeout", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("closes a connection without messages, whatever control frames come", within(function(limit)
    serve { idle_timeout = limit, ping_interval = 0.3 * limit }
    local client = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    local _, _, code, close_code, reason = client:receive(30)
    assert.same({ "CLOSED", 1001, "idle" }, { code, close_code, reason })
    helper.wait_until(function() return events[1] end)
    assert.equal(1001, events[1][2])
  end))

  it("counts messages in both directions", within(function(limit)
    local sent = 0
    serve { idle_timeout = 1.5 * limit, on_open = function(conn)
      local timer
      timer = ws.every(0.5 * limit, function()
        sent = sent + 1
        if sent == 6 then timer:stop() end
        conn:send("x")
      end)
    end }
    local peer = raw.open(server.port)
    for _ = 1, 6 do assert.same({ 1, "x", true }, { peer:frame() }) end
    assert.equal(1001, (peer:read_close()))
    peer:close()
  end))
end)

describe("handshake_timeout", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("ends a peer that says nothing", function()
    serve { handshake_timeout = 0.05 }
    local peer = raw.connect(server.port)
    assert.same({ "", "eof" }, { peer:read_all() })
    peer:close()
  end)

  it("answers 408 to a head that drips", within(function(limit)
    serve { handshake_timeout = limit }
    local peer = raw.connect(server.port):drip(raw.request():sub(1, 20), 1, 0.2 * limit)
    local answer, ending = peer:read_all()
    assert.matches("^HTTP/1.1 408 .*the opening handshake was not finished in time\n$", answer)
    assert.equal("eof", ending)
    peer:close()
  end))

  it("answers 503 when on_upgrade does not decide", within(function(limit)
    local decide, late
    serve { handshake_timeout = limit, on_upgrade = function()
      repeat ws.sleep(0.01) until decide
      late = true
      return true
    end }
    local peer = raw.connect(server.port):send(raw.request())
    local answer = peer:read_all()
    decide = true
    assert.matches("^HTTP/1.1 503 .*the server did not decide about the request in time\n$", answer)
    peer:close()
    helper.wait_until(function() return late end)
    assert.same({}, events)
    assert.equal(0, server:stats().opened)
  end))
end)

describe("the limits of a head", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  local function status(bytes)
    local peer = raw.connect(server.port):send(bytes)
    local answer = peer:read_until("\r\n\r\n")
    peer:close()
    return tonumber(answer:match("^HTTP/1.1 (%d+) "))
  end

  it("are 16 KiB and 100 fields", function()
    serve {}
    assert.equal(431, status(raw.request("/", "X: " .. ("y"):rep(16384) .. "\r\n")))
    assert.equal(431, status("GET / HTTP/1.1\r\nX: " .. ("y"):rep(100000)))
    assert.equal(431, status(raw.request("/", ("X: y\r\n"):rep(96))))
    assert.equal(101, status(raw.request("/", ("X: y\r\n"):rep(95))))
  end)
end)

describe("max_connections", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("answers 503 to those above it, until there is room again", function()
    serve { max_connections = 2 }
    local first, second = raw.open(server.port), raw.open(server.port)
    local third = raw.connect(server.port):send(raw.request())
    assert.matches("^HTTP/1.1 503 .*the server has as many connections as it may have\n$",
      (third:read_all()))
    third:close()
    first:close()
    helper.wait_until(function() return server:stats().connections == 1 end)
    raw.open(server.port):close()
    second:close()
  end)
end)

describe("max_message", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("fails a message at its head already", function()
    serve { max_message = 1000 }
    local peer = raw.open(server.port):send(raw.client_frame(2, ("x"):rep(1001)):sub(1, 8))
    local code, reason = peer:read_close()
    assert.same({ 1009, "a message is longer than max_message" }, { code, reason })
    assert.same({ { "error", "a message is longer than max_message", "MESSAGE_TOO_BIG" },
      { "close", 1009, "a message is longer than max_message" } }, events)
    peer:close()
  end)

  it("counts all fragments, and is 1 MiB by default", function()
    local got
    serve { on_message = function(_, message) got = #message end }
    local half = ("x"):rep(512 * 1024)
    local peer = raw.open(server.port)
    peer:send(raw.client_frame(2, half, true)):send(raw.client_frame(0, half))
    helper.wait_until(function() return got end)
    assert.equal(1024 * 1024, got)
    peer:send(raw.client_frame(2, half, true)):send(raw.client_frame(0, half .. "x"):sub(1, 20))
    assert.equal(1009, (peer:read_close()))
    peer:close()
  end)

  it("ends endless fragments without hoarding", function()
    serve {}
    local grown = growth(function()
      local peer = raw.open(server.port):send(raw.client_frame(2, "", true))
      peer:send(raw.client_frame(0, "", true), 100000)
      peer:send(raw.client_frame(0, ("x"):rep(100), true), 10486)
      assert.equal(1009, (peer:read_close()))
      peer:close()
    end)
    assert.equal("MESSAGE_TOO_BIG", events[1][3])
    assert.is_true(grown < 4096, grown .. " KiB")
  end)

  it("does not bound a message that is streamed to on_chunk", function()
    local total, whole = 0, false
    serve { max_message = "64K", on_chunk = function(_, chunk, _, final)
      total, whole = total + #chunk, final
    end }
    local peer = raw.open(server.port)
    peer:send(raw.client_frame(2, ("x"):rep(65536), true)):send(raw.client_frame(0, "x"))
    helper.wait_until(function() return whole end)
    assert.equal(65537, total)
    peer:close()
  end)

  it("bounds what a client accepts", function()
    local listener = raw.listen()
    ws.connect("ws://127.0.0.1:" .. listener.port,
      { max_message = 10, on_error = note "error", on_close = note "close" })
    local peer = listener:upgrade(nil, raw.server_frame(1, "12345678901"))
    peer:wait()
    assert.equal(8, (peer:frame()))
    assert.equal("MESSAGE_TOO_BIG", events[1][3])
    peer:close()
    listener:close()
  end)
end)

describe("a flood", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("of pings that nobody reads the answers of costs little", function()
    local conn, pings, most = nil, 0, 0
    serve {
      on_open = function(opened) conn = opened end,
      on_ping = function()
        pings = pings + 1
        if pings % 100 == 0 then most = math.max(most, conn.buffered) end
      end,
    }
    local function flood(hundreds)
      local peer = raw.open(server.port, "/", "", 4096)
      local expected = pings + 100 * hundreds
      peer:send(raw.client_frame(9, ("p"):rep(125)):rep(100), hundreds)
      helper.wait_until(function() return pings == expected end, "all pings", 60)
      core.step(0)
      assert.is_true(conn.buffered < 64 * 1024)
      peer:close()
    end
    flood(2000) -- what the loop lends to all connections is there from now on
    local grown = growth(function() flood(2000) end)
    assert.is_true(most < 1024 * 1024, most .. " bytes")
    assert.is_true(grown < 1024, grown .. " KiB")
  end)

  it("of connections leaves nothing behind", function()
    serve { on_message = function(conn, message) conn:send(message) end }
    local function crowd()
      local _, status = raw.crowd(server.port, 250, raw.request() .. raw.client_frame(1, "x"),
        "\129\1x", raw.client_frame(8, "\3\232"))
      assert.equal("ok", status)
    end
    crowd()
    crowd()
    local grown = growth(function()
      for _ = 1, 6 do crowd() end
    end)
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.equal(2000, server:stats().opened)
    assert.equal(2000, #events)
    assert.is_true(grown < 2048, grown .. " KiB")
  end)
end)
