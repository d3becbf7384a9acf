-- The option `auth`, and the user in a URL: what they become, and what may not be sent.

local auth = require "lunawire.auth"
local options = require "lunawire.options"

describe("auth", function()
  it("is Basic or Bearer", function()
    assert.equal("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", -- the example of RFC 7617 section 2
      auth.check { user = "Aladdin", password = "open sesame" })
    assert.equal("Basic bWU6", auth.check { user = "me" })
    assert.equal("Basic OmtleQ==", auth.check { user = "", password = "key" })
    assert.equal("Bearer mF_9.B5f-4.1JqM==", auth.check { bearer = "mF_9.B5f-4.1JqM==" })
  end)

  local function problem_of(value)
    local ok, message = pcall(options.check, "connect", { auth = value })
    assert.is_false(ok)
    return (message:gsub("^[^:]+:%d+: ", ""))
  end

  it("refuses what cannot be sent, and shows no secret", function()
    assert.equal("auth must be a table with user and password, or with bearer, not a string",
      problem_of("me:secret"))
    assert.equal("auth needs user and password, or bearer", problem_of { password = "x" })
    assert.equal("auth has both bearer and user: give one of them",
      problem_of { user = "x", bearer = "y" })
    assert.equal("auth has an unknown field 'pass': it takes user, password and bearer",
      problem_of { user = "x", pass = "y" })
    assert.equal("auth user must be a string, not 1", problem_of { user = 1 })
    assert.equal("auth has a user name with a colon, which ends it",
      problem_of { user = "a:b", password = "y" })
    assert.equal("auth has a control character", problem_of { user = "a", password = "b\r\n" })
    assert.equal("auth has a bearer that is no token: letters, digits and - . _ ~ + / only",
      problem_of { bearer = "secret value" })
  end)

  it("is read from a URL's user", function()
    assert.same({ "me", "pass:word" }, { auth.split "me:pass%3aword" })
    assert.same({ "me", "pass:word" }, { auth.split "me:pass:word" })
    assert.same({ "me", "" }, { auth.split "me" })
    assert.equal("Basic bWU6w6Q=", auth.of_url "me:%c3%a4")
    assert.same({ nil, "has a control character" }, { auth.of_url "me:%0d%0a" })
    assert.same({ nil, "has a user name with a colon, which ends it" }, { auth.of_url "a%3ab:c" })
  end)
end)
