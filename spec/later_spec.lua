-- Files that are loaded by the first call of what is in them.

local helper = require "spec.helper"
local later = require "lunawire.later"

describe("later", function()
  it("loads a file with the first call, and not before", function()
    local out = helper.output_of [[
      local later = require "lunawire.later"
      local find = later("ranges.find")
      print(package.loaded["lunawire.ranges"] ~= nil)
      print(find("bytes=1-2", 10))
      print(package.loaded["lunawire.ranges"] ~= nil)
    ]]
    assert.equal("false\n1\t2\ntrue\n", out)
  end)

  it("passes arguments and results on, and installs what was loaded", function()
    local installed
    local accepts = later("parameters.accepts", function(fn) installed = fn end)
    assert.is_nil(installed)
    assert.is_true(accepts("gzip, br", "br"))
    assert.equal(require "lunawire.parameters".accepts, installed)
    assert.is_false(accepts("gzip", "br"))
  end)
end)
