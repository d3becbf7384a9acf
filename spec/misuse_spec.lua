-- Errors about wrong use point into the script.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local options = require "lunawire.options"
local nearest = require "lunawire.nearest"
require "lunawire"

describe("misuse", function()
  it("is raised where the script made the mistake", function()
    local line = debug.getinfo(1, "l").currentline + 1
    local ok, message = pcall(function() options.check("serve", { prot = 1 }) end)
    assert.is_false(ok)
    assert.matches("misuse_spec%.lua:" .. line .. ": unknown option 'prot'", message)
  end)

  it("is to call a method without an object", function()
    local conn, server = core.methods, core.server_methods
    for call, method in pairs {
      ["conn:receive()"] = conn.receive, ["conn:messages()"] = conn.messages,
      ["conn:stream()"] = conn.stream, ["server:drain()"] = server.drain,
      ["server:reload{ ... }"] = server.reload,
    } do
      for _, wrong in ipairs { {}, 5, "text" } do
        local line = debug.getinfo(1, "l").currentline + 1
        local ok, message = pcall(function() method(wrong) end)
        assert.is_false(ok)
        assert.matches("misuse_spec%.lua:" .. line .. ": write ", message)
        assert.is_truthy(message:find("write " .. call .. ", with a colon", 1, true))
      end
    end
  end)

  it("describes values", function()
    assert.equal("nothing", misuse.describe(nil))
    assert.equal("false", misuse.describe(false))
    assert.equal("1.5", misuse.describe(1.5))
    assert.equal("a string", misuse.describe("x"))
    assert.equal("an object", misuse.describe(io.stdout))
    assert.equal("a function", misuse.describe(print))
  end)

  it("refuses times that are none", function()
    assert.equal(0, misuse.expect_seconds("it", 0))
    for _, wrong in ipairs { -1, 0 / 0, 1 / 0, "1" } do
      assert.is_false((pcall(misuse.expect_seconds, "it", wrong)))
    end
  end)
end)

describe("the nearest name", function()
  local names = { "on_message", "on_open", "port", "path", "host" }

  for word, meant in pairs {
    on_mesage = "on_message", onmessage = "on_message", ON_MESSAGE = "on_message",
    on_messgae = "on_message", prot = "port", ports = "port", pth = "path", hots = "host",
    path_of_socket = "path",
  } do
    it(("to %s is %s"):format(word, meant), function()
      assert.equal(meant, nearest(word, names))
    end)
  end

  it("is none when nothing is near", function()
    for _, word in ipairs { "tls", "deflate", "x", "", "reconnect" } do
      assert.is_nil(nearest(word, names))
    end
  end)
end)
