-- At most one connection is in the CONNECTING state per address (RFC 6455 section 4.1, number 2).
-- core/turns.c by itself is tested in core/test/test_turns.c.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local events

-- A connection that writes its name down when it opens, and its name and code when it fails.
local function connect(name, address, options)
  local o = {
    on_open = function() events[#events + 1] = name end,
    on_error = function(_, message, code) events[#events + 1] = { name, code, message } end,
  }
  for key, value in pairs(options or {}) do o[key] = value end
  return assert(ws.connect(("ws://%s/%s"):format(address, name), o))
end

local function wait_for(count)
  helper.wait_until(function() return #events == count end, count .. " connections")
end

describe("connections to one address", function()
  local server, port, asked, asking, most, wanted
  before_each(function()
    events, asked, asking, most, wanted = {}, {}, 0, 0, 1
    server = assert(ws.serve {
      port = 0, host = "*",
      on_upgrade = function(req) -- a slow one
        asked[#asked + 1] = req.path:sub(2)
        asking = asking + 1
        most = math.max(most, asking)
        repeat ws.sleep(0.02) until most >= wanted
        asking = asking - 1
        if req.path == "/refused" then return nil, 403 end
        return true
      end,
    })
    port = server.port
  end)
  after_each(function()
    server:stop()
    raw.wait_for_end()
  end)
  teardown(raw.end_specs)

  it("are made one after the other, in the order of asking", function()
    local here = "127.0.0.1:" .. port
    for _, name in ipairs { "a", "b", "refused", "c" } do connect(name, here) end
    wait_for(4)
    assert.equal(1, most)
    assert.same({ "a", "b", "refused", "c" }, asked)
    assert.same({ "a", "b", "HTTP_STATUS", "c" }, { events[1], events[2], events[3][2], events[4] })
  end)

  it("are made one after the other whatever the host is called", function()
    connect("a", "127.0.0.1:" .. port)
    connect("b", "localhost:" .. port)
    connect("c", "127.0.0.1:" .. port)
    wait_for(3)
    assert.equal(1, most)
  end)

  it("do not keep those to other addresses", function()
    wanted = 2
    connect("a", "127.0.0.1:" .. port)
    connect("b", "127.0.0.2:" .. port)
    wait_for(2)
    assert.equal(2, most)
  end)

  it("that are open do not count", function()
    local first = assert(ws.connect("ws://127.0.0.1:" .. port))
    local second = assert(ws.connect("ws://127.0.0.1:" .. port))
    assert.same({ "open", "open" }, { first.state, second.state })
  end)

  it("may be given up while they wait", function()
    local here = "127.0.0.1:" .. port
    connect("a", here)
    local waiting = connect("b", here)
    connect("c", here)
    core.step(0)
    waiting:close()
    wait_for(3)
    assert.same({ "b", "CLOSED" }, { events[1][1], events[1][2] })
    assert.same({ "a", "c" }, asked)
  end)
end)

describe("a connection that waits for its turn", function()
  local listener
  local function before()
    events = {}
    listener = raw.listen()
  end
  local function after()
    listener:close()
    raw.wait_for_end()
  end
  before_each(before)
  after_each(after)
  teardown(raw.end_specs)

  local last

  local function wait_in_turn(limit)
    local here = "127.0.0.1:" .. listener.port
    local silent = listener:accept()
    connect("silent", here, { timeout = 3 * limit })
    connect("hasty", here, { timeout = limit })
    last = connect("last", here)
    helper.wait_until(function() return events[1] end)
    assert.same({ "hasty", "ETIMEDOUT", "another connection to the same address was still "
      .. "connecting, and this one's turn did not come in time" }, events[1])
    assert.matches("^GET /silent ", (silent:read_all()))
    local peer = listener:upgrade()
    wait_for(3)
    assert.same({ "silent", "ETIMEDOUT", "last" }, { events[2][1], events[2][2], events[3] })
    last:terminate()
    peer:read_all()
    peer:close()
    silent:close()
  end

  it("waits within its own time limit, and for a silent one no longer than that one's", function()
    helper.with_limit(wait_in_turn, function()
      last:terminate()
      after()
      before()
    end)
  end)

  -- Only the proxy knows the addresses of a.test and b.test.
  it("by a proxy waits for others to the same host and port", function()
    local by_proxy = { proxy = "http://127.0.0.1:" .. listener.port }
    local first = listener:accept()
    local conns = { connect("1", "a.test:81", by_proxy), connect("2", "A.TEST:81", by_proxy) }
    assert.matches("^CONNECT a.test:81 ", (first:read_until("\r\n\r\n")))
    local second = listener:accept()
    conns[3] = connect("3", "b.test:81", by_proxy)
    assert.matches("^CONNECT b.test:81 ", (second:read_until("\r\n\r\n")))
    conns[1]:terminate()
    local third = listener:accept()
    assert.matches("^CONNECT A.TEST:81 ", (third:read_until("\r\n\r\n")))
    conns[2]:terminate()
    conns[3]:terminate()
    wait_for(3)
    for _, peer in ipairs { first, second, third } do
      peer:read_all()
      peer:close()
    end
  end)

  -- An address is the same whoever leads to it; what a name stands for there only the proxy knows.
  for _, scheme in ipairs { "http", "socks5h" } do
    it("by a proxy of " .. scheme .. " waits for others to the same address", function()
      local by_proxy = {
        proxy = ("%s://127.0.0.1:%d"):format(scheme, listener.port), timeout = 60,
      }
      local peers = {}
      local function connect_by_proxy(address)
        local peer = listener:accept()
        peers[#peers + 1] = peer
        connect("led", address, by_proxy)
        assert.equal(1, #peer:read(1))
      end
      connect_by_proxy "localhost:1"
      connect("direct", "localhost:1") -- nobody listens there
      wait_for(1)
      assert.not_equal("ETIMEDOUT", events[1][2])
      for i, pair in ipairs {
        { "127.0.0.1:1", "127.0.0.1:1" }, { "[0:0::1]:1", "[::1]:1" },
        { "[::FFFF:127.0.0.2]:1", "127.0.0.2:1" },
      } do
        connect_by_proxy(pair[1])
        connect("direct", pair[2], { timeout = 0.05 })
        wait_for(1 + i)
        assert.same({ "direct", "ETIMEDOUT" }, { events[1 + i][1], events[1 + i][2] })
        assert.matches("^another connection to the same address", events[1 + i][3])
      end
      for _, peer in ipairs(peers) do peer:close() end
      wait_for(4 + #peers)
    end)
  end
end)
