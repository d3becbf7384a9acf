-- The bounded memory.

local cache = require "lunawire.cache"

describe("the cache", function()
  it("remembers and forgets", function()
    local c = cache.new(100)
    assert.is_nil(c:get("a"))
    c:put("a", "1", 10)
    assert.equal("1", c:get("a"))
    c:put("a", "2", 10)
    assert.equal("2", c:get("a"))
    c:remove("a")
    assert.is_nil(c:get("a"))
    c:remove("a")
  end)

  it("never holds more than it may", function()
    local c = cache.new(100)
    for i = 1, 1000 do
      c:put(i, i, 1 + i % 7)
      if i % 3 == 0 then c:get(i - 5) end
      local cost = 0
      for _, half in ipairs { c.young, c.old } do
        for _, item in pairs(half) do cost = cost + item.cost end
      end
      assert.is_true(cost <= 100)
    end
  end)

  it("keeps what is asked for", function()
    local c = cache.new(100)
    c:put("wanted", true, 10)
    for i = 1, 100 do
      c:put(i, i, 10)
      assert.is_true(c:get("wanted"))
    end
    assert.is_nil(c:get(1))
  end)

  it("does not take what is too large", function()
    local c = cache.new(100)
    c:put("a", "small", 10)
    c:put("a", "large", 51)
    assert.is_nil(c:get("a"))
    c:put("b", 1, 0)
    assert.equal(1, c:get("b"))
    local none = cache.new(0)
    none:put("a", 1, 1)
    assert.is_nil(none:get("a"))
  end)
end)
