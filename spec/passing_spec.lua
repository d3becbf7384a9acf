-- Files that nothing keeps.

local helper = require "spec.helper"
local passing = require "lunawire.passing"

describe("passing", function()
  local name = "lunawire.listing"
  local before
  before_each(function() before, package.loaded[name] = package.loaded[name], nil end)
  after_each(function() package.loaded[name] = before end)

  it("loads a file, and again when the collector took it", function()
    local weak = setmetatable({ passing "listing" }, { __mode = "v" })
    assert.is_table(weak[1])
    assert.is_nil(package.loaded[name])
    helper.wait_until(function()
      collectgarbage()
      return weak[1] == nil
    end, "the file to go")
    assert.is_table(passing "listing")
  end)

  it("gives everybody the same as long as somebody has it", function()
    local listing = passing "listing"
    collectgarbage()
    assert.equal(listing, passing "listing")
  end)

  it("leaves alone what was required", function()
    local listing = require(name)
    assert.equal(listing, passing "listing")
    assert.equal(listing, package.loaded[name])
  end)
end)
