-- The table of media types.

local media_types = require "lunawire.media_types"

describe("media types", function()
  it("are types, by extensions in lower case", function()
    for extension, kind in pairs(media_types) do
      assert.matches("^[%l%d]+$", extension)
      assert.matches("^%l+/[%w.+-]+", kind)
    end
  end)

  it("tell the encoding of text", function()
    for extension, kind in pairs(media_types) do
      if kind:find("^text/") and extension ~= "xml" then
        assert.matches("; charset=utf%-8$", kind)
      end
    end
  end)

  it("are right for what pages are made of", function()
    assert.equal("text/html; charset=utf-8", media_types.html)
    assert.equal("text/javascript; charset=utf-8", media_types.mjs)
    assert.equal("application/wasm", media_types.wasm)
    assert.equal("image/svg+xml", media_types.svg)
  end)
end)
