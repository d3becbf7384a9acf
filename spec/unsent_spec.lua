-- conn.unsent: what was accepted and never left is counted exactly. The peer is one of ours that
-- has stopped reading; once the sender is gone it reads what the system had taken, and the two must
-- add up.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

-- Messages of many sizes: some share a record or a write, some need several.
local sizes = { 0, 1, 125, 126, 500, 4095, 4096, 16384, 20000, 65535, 65536, 150000, 3, 7, 0, 0 }

local function message_of(number)
  return ("m"):rep(sizes[number % #sizes + 1])
end

local function send_whole(conn, number)
  return conn:send(message_of(number), "binary")
end

local function send_parts(conn, number)
  local text = message_of(number)
  return conn:send({ text:sub(1, 10), text:sub(11, 9000), text:sub(9001) }, "binary")
end

local function send_fragments(conn, number)
  local text, writer = message_of(number), conn:stream("binary")
  for at = 1, #text, 5000 do writer:write(text:sub(at, at + 4999)) end
  return writer:finish()
end

-- Noise, so that compressing does not make a message so short that nothing ever waits.
local function send_noise(conn, number)
  return conn:send(core.random(#message_of(number)), "binary")
end

-- A sender that is not read from, and the one who does not read: { sender, reader, got, over }.
local function pair(sender_is_server, options)
  local seen = { got = 0 }
  local reads = {
    on_open = function(conn)
      seen.reader = conn
      conn:pause()
    end,
    on_message = function() seen.got = seen.got + 1 end,
    on_close = function() seen.over = true end,
  }
  local sends = {
    high_water = "256K", on_message = print, on_open = function(conn) seen.sender = conn end,
    on_close = function(conn) seen.unsent_in_on_close = conn.unsent end,
  }
  local serves = sender_is_server and sends or reads
  local connects = sender_is_server and reads or sends
  for _, side in ipairs { serves, connects } do side.deflate = options.deflate end
  serves.port, serves.tls = 0, options.tls and certificates.server()
  connects.tls = options.tls and certificates.client()
  seen.server = assert(ws.serve(serves))
  assert(ws.connect(("%s://127.0.0.1:%d"):format(options.tls and "wss" or "ws", seen.server.port),
    connects))
  helper.wait_until(function() return seen.sender and seen.reader end, "both sides")
  return seen
end

-- Sends until much waits and some more, ends the sender by force, and returns how many messages
-- were accepted, how many were unsent, and how many the reader got.
local function fill_and_end(seen, send)
  local count, more = 0, 40
  repeat
    local accepted, problem = send(seen.sender, count)
    assert(accepted ~= nil, problem)
    count = count + 1
    if accepted == false then
      core.step(0)
      more = more - 1
    end
  until more == 0
  assert.is_true(seen.sender.unsent > 0)
  seen.sender:terminate()
  seen.reader:resume()
  helper.wait_until(function() return seen.over and seen.unsent_in_on_close end, "the end")
  assert.equal(seen.unsent_in_on_close, seen.sender.unsent)
  return count, seen.sender.unsent, seen.got
end

describe("conn.unsent", function()
  local seen
  after_each(function()
    seen.server:stop()
    helper.wait_until(function() return core.leaks().connections == 0 end)
  end)
  teardown(function()
    seen = nil
    raw.end_specs()
  end)

  for _, case in ipairs {
    { "whole messages", send_whole },
    { "messages of several strings", send_parts },
    { "messages in fragments", send_fragments },
    { "compressed messages", send_noise, deflate = true },
    { "whole messages over TLS", send_whole, tls = true },
    { "messages in fragments over TLS", send_fragments, tls = true },
    { "compressed messages over TLS", send_noise, deflate = true, tls = true },
  } do
    for _, side in ipairs { "server", "client" } do
      it(("of a %s counts %s"):format(side, case[1]), function()
        seen = pair(side == "server", case)
        local count, unsent, got = fill_and_end(seen, case[2])
        assert.is_true(unsent > 0 and unsent < count)
        assert.equal(count - unsent, got)
      end)
    end
  end

  it("leaves out pings", function() -- to a peer that does not answer them
    seen = {}
    seen.server = assert(ws.serve {
      port = 0, high_water = "256K", on_open = function(conn) seen.sender = conn end,
    })
    local peer = raw.open(seen.server.port, "/", "", 65536)
    helper.wait_until(function() return seen.sender end)
    local count = 0
    repeat
      seen.sender:ping("?")
      count = count + 1
    until not seen.sender:send(("m"):rep(30000))
    seen.sender:terminate()
    local got, session = 0, ws.protocol.session { role = "client" }
    session:feed((peer:read_all()))
    for event in session:events() do got = got + (event.type == "message" and 1 or 0) end
    assert.is_true(seen.sender.unsent > 0)
    assert.equal(count - seen.sender.unsent, got)
    peer:close()
  end)

  it("is 0 when all is written, and stays 0", function()
    seen = pair(true, {})
    assert.equal(0, seen.sender.unsent)
    seen.reader:resume()
    for number = 1, 50 do send_whole(seen.sender, number) end
    assert.is_true(seen.sender.unsent > 0) -- the last of them leave with the batch
    helper.wait_until(function() return seen.got == 50 end)
    assert.equal(0, seen.sender.unsent)
    seen.sender:close()
    helper.wait_until(function() return seen.over end)
    assert.equal(0, seen.sender.unsent)
  end)

  it("counts a streamed message from its first piece on, until its last one is written", function()
    seen = pair(true, {})
    local writer = seen.sender:stream()
    assert.equal(0, seen.sender.unsent)
    writer:write("a")
    assert.equal(1, seen.sender.unsent)
    core.step(0)
    assert.equal(1, seen.sender.unsent)
    writer:finish("b")
    assert.equal(1, seen.sender.unsent)
    core.step(0)
    assert.equal(0, seen.sender.unsent)
    seen.sender:stream():write("never finished")
    seen.sender:terminate()
    seen.reader:resume()
    helper.wait_until(function() return seen.over end)
    assert.equal(1, seen.sender.unsent)
  end)

  it("does not count what send refused", function()
    seen = pair(true, {})
    assert.is_nil((seen.sender:send("\255")))
    seen.sender:terminate()
    assert.is_nil((seen.sender:send("too late")))
    assert.equal(0, seen.sender.unsent)
    seen.reader:terminate()
  end)
end)
