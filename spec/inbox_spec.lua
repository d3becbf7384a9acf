-- What takes the messages of connections that are read: handlers between the core and receive().

local inbox = require "lunawire.inbox"

-- A connection as far as an inbox looks at it.
local function new_conn()
  local conn = { pauses = 0, _inbox = { first = 1, last = 0, kinds = {}, paused = false } }
  function conn:pause() self.pauses = self.pauses + 1 end
  return conn
end

describe("the inbox", function()
  it("leaves handlers alone that take the messages themselves", function()
    for _, name in ipairs { "on_message", "on_chunk" } do
      local handlers = { [name] = print }
      assert.equal(handlers, inbox.attach(handlers))
    end
  end)

  it("takes the place of on_message, and changes nothing that it was given", function()
    local handlers = { on_open = print }
    local attached = inbox.attach(handlers)
    assert.same({ on_open = print }, handlers)
    assert.equal(print, attached.on_open)
    assert.equal(inbox.on_message, attached.on_message)
  end)

  it("keeps messages in order, and holds the peer back before there are too many", function()
    local conn = new_conn()
    for i = 1, 20 do inbox.on_message(conn, "message " .. i, i == 2 and "binary" or "text") end
    assert.equal(1, conn.pauses)
    assert.equal("message 20", conn._inbox[20])
    assert.equal("binary", conn._inbox.kinds[2])
  end)

  it("hands a message to whoever waits for it", function()
    local conn, got = new_conn(), {}
    conn._inbox.reader = { wake = function(_, ...) got = { ... } end }
    inbox.on_message(conn, "hello", "text")
    assert.same({ "hello", "text" }, got)
    assert.is_nil(conn._inbox.reader)
    assert.is_nil(conn._inbox[1])
  end)

  it("forgets messages that nobody will ever read", function()
    inbox.on_message({}, "hello", "text")
    inbox.attach({}).on_close({}, 1000, "")
  end)

  it("notes how the connection ended, and calls the script's on_close", function()
    local conn, said = new_conn(), {}
    local attached = inbox.attach { on_close = function(...) said = { ... } end }
    attached.on_close(conn, 4001, "enough")
    assert.same({ conn, 4001, "enough" }, said)
    assert.equal("the connection is closed (4001: enough)", conn._inbox.closed[2])
    assert.equal("the connection is closed (1000)", inbox.closed_sentence(1000, ""))
  end)
end)
