-- Messages that come in several pieces over real sockets: their bytes are received where they are
-- gathered, and what may come between them must not matter. core/test/test_session_room.c looks at
-- the memory that this takes.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server, conn, messages, ended

local function serve(options)
  messages, ended = {}, nil
  options = options or {}
  options.port = 0
  options.on_open = function(opened) conn = opened end
  options.on_message = options.on_message
    or function(_, message) messages[#messages + 1] = message end
  options.on_close = function(_, code) ended = code end
  server = assert(ws.serve(options))
  return server.port
end

local function stop()
  server:stop()
  raw.wait_for_end()
end

-- Characters of two bytes, so that every other place is inside of one.
local function text_of(size) return ("\195\164"):rep(size / 2) end

-- Lets the server read all that the peer was told to send.
local function take_in(peer)
  peer:wait()
  for _ = 1, 5 do ws.step(0) end
end

local function wait_for_messages(count)
  helper.wait_until(function() return #messages == count end, count .. " messages", 20)
end

-- A peer of which the server has read the first `size` bytes of a message of 300,000, and the rest.
local function begin(size, options)
  local peer = raw.open(serve(options))
  local frame = raw.client_frame(1, text_of(300000))
  take_in(peer:send(frame:sub(1, size)))
  return peer, frame:sub(size + 1)
end

describe("a message in pieces", function()
  teardown(raw.end_specs)
  after_each(stop)

  it("is what was sent, wherever they end", function()
    local text = text_of(100000)
    local frames = raw.client_frame(1, text) .. raw.client_frame(9, "ping")
      .. raw.client_frame(2, text:sub(2)) .. raw.client_frame(1, "small")
    local port = serve()
    for _, size in ipairs { 977, 8191, 8192, 20000, 65536, 100010, 100030, 200040 } do
      messages = {}
      local peer = raw.open(port)
      for at = 1, #frames, size do take_in(peer:send(frames:sub(at, at + size - 1))) end
      wait_for_messages(3)
      assert.is_true(messages[1] == text and messages[2] == text:sub(2))
      assert.equal("small", messages[3])
      assert.equal(10, (peer:frame()))
      peer:close()
    end
  end)

  it("may come in fragments with others between", function()
    local text = text_of(60000)
    local peer = raw.open(serve())
    peer:drip(raw.client_frame(1, text, true) .. raw.client_frame(9, "")
      .. raw.client_frame(0, text, true) .. raw.client_frame(0, "", true)
      .. raw.client_frame(0, text) .. raw.client_frame(1, "next"), 25000)
    wait_for_messages(2)
    assert.is_true(messages[1] == text:rep(3))
    assert.equal("next", messages[2])
    peer:close()
  end)

  it("waits while the connection is paused", function()
    local peer, rest = begin(100001)
    conn:pause()
    take_in(peer:send(rest .. raw.client_frame(1, "next")))
    assert.equal(0, #messages)
    conn:resume()
    wait_for_messages(2)
    assert.is_true(messages[1] == text_of(300000))
    assert.equal("next", messages[2])
    peer:close()
  end)

  it("keeps what comes behind it from a handler that pauses", function()
    local peer, rest = begin(100001, {
      on_message = function(opened, message)
        messages[#messages + 1] = message
        opened:pause()
      end,
    })
    take_in(peer:send(rest .. raw.client_frame(1, "second") .. raw.client_frame(1, "third")))
    for count, size in ipairs { 300000, 6, 5 } do
      wait_for_messages(count)
      assert.equal(size, #messages[count])
      for _ = 1, 3 do ws.step(0) end
      assert.equal(count, #messages)
      conn:resume()
    end
    peer:close()
  end)

  it("is followed by nothing when its handler ends the connection", function()
    local peer, rest = begin(100001, {
      on_message = function(opened, message)
        messages[#messages + 1] = message
        opened:terminate()
      end,
    })
    peer:send(rest .. raw.client_frame(1, "second"))
    helper.wait_until(function() return ended end, "the end")
    assert.equal(1, #messages)
    peer:close()
  end)

  it("is given up when the connection is closed meanwhile", function()
    local peer, rest = begin(100001)
    conn:close(1001)
    assert.equal(8, (peer:frame()))
    take_in(peer:send(rest .. raw.client_frame(1, "next")))
    peer:send(raw.client_frame(8, "\3\233"))
    helper.wait_until(function() return ended end, "the end")
    assert.equal(1001, ended)
    assert.equal(0, #messages)
    peer:close()
  end)

  it("is given up when the connection is terminated, or reset", function()
    local peer = begin(100001)
    conn:terminate()
    helper.wait_until(function() return ended end, "the end")
    peer:close()
    stop()
    peer = begin(100001)
    peer:reset()
    helper.wait_until(function() return ended end, "the end")
    assert.equal(1006, ended)
    assert.equal(0, #messages)
  end)

  it("may be as large as max_message and not a byte larger", function()
    local peer, rest = begin(100001, { max_message = 300000 })
    take_in(peer:send(rest:sub(1, -2)))
    assert.equal(0, #messages)
    peer:send(rest:sub(-1))
    wait_for_messages(1)
    peer:close()
    stop()
    peer = begin(100001, { max_message = 299999 })
    helper.wait_until(function() return ended end, "the end")
    local opcode, payload = peer:frame()
    assert.equal(8, opcode)
    assert.equal("\3\241", payload:sub(1, 2)) -- 1009
    peer:close()
  end)

  it("is refused at the first byte that is no text", function()
    local peer, rest = begin(100001)
    take_in(peer:send(rest:sub(1, 50000) .. "\255"))
    local opcode, payload = peer:frame()
    assert.equal(8, opcode)
    assert.equal("\3\239", payload:sub(1, 2)) -- 1007
    peer:close()
  end)

  it("is what was sent over TLS, too", function()
    local path = certificates.path
    serve({ tls = { cert = path "server.crt", key = path "server.key" }, max_message = "4M",
      on_message = function(opened, message, kind) opened:send(message, kind) end })
    local client = assert(ws.connect(("wss://localhost:%d/"):format(server.port),
      { tls = { ca = path "ca.crt" }, max_message = "4M" }))
    for _, size in ipairs { 100, 20000, 300000, 3000000, 70000 } do
      assert.is_not_nil(client:send(text_of(size)))
      local message = client:receive(20)
      assert.is_true(message == text_of(size))
    end
    client:close()
  end)
end)
