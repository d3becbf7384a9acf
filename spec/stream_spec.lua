-- conn:stream(): one message in fragments.

local helper = require "spec.helper"
local ws = require "lunawire"

describe("a stream", function()
  teardown(helper.check_leaks)

  local server, conn
  before_each(function()
    server = assert(ws.serve {
      port = 0, on_message = function(peer, message, kind) peer:send(message, kind) end,
    })
    conn = assert(ws.connect(("ws://127.0.0.1:%d/"):format(server.port)))
  end)
  after_each(function()
    conn:close()
    server:stop()
  end)

  it("arrives as one message", function()
    local writer = conn:stream("binary")
    assert.is_true(writer:write("a"))
    assert.is_true(writer:write(""))
    assert.is_true(writer:write("b"))
    assert.is_true(writer:finish("c"))
    assert.same({ "abc", "binary" }, { conn:receive(30) })
  end)

  it("is text without a kind, and may end without a piece", function()
    local writer = conn:stream()
    writer:write("a")
    writer:finish()
    assert.same({ "a", "text" }, { conn:receive(30) })
    conn:stream():finish("whole")
    assert.same({ "whole", "text" }, { conn:receive(30) })
    conn:stream():finish()
    assert.same({ "", "text" }, { conn:receive(30) })
  end)

  it("does not let another message in between", function()
    local writer = conn:stream()
    writer:write("a")
    local ok, message, code = conn:send("b")
    assert.is_nil(ok)
    assert.is_string(message)
    assert.is_string(code)
    writer:finish("c")
    assert.equal("ac", (conn:receive(30)))
  end)

  it("cannot be used after its end", function()
    local writer = conn:stream()
    writer:finish("a")
    assert.has_error(function() writer:write("b") end, "this message is finished")
    assert.has_error(function() writer:finish() end, "this message is finished")
  end)

  it("takes strings and kinds only", function()
    assert.has_error(function() conn:stream():write(1) end,
      "a chunk must be a string, not 1")
    assert.has_error(function() conn:stream("json") end,
      'the kind must be "text" or "binary", not json')
  end)

  it("answers as send does when the connection is closed", function()
    local writer = conn:stream()
    conn:terminate()
    local ok, message, code = writer:write("a")
    assert.is_nil(ok)
    assert.is_string(message)
    assert.equal("CLOSED", code)
  end)
end)
