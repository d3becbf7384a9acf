-- From paths to names: nothing leads out of the directory, whatever way it is written.

local file_path = require "lunawire.file_path"

describe("a path", function()
  for path, name in pairs {
    [""] = "", ["a"] = "a", ["a/"] = "a/", ["a/b.txt"] = "a/b.txt", ["a%20b"] = "a b",
    ["%C3%A4.html"] = "\195\164.html", ["a%2Eb"] = "a.b", ["a..b"] = "a..b", ["..."] = false,
    ["a+b"] = "a+b", ["%252e%252e"] = "%2e%2e", ["%2500"] = "%00",
  } do
    it(("%q is %s"):format(path, tostring(name)), function()
      assert.equal(name or nil, file_path.clean(path, false))
    end)
  end

  for _, path in ipairs {
    "..", "../", "../x", "a/../x", "a/..", ".", "a/./b", "a/.", -- up and on the spot
    "%2e%2e/x", "%2E%2E/x", ".%2e/x", "a/%2e%2e/x", "%2e", -- encoded
    "..%2fx", "a%2fb", "a%2F..%2Fx", "%2f", "%2fetc/passwd", -- an encoded slash
    "..\\x", "a\\b", "..%5cx", "%5c", "a%5C..%5Cx", -- a backslash
    "a%00", "a%00.txt", "%00", "a/b%00/c", "a\0b", -- NUL
    "/", "//", "/a", "//a", "a//b", "a//", -- absolute, or nothing between two slashes
    "%", "%2", "%zz", "a%", -- malformed
  } do
    it(("%q names nothing"):format(path), function()
      assert.is_nil(file_path.clean(path, true))
    end)
  end

  it("with a hidden name counts only when these are wanted", function()
    for _, path in ipairs { ".env", ".git/config", "a/.git/config", "a/.b", "%2egit", ".a/" } do
      assert.is_nil(file_path.clean(path, false))
      assert.is_string(file_path.clean(path, true))
    end
  end)

  it("is what follows the route's part", function()
    assert.equal("a/b", file_path.below("/a/b", 0))
    assert.equal("", file_path.below("/", 0))
    assert.equal("b/c", file_path.below("/a/b/c", 1))
    assert.equal("", file_path.below("/a/", 1))
    assert.is_nil(file_path.below("/a", 1))
    assert.equal("/c", file_path.below("/a//c", 1))
    assert.equal("%2e", file_path.below("/a/b/%2e", 2))
    assert.is_nil(file_path.below("/a/b", 2))
  end)
end)
