-- When to connect again: the bounds of the delays, what ends it, and what servers ask for.

local backoff = require "lunawire.backoff"
local core = require "lunawire.core"
local helper = require "spec.helper"

local function policy(given) return assert(backoff.check(given or {})) end

local refused = { message = "connection refused", code = "ECONNREFUSED" }

local function answer(status, headers)
  return {
    message = "the server did not switch", code = "HTTP_STATUS",
    response = { status = status, headers = headers or {} },
  }
end

local function closed(code) return { message = "closed", code = "CLOSED", close_code = code } end

describe("the option reconnect", function()
  it("has defaults", function()
    assert.same({ min = 0.5, max = 30, stable = 10, max_retry_after = 3600 }, backoff.check(true))
    assert.is_false(backoff.check(false))
    assert.equal(3, policy({ attempts = 3 }).attempts)
    assert.is_nil(backoff.check("yes"))
  end)

  for message, given in pairs {
    ["has an unknown option 'mim': did you mean 'min'?"] = { mim = 1 },
    ["has an unknown option 'xyzzy'"] = { xyzzy = 1 },
    ["has an unknown option '1'"] = { 5 },
    ["has a min above its max"] = { min = 31 },
    ["min must be a number of seconds between 0.001 and 86400, not 0"] = { min = 0 },
    ["max must be a number of seconds between 0.001 and 86400, not a string"] = { max = "30" },
    ["stable must be a number of seconds between 0 and 86400, not -1"] = { stable = -1 },
    ["attempts must be a whole number from 1 on, not 0"] = { attempts = 0 },
    ["attempts must be a whole number from 1 on, not 1.5"] = { attempts = 1.5 },
    ["always must be a boolean, not 1"] = { always = 1 },
    ["retry must be a function, not true"] = { retry = true },
  } do
    it("tells that it " .. message, function()
      assert.same({ nil, message }, { backoff.check(given) })
    end)
  end

  it("refuses numbers that are none", function()
    for _, value in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      assert.is_nil((backoff.check { min = value }))
      assert.is_nil((backoff.check { attempts = value }))
    end
  end)
end)

describe("the delays", function()
  it("lie between min and a ceiling that doubles up to max, all over that range", function()
    for attempt = 1, 8 do
      local ceiling = math.min(10, 0.5 * 2 ^ attempt)
      local low, high = math.huge, 0
      for _ = 1, 300 do
        local tries = backoff.new(policy { min = 0.5, max = 10 })
        tries.attempt = attempt - 1
        local delay = tries:after(refused)
        assert.is_true(delay >= 0.5 and delay <= ceiling)
        low, high = math.min(low, delay), math.max(high, delay)
      end
      local tenth = (ceiling - 0.5) / 10 -- missed by chance once in 10^13 times
      assert.is_true(low < 0.5 + tenth and high > ceiling - tenth)
    end
  end)

  it("stay below max after any number of attempts", function()
    local tries = backoff.new(policy { min = 0.001, max = 0.002 })
    tries.attempt = 1e6
    for _ = 1, 100 do assert.is_true(tries:after(refused) <= 0.002) end
  end)

  it("may be all the same", function()
    assert.equal(2, backoff.new(policy { min = 2, max = 2 }):after(refused))
  end)
end)

describe("attempts", function()
  it("are counted, and may be limited", function()
    local tries = backoff.new(policy { attempts = 2 })
    assert.equal(0, tries.attempt)
    assert.is_number(tries:after(refused))
    assert.is_number(tries:after(refused))
    assert.equal(2, tries.attempt)
    assert.same({ nil, "gave up after 2 attempts: connection refused" },
      { tries:after(refused) })
    tries = backoff.new(policy { attempts = 1 })
    tries:after(refused)
    assert.equal("gave up after 1 attempt: connection refused", select(2, tries:after(refused)))
  end)

  describe("begin anew", function()
    local now = core.now
    after_each(function() core.now = now end)

    local function attempt_after(seconds_open)
      local tries, time = backoff.new(policy { stable = 10 }), 1000
      core.now = function() return time end
      for _ = 1, 4 do tries:after(refused) end
      tries:opened()
      time = time + seconds_open
      tries:closed()
      tries:after(closed(1006))
      return tries.attempt
    end

    it("after a connection that was stable", function()
      assert.equal(1, attempt_after(10))
      assert.equal(1, attempt_after(1e6))
    end)

    it("but not after a short one", function() assert.equal(5, attempt_after(9.9)) end)

    it("but not after tries that opened nothing", function()
      local tries = backoff.new(policy { stable = 0 })
      tries:closed()
      tries:after(refused)
      tries:closed()
      tries:after(refused)
      assert.equal(2, tries.attempt)
    end)
  end)
end)

describe("what will not mend", function()
  local function gives_up(failure, given)
    local delay, message = backoff.new(policy(given)):after(failure)
    assert.equal(delay == nil, message ~= nil)
    return delay == nil
  end

  it("is an answer that the next request would get, too", function()
    for _, status in ipairs { 200, 301, 400, 401, 403, 404, 407, 410, 426 } do
      assert.is_true(gives_up(answer(status)), status)
    end
    for _, status in ipairs { 408, 425, 429, 500, 502, 503, 504 } do
      assert.is_false(gives_up(answer(status)), status)
    end
  end)

  it("is a certificate that is not trusted, and a server that is none", function()
    for _, code in ipairs { "TLS_SELF_SIGNED", "TLS_UNTRUSTED", "TLS_HOSTNAME", "TLS_EXPIRED",
      "TLS_NOT_TLS", "TLS_CA_FILE", "URL_HOST", "ACCEPT_KEY", "HEADER", "PROXY_URL" } do
      assert.is_true(gives_up { message = "m", code = code }, code)
    end
    for _, code in ipairs { "ECONNREFUSED", "ECONNRESET", "ETIMEDOUT", "EAI_NONAME", "EOF", "NOMEM",
      "TLS_HANDSHAKE", "TLS_BROKEN", "TLS_NOT_YET_VALID", "HTTP_STATUS_LINE" } do
      assert.is_false(gives_up { message = "m", code = code }, code)
    end
  end)

  it("is a peer that does not want us", function()
    for _, code in ipairs { 1008, 1010, 3000, 3003 } do
      assert.is_true(gives_up(closed(code)), code)
    end
    for _, code in ipairs { 1000, 1001, 1002, 1005, 1006, 1009, 1011, 1012, 1013, 3001, 4000 } do
      assert.is_false(gives_up(closed(code)), code)
    end
  end)

  it("is tried all the same with always", function()
    assert.is_false(gives_up(answer(401), { always = true }))
    assert.is_false(gives_up(closed(1008), { always = true }))
  end)

  it("is what retry says", function()
    local seen
    local function retry(...)
      seen = { ... }
      return true
    end
    local failure = answer(401)
    assert.is_false(gives_up(failure, { retry = retry }))
    assert.same({ failure.message, "HTTP_STATUS", failure.response }, seen)
    gives_up(closed(1008), { retry = retry })
    assert.same({ "closed", "CLOSED", nil, 1008 }, seen)
    local function never() return false end
    assert.is_true(gives_up(refused, { retry = never }))
    assert.is_true(gives_up(refused, { retry = never, always = true }))
  end)

  it("is what we say when retry says nothing, or throws", function()
    assert.is_true(gives_up(answer(401), { retry = function() end }))
    assert.is_false(gives_up(refused, { retry = function() end }))
    local reports = helper.reports_of(function()
      assert.is_false(gives_up(refused, { retry = function() error("on purpose") end }))
    end)
    assert.equal(1, #reports)
    assert.matches("on purpose\nstack traceback", reports[1])
  end)
end)

describe("Retry-After", function()
  local function delay(headers, given)
    given = given or {}
    given.min, given.max = 1, 1
    return backoff.new(policy(given)):after(answer(503, headers)) - 1
  end

  it("in seconds is waited for, and the usual delay on top", function()
    assert.equal(0, delay { ["retry-after"] = "0" })
    assert.equal(120, delay { ["retry-after"] = "120" })
  end)

  it("as a date is compared with the server's clock, or with ours", function()
    local date = "Sun, 06 Nov 1994 08:49:37 GMT"
    assert.equal(67, delay { ["retry-after"] = date, date = "Sun, 06 Nov 1994 08:48:30 GMT" })
    assert.equal(0, delay { ["retry-after"] = date, date = "Sun, 06 Nov 1994 08:50:30 GMT" })
    assert.equal(0, delay { ["retry-after"] = date })
    assert.equal(3600, delay { ["retry-after"] = "Fri, 31 Dec 9999 23:59:59 GMT" })
  end)

  it("is bounded", function()
    assert.equal(3600, delay { ["retry-after"] = ("9"):rep(400) })
    assert.equal(5, delay({ ["retry-after"] = "7" }, { max_retry_after = 5 }))
    assert.equal(0, delay({ ["retry-after"] = "7" }, { max_retry_after = 0 }))
  end)

  it("that makes no sense is as none", function()
    for _, value in ipairs { "", "-1", "1.5", "soon", "1e3", "Sun, 06 Nov 1994" } do
      assert.equal(0, delay { ["retry-after"] = value })
    end
    assert.equal(0, delay { ["retry-after"] = "7 s", date = "x" })
  end)
end)
