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

  it("begins with the first piece that is accepted", function()
    local writer = conn:stream()
    assert.equal("INVALID_UTF8", (select(3, writer:write("\255"))))
    assert.is_true(writer:write("a"))
    assert.equal("INVALID_UTF8", (select(3, writer:write("\255"))))
    assert.is_true(writer:finish("b"))
    assert.same({ "ab", "text" }, { conn:receive(30) })
  end)

  it("is not finished by what is refused", function()
    local writer = conn:stream()
    assert.is_true(writer:write("\195"))
    assert.equal("INVALID_UTF8", (select(3, writer:finish())))
    assert.is_true(writer:finish("\169"))
    assert.same({ "\195\169", "text" }, { conn:receive(30) })
  end)

  it("keeps others out, whatever they try, and lets them in behind it", function()
    local text, binary = conn:stream("text"), conn:stream("binary")
    assert.is_true(text:write("\195"))
    for _ = 1, 2 do
      assert.equal("STREAM_OPEN", (select(3, binary:write("\255"))))
      assert.equal("STREAM_OPEN", (select(3, binary:finish("\255"))))
    end
    assert.equal("INVALID_UTF8", (select(3, text:write("\255"))))
    assert.is_true(text:finish("\169"))
    assert.is_true(binary:write("\255"))
    assert.equal("STREAM_OPEN", (select(3, conn:stream("text"):write("a"))))
    assert.is_true(binary:finish("\254"))
    assert.same({ "\195\169", "text" }, { conn:receive(30) })
    assert.same({ "\255\254", "binary" }, { conn:receive(30) })
  end)

  it("forgets a piece that is dropped", function()
    local ended = {}
    local block = ("x"):rep(65536)
    local dropping = assert(ws.serve {
      port = 0, on_slow = "drop", max_buffered = "256K", high_water = "64K",
      on_open = function(peer)
        peer.writer = peer:stream()
        repeat
          local accepted, _, code = peer.writer:write(block)
          ended[1] = code
        until accepted == nil
        ended[2] = select(3, peer.writer:write(block .. "\195"))
        ended[3] = select(3, peer.writer:finish(block))
      end,
      on_drain = function(peer) ended[4] = peer.writer:finish("y") end,
    })
    local reader = assert(ws.connect("ws://127.0.0.1:" .. dropping.port, { max_message = "64M" }))
    local message, kind = reader:receive(60)
    assert.same({ "DROPPED", "DROPPED", "DROPPED", true }, ended)
    assert.equal("text", kind)
    assert.is_nil(message:sub(1, -2):find("[^x]"))
    assert.equal("xy", message:sub(-2))
    reader:close()
    dropping:stop()
  end)
end)
