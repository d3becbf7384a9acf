-- Sizes as scripts write them.

local size = require "lunawire.size"

describe("a size", function()
  it("is a number of bytes, or digits and a unit", function()
    for text, bytes in pairs {
      ["0"] = 0, ["65536"] = 65536, ["1K"] = 1024, ["1.5K"] = 1536, ["64M"] = 67108864,
      ["4G"] = 4294967296, ["1T"] = 1099511627776,
    } do
      assert.equal(bytes, size(text))
      assert.equal(bytes, size(bytes))
    end
    assert.equal(10, size(10.9))
  end)

  it("is nothing else", function()
    for _, value in ipairs {
      "", "K", "64k", "64KB", " 64K", "-1", "0x10", "1e3", "9999999T",
      -1, 0 / 0, 1 / 0, 2 ^ 53, true, {},
    } do
      assert.is_nil(size(value))
    end
    assert.is_nil(size(nil))
  end)
end)
