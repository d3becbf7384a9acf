-- Ranges: RFC 9110 section 14.

local ranges = require "lunawire.ranges"

describe("a range", function()
  for text, expected in pairs {
    ["bytes=0-0"] = { 0, 0 },
    ["bytes=0-99"] = { 0, 99 },
    ["bytes=0-100"] = { 0, 99 },
    ["bytes=50-"] = { 50, 99 },
    ["bytes=99-"] = { 99, 99 },
    ["bytes=-1"] = { 99, 99 },
    ["bytes=-100"] = { 0, 99 },
    ["bytes=-1000"] = { 0, 99 },
    ["Bytes=1-2"] = { 1, 2 },
    ["bytes= 1-2 "] = { 1, 2 },
    ["bytes=1-99999999999999999999999999"] = { 1, 99 },
    ["bytes=-99999999999999999999999999"] = { 0, 99 },
  } do
    it("is taken from " .. text, function()
      assert.same(expected, { ranges.find(text, 100) })
    end)
  end

  for _, text in ipairs { "bytes=100-", "bytes=100-200", "bytes=-0",
      "bytes=99999999999999999999999999-" } do
    it("is not there for " .. text, function()
      assert.same({ n = 2, nil, true }, { n = 2, ranges.find(text, 100) })
    end)
  end

  for _, text in ipairs { "", "bytes", "bytes=", "bytes=-", "bytes=2-1", "bytes=a-b", "bytes=1",
      "bytes=--1", "bytes=1--2", "bytes=1-2-3", "bytes=0x1-2", "lines=1-2", "bytes 1-2",
      "bytes=1 - 2", "bytes=+1-2", "bytes=1.0-2" } do
    it(("is ignored for %q"):format(text), function()
      assert.same({}, { ranges.find(text, 100) })
    end)
  end

  it("is the whole when there are several, however many and however they overlap", function()
    assert.same({}, { ranges.find("bytes=0-1,3-4", 100) })
    assert.same({}, { ranges.find("bytes=0-1,", 100) })
    assert.same({}, { ranges.find("bytes=" .. ("0-,"):rep(5000) .. "0-", 100) })
  end)

  it("of an empty file is the whole or not there", function()
    assert.same({}, { ranges.find("bytes=-5", 0) })
    assert.same({ n = 2, nil, true }, { n = 2, ranges.find("bytes=0-", 0) })
  end)
end)
