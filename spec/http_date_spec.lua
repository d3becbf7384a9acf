-- Dates as HTTP writes them, and has written them.

local http_date = require "lunawire.http_date"

describe("http_date", function()
  it("reads the three forms (RFC 9110 section 5.6.7)", function()
    for _, text in ipairs {
      "Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
    } do
      assert.equal(784111777, http_date.parse(text), text)
    end
  end)

  it("knows leap years", function()
    assert.equal(0, http_date.parse("Thu, 01 Jan 1970 00:00:00 GMT"))
    assert.equal(951782400, http_date.parse("Tue, 29 Feb 2000 00:00:00 GMT"))
    assert.equal(951868800, http_date.parse("Wed, 01 Mar 2000 00:00:00 GMT"))
    assert.equal(4107542400, http_date.parse("Mon, 01 Mar 2100 00:00:00 GMT"))
    assert.equal(-1, http_date.parse("Wed, 31 Dec 1969 23:59:59 GMT"))
  end)

  it("takes two digits for a year that is at most 50 years ahead", function()
    local now = tonumber(os.date("!%Y"))
    for ahead = -49, 50 do
      local text = ("Monday, 01-Jan-%02d 00:00:00 GMT"):format((now + ahead) % 100)
      local long = ("Mon, 01 Jan %04d 00:00:00 GMT"):format(now + ahead)
      assert.equal(http_date.parse(long), http_date.parse(text), text)
    end
  end)

  it("writes what it reads", function()
    for _, time in ipairs { 0, 784111777, 951782400, 4107542400 } do
      assert.equal(time, http_date.parse(http_date.format(time)))
    end
    assert.equal("Sun, 06 Nov 1994 08:49:37 GMT", http_date.format(784111777))
    assert.is_nil(http_date.format(-1))
    assert.is_nil(http_date.format(1e12))
    assert.is_nil(http_date.format(0 / 0))
  end)

  it("refuses what is none", function()
    for _, text in ipairs {
      "", "now", "784111777", "Sun, 06 Nov 1994 08:49:37", "Sun, 06 Nov 1994 08:49:37 CET",
      "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 32 Nov 1994 08:49:37 GMT",
      "Sun, 00 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT",
      "Sun, 06 Nov 1994 08:60:37 GMT", "Sun, 06 Nov 1994 08:49 GMT", "Sun, 06 Nov 194 08:49:37 GMT",
    } do
      assert.is_nil(http_date.parse(text), text)
    end
  end)
end)
