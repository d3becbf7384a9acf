-- Header values with parameters, and lists with weights.

local helper = require "spec.helper"
local parameters = require "lunawire.parameters"

describe("parameters", function()
  for text, expected in pairs {
    ["form-data"] = { "form-data", {} },
    ["Form-Data;"] = { "form-data", {} },
    [' a/b ; x=1 ;Y="2" ; z='] = { "a/b", { x = "1", y = "2", z = "" } },
    ['f; name="a;b"; filename="c\\"d\\\\e"'] = { "f", { name = "a;b", filename = 'c"d\\e' } },
    ['f; name="C:\\dir\\new.txt"'] = { "f", { name = "C:\\dir\\new.txt" } },
    ['f; name=""; name="second"'] = { "f", { name = "" } },
    ["f; boundary=----a'()+_,-./:=?b"] = { "f", { boundary = "----a'()+_,-./:=?b" } },
    ["f; a=b c; d=e"] = { "f", { a = "b c", d = "e" } },
  } do
    it("are read from " .. text, function()
      assert.same(expected, { parameters.parse(text) })
    end)
  end

  for _, text in ipairs { "", "; a=b", "f; a", "f; =b", 'f; a="b', 'f; a="b\\"', 'f; a="b"c',
      "f; a=b; ; c=d", "f; a =b" } do
    it(("are not read from %q"):format(text), function()
      assert.is_nil((parameters.parse(text)))
    end)
  end

  it("take time in proportion to their size", function()
    for _, unit in ipairs { "; a=b", " ", "\\", '"', ";", '; a="\\', "a " } do
      for _, start in ipairs { "", "f; a=", 'f; a="', "gzip" } do
        helper.expect_linear(function(size)
          parameters.accepts(start .. unit:rep(size) .. "x", "gzip")
        end)
      end
    end
  end)
end)

describe("a list of codings", function()
  for list, expected in pairs {
    ["gzip"] = true, ["GZIP"] = true, ["br, gzip"] = true, ["gzip;q=0.5"] = true, ["*"] = true,
    ["identity;q=1, *;q=0.1"] = true, ["gzip ; q=1.000"] = true, ["deflate,gzip;q=0.001"] = true,
    [""] = false, ["br"] = false, ["gzip;q=0"] = false, ["gzip; q=0.000"] = false,
    ["*;q=0"] = false, ["gzip;q=0, *"] = false, ["xgzip"] = false, ["*, gzip;q=0"] = false,
    ["gzip;Q=0"] = false, [",,"] = false, ["gzip;q=0."] = false,
  } do
    it(("%q takes gzip: %s"):format(list, tostring(expected)), function()
      assert.equal(expected, parameters.accepts(list, "gzip"))
    end)
  end

  it("that is not there takes nothing", function()
    assert.is_false(parameters.accepts(nil, "gzip"))
  end)
end)
