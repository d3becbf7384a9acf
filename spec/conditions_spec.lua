-- Conditional requests: RFC 9110 section 13.

local conditions = require "lunawire.conditions"

local etag, time = '"v1"', 784111777
local date, earlier, later = "Sun, 06 Nov 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:36 GMT",
  "Sun, 06 Nov 1994 08:49:38 GMT"

describe("conditions", function()
  for _, case in ipairs {
    { nil, {} },
    -- If-None-Match: a weak comparison
    { 304, { ["if-none-match"] = '"v1"' } },
    { 304, { ["if-none-match"] = 'W/"v1"' } },
    { 304, { ["if-none-match"] = '"a", W/"b" ,"v1"' } },
    { 304, { ["if-none-match"] = '"a,b","v1"' } },
    { 304, { ["if-none-match"] = "*" } },
    { nil, { ["if-none-match"] = '"v2"' } },
    { nil, { ["if-none-match"] = '"a", "b"' } },
    { nil, { ["if-none-match"] = "v1" } },
    { nil, { ["if-none-match"] = '"*"' } },
    { nil, { ["if-none-match"] = "" } },
    -- If-Modified-Since, and that it counts for nothing beside If-None-Match
    { 304, { ["if-modified-since"] = date } },
    { 304, { ["if-modified-since"] = later } },
    { nil, { ["if-modified-since"] = earlier } },
    { nil, { ["if-modified-since"] = "yesterday" } },
    { nil, { ["if-modified-since"] = date, ["if-none-match"] = '"v2"' } },
    { 304, { ["if-modified-since"] = earlier, ["if-none-match"] = '"v1"' } },
    -- If-Match: a strong comparison; it comes first
    { nil, { ["if-match"] = '"v1"' } },
    { nil, { ["if-match"] = "*" } },
    { nil, { ["if-match"] = '"v0", "v1"' } },
    { 412, { ["if-match"] = '"v2"' } },
    { 412, { ["if-match"] = 'W/"v1"' } },
    { 412, { ["if-match"] = '"v2"', ["if-none-match"] = '"v1"' } },
    { 304, { ["if-match"] = '"v1"', ["if-none-match"] = '"v1"' } },
    -- If-Unmodified-Since
    { nil, { ["if-unmodified-since"] = date } },
    { 412, { ["if-unmodified-since"] = earlier } },
    { nil, { ["if-unmodified-since"] = "soon" } },
    { nil, { ["if-unmodified-since"] = earlier, ["if-match"] = '"v1"' } },
  } do
    local words = {}
    for name, value in pairs(case[2]) do words[#words + 1] = name .. ": " .. value end
    table.sort(words)
    it(("give %s for %s"):format(tostring(case[1]), table.concat(words, "; ")), function()
      assert.equal(case[1], conditions.check(case[2], etag, time))
    end)
  end

  it("ignore dates where the file's is not known", function()
    assert.is_nil(conditions.check({ ["if-modified-since"] = later }, etag, nil))
    assert.is_nil(conditions.check({ ["if-unmodified-since"] = earlier }, etag, nil))
  end)
end)

describe("If-Range", function()
  local function allows(value, now, modified)
    return conditions.allow_range({ ["if-range"] = value }, etag, modified or time,
      now or time + 60)
  end

  it("allows the range when it is the same file", function()
    assert.is_true(allows(nil))
    assert.is_true(allows('"v1"'))
    assert.is_true(allows(date))
  end)

  it("does not when it is another, or may be", function()
    assert.is_false(allows('"v2"'))
    assert.is_false(allows('W/"v1"'))
    assert.is_false(allows('"v1", "v2"'))
    assert.is_false(allows(earlier))
    assert.is_false(allows(later))
    assert.is_false(allows("nonsense"))
    assert.is_false(allows(date, time + 1)) -- it may have changed again within that second
    assert.is_false(conditions.allow_range({ ["if-range"] = date }, etag, nil, time))
  end)
end)
