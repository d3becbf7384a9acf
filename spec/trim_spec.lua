-- Trimming, which must not take long whatever it is given.

local helper = require "spec.helper"
local trim = require "lunawire.trim"

describe("trim", function()
  for text, expected in pairs {
    [""] = "", [" "] = "", ["a"] = "a", [" a "] = "a", ["\t a b\r\n "] = "a b", ["a  "] = "a",
    ["  a"] = "a",
  } do
    it(("makes %q of %q"):format(expected, text), function() assert.equal(expected, trim(text)) end)
  end

  it("takes time in proportion to the size", function()
    for _, pattern in ipairs { "%s", "a%s", "%sb", "a%sb" } do
      helper.expect_linear(function(size) trim((pattern:format((" "):rep(size)))) end)
    end
  end)
end)
