-- ws.connect with the option `reconnect`: servers that die at each stage and come back; misuse.

local helper = require "spec.helper"
local links = require "spec.links"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local url_of, watch = links.url_of, links.watch
local wait_for, expect_over = links.wait_for, links.expect_over
local expect_gives_up = links.expect_gives_up

describe("a server that dies", function()
  local listener
  before_each(function() listener = raw.listen() end)
  after_each(function()
    links.close()
    listener:close()
  end)
  teardown(raw.end_specs)

  local function upgrade() return listener:upgrade() end

  for _, case in ipairs {
    { "when it has accepted", nil, function() return listener:accept():close() end },
    { "with a reset when it has accepted", nil, function()
      return listener:accept():tell("upgrade", "00", "", 1):reset()
    end },
    { "in the middle of its answer", "EOF", function()
      return listener:upgrade("HTTP/1.1 101 Switch"):close()
    end },
    { "and says nothing", "ETIMEDOUT", function() return listener:accept() end },
    { "and answers 503", "HTTP_STATUS", function()
      return listener:upgrade("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"):close()
    end },
    { "and answers nonsense", "HTTP_VERSION", function()
      return listener:upgrade("HTTP/9.1 200 OK\r\n\r\n"):close()
    end },
    { "when it is open", "CLOSED", function() return upgrade():close() end, close = 1006 },
    { "with a reset when it is open", "CLOSED", function() return upgrade():reset() end,
      close = 1006 },
    { "in the middle of a frame", "CLOSED", function() return upgrade():send("\129"):close() end,
      close = 1006 },
    { "going away", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1001, "bye")))
    end, close = 1001 },
    { "with a restart", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1012)))
    end, close = 1012 },
    { "with a normal close", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1000)))
    end, close = 1000 },
    { "and breaks the protocol", "CLOSED", function()
      return upgrade():send(raw.client_frame(1, "masked"))
    end, close = 1002, errors = 1 },
  } do
    local function connects_again(limit)
      local peer = case[3]()
      local seen = watch(listener.port, nil, { timeout = limit })
      wait_for(seen, "again", 1)
      local attempt, delay, why, code = (table.unpack or unpack)(seen.again[1])
      assert.equal(1, attempt)
      assert.is_true(delay >= 0.001 and delay <= 0.002)
      assert.is_string(why)
      if case[2] then assert.equal(case[2], code) end
      assert.same({ case.close }, seen.close)
      assert.equal(case.errors or 0, #seen.error)
      local next_peer = upgrade()
      wait_for(seen, "open", case.close and 2 or 1)
      assert.equal("open", seen.link.state)
      assert.equal(seen.conn, seen.link.conn)
      assert.is_true(seen.link:send("hello"))
      assert.same({ 1, "hello", true }, { next_peer:frame() })
      assert.is_true(seen.link:close(4000))
      assert.equal("closing", seen.link.state)
      assert.same({ 8, raw.close_payload(4000), true }, { next_peer:frame() })
      next_peer:send(raw.server_frame(8, raw.close_payload(4000)))
      peer:close()
      next_peer:close()
      expect_over(seen)
      assert.equal(case.close and 2 or 1, #seen.close)
    end

    it(case[1] .. " is connected to again", function()
      if case[2] ~= "ETIMEDOUT" then return connects_again(60) end
      helper.with_limit(connects_again, function()
        links.close()
        listener:close()
        listener = raw.listen()
      end)
    end)
  end

  it("again and again is connected to with ever longer delays, and an end", function()
    local seen = watch(listener.port, { min = 0.001, max = 0.008, attempts = 3 })
    for number = 1, 4 do
      upgrade():close()
      wait_for(seen, "close", number)
    end
    wait_for(seen, "error", 1)
    for number, again in ipairs(seen.again) do
      assert.equal(number, again[1])
      assert.is_true(again[2] >= 0.001 and again[2] <= 0.001 * 2 ^ number)
    end
    assert.equal(3, #seen.again)
    assert.matches("^gave up after 3 attempts: the connection is closed %(1006", seen.error[1][1])
    assert.equal("CLOSED", seen.error[1][2])
    expect_over(seen)
  end)

  it("after a stable time is connected to as if for the first time", function()
    local seen = watch(listener.port, { min = 0.001, max = 0.002, stable = 0, attempts = 1 })
    for number = 1, 4 do
      upgrade():close()
      wait_for(seen, "again", number)
      assert.equal(1, seen.again[number][1])
      assert.equal(1, seen.link.attempt)
    end
    seen.link:close()
    expect_over(seen)
  end)

  it("is left alone for as long as Retry-After says", function()
    local peer = listener:upgrade(
      "HTTP/1.1 429 Slow down\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")
    local seen = watch(listener.port)
    wait_for(seen, "again", 1)
    assert.is_true(seen.again[1][2] >= 100.001 and seen.again[1][2] <= 100.002)
    assert.equal("waiting", seen.link.state)
    seen.link:close()
    expect_over(seen)
    peer:close()
  end)

  it("and refuses us for good ends it", function()
    local peer = listener:upgrade():send(raw.server_frame(8, raw.close_payload(1008, "banned")))
    local seen = watch(listener.port, nil, { close_timeout = 0.1 })
    expect_gives_up(seen, "CLOSED", "%(1008: banned%)")
    assert.same({ 1008 }, seen.close)
    assert.equal(0, #seen.again)
    peer:close()
  end)
end)

describe("ws.connect with reconnect", function()
  local url = url_of(1)
  teardown(helper.check_leaks)

  it("says at once what is wrong with the URL", function()
    assert.equal("URL_SCHEME",
      (select(3, ws.connect("http://x/", { reconnect = true, on_open = print }))))
    assert.equal("TLS_CA_FILE", (select(3, ws.connect("wss://x/", {
      reconnect = true, on_open = print, tls = { ca = "/nowhere/ca.pem" },
    }))))
  end)

  it("raises on misuse", function()
    assert.has_error(function() ws.connect(url, { reconnect = true }) end,
      "reconnect needs handlers; without any write "
        .. "`for conn in ws.connections(url, options) do ... end`")
    assert.has_error(function() ws.connect(url, { on_reconnect = print }) end,
      "on_reconnect needs the option reconnect")
    assert.has_error(function() ws.connect(url, { reconnect = { mn = 1 }, on_open = print }) end,
      "reconnect has an unknown option 'mn': did you mean 'min'?")
    assert.has_error(function() ws.connect(url, { reconnect = 5, on_open = print }) end,
      "reconnect must be true or a table, not 5")
  end)

  it("= false connects once", function()
    local code
    ws.connect(url, { reconnect = false, on_error = function(_, _, c) code = c end })
    helper.wait_until(function() return code end)
    assert.equal("ECONNREFUSED", code)
  end)
end)
