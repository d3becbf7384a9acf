-- Publishing to those who read too slowly: closed, left out, or given the newest of each key.

local audience = require "spec.audience"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"

local server

describe("a subscriber that reads too slowly", function()
  teardown(raw.end_specs)
  after_each(audience.end_all)

  local block = ("x"):rep(64 * 1024)
  local closed
  before_each(function() closed = {} end)

  local function open_slow(options)
    options.on_close = function(conn, ...) closed[conn] = { ... } end
    server = audience.serve(options)
    local client = audience.connect()
    local peer, conn = audience.open_raw("", 4096)
    return peer, conn, client
  end

  -- Publishes blocks until is_enough(count of those who took the last one), and lets the client
  -- read them; returns how many blocks there were.
  local function fill(client, is_enough)
    for blocks = 1, 10000 do
      local count = server:publish("t", block, "binary")
      client:receive(30)
      if is_enough(count) then return blocks end
    end
    error("nobody was too slow")
  end

  local function is_refused(count) return count < 2 end

  it("is closed, and the others get everything", function()
    local peer, conn, client = open_slow { max_buffered = "1M", high_water = "1M" }
    fill(client, is_refused)
    assert.equal("closed", conn.state)
    assert.equal(0, conn.buffered)
    assert.equal(1, server:publish("t", "on"))
    assert.same({ "on" }, audience.received(client, 1))
    helper.wait_until(function() return closed[conn] end)
    assert.same({ 1006, "the peer reads too slowly: max_buffered was reached" }, closed[conn])
    peer:close()
  end)

  it("goes without with on_slow = \"drop\", and gets on when it has caught up", function()
    local peer, conn, client = open_slow {
      max_buffered = "1M", high_water = "1M", on_slow = "drop",
    }
    local count = fill(client, is_refused) - 1 -- nothing of the last one is sent
    assert.equal("open", conn.state)
    assert.is_true(conn.buffered <= 1024 * 1024)
    assert.equal(count * (#block + 10), (peer:skip(count * (#block + 10))))
    helper.wait_until(function() return conn.buffered == 0 end)
    assert.equal(2, server:publish("t", "on"))
    assert.same({ 1, "on", true }, { peer:frame() })
    peer:close()
  end)

  it("gets the newest of each key", function()
    local peer, conn, client = open_slow { high_water = "64K" }
    local blocks = fill(client, function() return conn.buffered > 64 * 1024 end)
    local waiting = conn.buffered
    for i = 1, 2000 do
      for _, key in ipairs { "EURUSD", "USDJPY" } do
        assert.equal(2, server:publish("t", key .. " " .. i, "text", { key = key }))
      end
      assert.equal(2, #audience.received(client, 2))
    end
    conn:subscribe("other")
    server:publish("other", "another topic", "text", { key = "EURUSD" })
    assert.is_true(conn.buffered <= waiting + 100)
    server:publish("t", "overtakes")
    assert.same({ "overtakes" }, audience.received(client, 1))
    assert.equal(blocks * (#block + 10), (peer:skip(blocks * (#block + 10))))
    local texts = {}
    for i = 1, 4 do texts[i] = select(2, peer:frame()) end
    assert.same({ "overtakes", "EURUSD 2000", "USDJPY 2000", "another topic" }, texts)
    helper.wait_until(function() return conn.buffered == 0 end)
    server:publish("t", "direct", "text", { key = "EURUSD" })
    assert.equal("direct", (select(2, peer:frame())))
    peer:close()
  end)

  it("gets what was kept before the close frame", function()
    local peer, conn, client = open_slow { high_water = 1 }
    local blocks = fill(client, function() return conn.buffered > 1 end)
    server:publish("t", "old", "text", { key = "k" })
    server:publish("t", "new", "text", { key = "k" })
    conn:close(1000)
    assert.equal(blocks * (#block + 10), (peer:skip(blocks * (#block + 10))))
    assert.equal("new", (select(2, peer:frame())))
    assert.equal(8, (peer:frame()))
    peer:close()
  end)

  it("is kept a bounded number of messages for", function()
    local peer, conn, client = open_slow { high_water = 1, on_slow = "drop" }
    fill(client, function() return conn.buffered > 1 end)
    local taken = 0
    for i = 1, 1200 do
      taken = taken + (server:publish("t", "x", "text", { key = "key " .. i }) - 1)
      assert.equal(1, #audience.received(client, 1))
    end
    assert.equal(1000, taken)
    assert.equal(2, server:publish("t", "y", "text", { key = "key 500" })) -- has a place
    assert.equal("open", conn.state)
    assert.equal(1, #audience.received(client, 1))
    peer:close()
  end)

  it("is kept a bounded number of bytes for", function()
    local peer, conn, client = open_slow { high_water = 1, max_buffered = "2M" }
    fill(client, function() return conn.buffered > 1 end)
    for i = 1, 100 do
      server:publish("t", block, "binary", { key = "key " .. i })
      client:receive(30)
      if conn.state ~= "open" then break end
      assert.is_true(conn.buffered <= 2 * 1024 * 1024)
    end
    assert.equal("closed", conn.state)
    helper.wait_until(function() return closed[conn] end)
    peer:close()
  end)

  it("keeps small messages, not the blocks that they came in", function()
    if not helper.resident() then return pending("nobody tells what the process takes") end
    local peer, conn, client = open_slow { high_water = "16M", max_buffered = "16M" }
    fill(client, function() return conn.buffered > 0 end)
    conn:unsubscribe("t")
    conn:subscribe("seldom")
    collectgarbage()
    local before = helper.resident()
    local much = ("y"):rep(4000)
    for _ = 1, 5000 do
      server:publish("seldom", "x")
      server:publish("t", much)
      client:receive(30)
    end
    assert.is_true(helper.resident() - before < 8 * 1024) -- 20 MiB were published
    assert.is_true(conn.buffered >= 15000)
    peer:close()
  end)

  it("ends without a trace when messages are kept for it", function()
    local peer, conn, client = open_slow { high_water = 1 }
    fill(client, function() return conn.buffered > 1 end)
    server:publish("t", "kept", "text", { key = "k" })
    peer:reset()
    helper.wait_until(function() return closed[conn] end)
    assert.equal(0, conn.buffered)
    core.step(0)
  end)
end)
