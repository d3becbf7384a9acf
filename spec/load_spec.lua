-- The library's own files by their names.

local load = require "lunawire.load"

describe("load", function()
  it("is require", function() assert.equal(require "lunawire.misuse", load "misuse") end)

  it("says what to do about a file that is out of reach", function()
    local ok, message = pcall(load, "nowhere")
    assert.is_false(ok)
    assert.matches("^lunawire needs its file nowhere.lua now: keep its files where ", message)
    assert.matches("module 'lunawire.nowhere' not found", message, 1, true)
  end)
end)
