-- Slow peers: output that waits, high_water, max_buffered, on_drain, pause and resume.

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

local function stop_server()
  server:stop()
  raw.wait_for_end()
end

local block = ("x"):rep(64 * 1024)

-- Sends blocks until send does not return true; returns what it returned and how many were sent.
local function fill(conn)
  for count = 1, 10000 do
    local ok, message, code = conn:send(block, "binary")
    if ok ~= true then return count, ok, message, code end
  end
end

describe("send to a peer that does not read", function()
  teardown(raw.end_specs)
  after_each(stop_server)

  local conn, drains, closed
  before_each(function()
    conn, drains, closed = nil, 0, nil
  end)

  local function open(options)
    options.on_open = function(opened) conn = opened end
    options.on_drain = function() drains = drains + 1 end
    options.on_close = function(_, ...) closed = { ... } end
    local peer = raw.open(serve(options).port, "/", "", 4096)
    helper.wait_until(function() return conn end)
    return peer
  end

  it("returns false above high_water, and on_drain comes when all is written", function()
    local peer = open { high_water = "256K" }
    local count, ok = fill(conn)
    assert.is_false(ok)
    assert.is_true(conn.buffered > 256 * 1024)
    assert.is_false(conn:send("accepted"))
    assert.equal(0, drains)
    assert.equal(count * (#block + 10) + 10, (peer:skip(count * (#block + 10) + 10)))
    helper.wait_until(function() return drains > 0 end)
    assert.equal(0, conn.buffered)
    assert.is_true(conn:send("x"))
    core.step(0)
    assert.equal(1, drains)
    peer:close()
  end)

  it("closes the connection at max_buffered", function()
    local peer = open { max_buffered = "1M", high_water = "1M" }
    local _, ok, message, code = fill(conn)
    assert.is_nil(ok)
    assert.equal("closed: max_buffered is reached, the peer reads too slowly", message)
    assert.equal("SLOW", code)
    assert.equal("closed", conn.state)
    assert.equal("CLOSED", (select(3, conn:send("x"))))
    helper.wait_until(function() return closed end)
    assert.same({ 1006, "the peer reads too slowly: max_buffered was reached" }, closed)
    assert.equal(0, conn.buffered)
    peer:close()
  end)

  it("drops messages at max_buffered with on_slow = \"drop\"", function()
    local peer = open { max_buffered = "1M", high_water = "1M", on_slow = "drop" }
    local count, ok, message, code = fill(conn)
    assert.is_nil(ok)
    assert.equal("dropped: max_buffered is reached, the peer reads too slowly", message)
    assert.equal("DROPPED", code)
    assert.is_true(conn.buffered <= 1024 * 1024 and conn.buffered > 0)
    local size = (count - 1) * (#block + 10) -- nothing of the dropped one is sent
    assert.equal(size, (peer:skip(size)))
    helper.wait_until(function() return conn.buffered == 0 end)
    assert.is_true(conn:send("on"))
    assert.same({ 1, "on", true }, { peer:frame() })
    peer:close()
  end)

  it("accepts one message that is longer than max_buffered", function()
    local peer = open { max_buffered = "64K", high_water = "64K" }
    assert.is_false(conn:send(block:rep(64), "binary"))
    assert.equal(10 + 64 * #block, (peer:skip(10 + 64 * #block)))
    helper.wait_until(function() return drains == 1 end)
    peer:close()
  end)

  it("does not keep its strings alive when it has gone", function()
    local peer = open {}
    fill(conn)
    peer:reset()
    helper.wait_until(function() return closed end)
    assert.equal(1006, closed[1])
    conn = nil
  end)

  it("waits in a coroutine", function()
    local peer = open { high_water = "64K" }
    local sent = 0
    local task = ws.spawn(function()
      for _ = 1, 200 do
        assert.is_true(conn:send(block, "binary"))
        sent = sent + 1
      end
      return "all"
    end)
    assert.equal("running", task.state)
    local before = sent
    assert.is_true(before < 200)
    peer:tell("skip", 200 * (#block + 10))
    assert.equal("all", (task:join(30)))
    assert.equal(tostring(200 * (#block + 10)), (peer:wait()))
    peer:close()
  end)

  it("that waits in a coroutine returns when the connection ends", function()
    local peer = open { high_water = "64K" }
    local results
    ws.spawn(function()
      local ok, message, code
      repeat ok, message, code = conn:send(block, "binary") until not ok
      results = { message, code }
    end)
    assert.is_nil(results)
    conn:terminate()
    helper.wait_until(function() return results end)
    assert.same({ "the connection is not open", "CLOSED" }, results)
    peer:close()
  end)

  it("closes it after close_timeout when it does not read the close frame", function()
    local peer = open { close_timeout = 0.05, high_water = "16M" }
    for _ = 1, 100 do conn:send(block, "binary") end
    assert.is_true(conn.buffered > 0)
    conn:close(1000)
    helper.wait_until(function() return closed end)
    assert.same({ 1006, "the closing handshake timed out" }, closed)
    peer:close()
  end)
end)

describe("pause", function()
  teardown(raw.end_specs)
  after_each(stop_server)

  local size = 1000
  local one = raw.client_frame(2, ("m"):rep(size))

  it("stops reading, so that the peer's sends block; resume goes on without loss", function()
    local conn, count, bytes = nil, 0, 0
    serve {
      on_open = function(opened) conn = opened end,
      on_message = function(_, message)
        count, bytes = count + 1, bytes + #message
        if count == 100 then conn:pause() end
      end,
    }
    local peer = raw.open(server.port)
    local taken = peer:fill(one:rep(64), 0.2)
    helper.wait_until(function() return count >= 100 end)
    core.step(0.02)
    assert.equal(100, count)
    peer:send_rest()
    conn:resume()
    local whole = (taken + peer:wait()) / #one
    helper.wait_until(function() return count == whole end, whole .. " messages")
    assert.equal(whole * size, bytes)
    peer:send(one)
    helper.wait_until(function() return count == whole + 1 end)
    peer:close()
  end)

  it("in every handler, with resume from a timer", function()
    local got = {}
    serve {
      on_open = function(conn)
        conn:pause()
        ws.after(0, function() conn:resume() end)
      end,
      on_message = function(conn, message)
        got[#got + 1] = message
        conn:pause()
        ws.after(0, function() conn:resume() end)
      end,
    }
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "a")
      .. raw.client_frame(1, "b") .. raw.client_frame(1, "c"))
    helper.wait_until(function() return #got == 3 end)
    assert.same({ "a", "b", "c" }, got)
    peer:close()
  end)

  it("and resume in one handler changes nothing", function()
    local got = 0
    serve {
      on_message = function(conn)
        got = got + 1
        conn:pause()
        conn:resume()
      end,
    }
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "a"):rep(9))
    helper.wait_until(function() return got == 9 end)
    peer:close()
  end)

  it("until on_drain is how a relay keeps up with both sides", function()
    local pauses = 0
    serve {
      high_water = "64K",
      on_message = function(conn, message, kind)
        if conn:send(message, kind) == false then
          pauses = pauses + 1
          conn:pause()
        end
      end,
      on_drain = function(conn) conn:resume() end,
    }
    local peer = raw.open(server.port, "/", "", 4096)
    local taken = 0
    repeat taken = taken + peer:fill(one:rep(64), 0.2) until pauses > 0 -- the server reads no more
    local echo_size = math.floor(taken / #one) * (#one - 4)
    assert.equal(echo_size, (peer:skip(echo_size)))
    local rest = (taken + peer:send_rest():wait()) / #one - math.floor(taken / #one)
    peer:skip(math.floor(rest) * (#one - 4))
    echo_size = 10000 * (#one - 4) -- and now with a peer that reads
    assert.equal(echo_size, peer:exchange(one:rep(10), 1000, echo_size))
    peer:close()
  end)

  it("in a client, with messages of the same segment", function()
    local listener = raw.listen()
    serve { on_message = print }
    local got = {}
    local conn = ws.connect(("ws://127.0.0.1:%d"):format(listener.port), {
      on_message = function(conn, message)
        got[#got + 1] = message
        conn:pause()
      end,
    })
    local peer = listener:upgrade(nil, raw.server_frame(1, "a") .. raw.server_frame(1, "b"))
    helper.wait_until(function() return #got == 1 end)
    core.step(0)
    assert.same({ "a" }, got)
    conn:resume()
    helper.wait_until(function() return #got == 2 end)
    conn:terminate()
    peer:close()
    listener:close()
  end)

  it("does not keep a close from being noticed", function()
    local conn, closed
    serve {
      on_open = function(opened)
        conn = opened
        conn:pause()
      end,
      on_close = function(_, code) closed = code end,
    }
    local peer = raw.open(server.port):send(raw.client_frame(8, raw.close_payload(3001)))
    core.step(0.02)
    assert.is_nil(closed)
    conn:close(3002) -- reads on for the peer's close frame
    helper.wait_until(function() return closed end)
    assert.equal(3001, closed)
    peer:close()
  end)
end)
