-- Coroutine style: conn:receive() and conn:messages(), on connections with an inbox (inbox.lua).

local core = require "lunawire.core"
local inbox = require "lunawire.inbox"
local misuse = require "lunawire.misuse"
local task = require "lunawire.task"

local receive = {}

local unpack = table.unpack or unpack

local function new_inbox()
  return {
    first = 1, last = 0, kinds = {}, waiter = task.waiter(), reader = nil,
    paused = false, closed = nil,
  }
end

local function take(box)
  local first = box.first
  local message, kind = box[first], box.kinds[first]
  box[first], box.kinds[first] = nil, nil
  box.first = first + 1
  return message, kind
end

-- Makes the connection keep its messages from now on, for a reader that will come later.
function receive.open(conn)
  local box = new_inbox()
  conn._inbox = box
  return box
end

-- The inbox for the first receive() of a connection that nobody read before. It is made while the
-- connection is open, so on_close is still to come; nil when it is closed already.
local function open_late(conn)
  local state = conn.state
  if state == "closed" then return nil end
  if state ~= "open" and state ~= "closing" then
    misuse.raise("the connection is not open yet: receive in on_open, or connect without handlers")
  end
  if core.handler(conn, "on_message") ~= inbox.on_message then
    misuse.raise("the handlers of this connection take its messages: receive needs them without "
      .. "on_message and on_chunk")
  end
  return receive.open(conn)
end

-- What receive() was given, and no more: print(conn:receive()) shows it all.
local function stop_waiting(box, reader, ...)
  if box.reader == reader then box.reader = nil end -- it timed out
  return ...
end

local function wait_for_message(box, seconds)
  if box.reader then misuse.raise("another coroutine is receiving from this connection") end
  task.expect_waiting() -- before the box has a reader that never comes
  -- A coroutine continues as soon as it is woken; what the main thread was woken with may have to
  -- outlast the next reader, so it takes a waiter of its own.
  local reader = core.can_yield() and box.waiter:reset() or task.waiter()
  box.reader = reader
  return stop_waiting(box, reader, reader:wait(seconds))
end

-- conn:receive([seconds]): the next message and its kind; or nil, message, code. With the code
-- "CLOSED" the close code and the reason follow, unless nobody had received while it was open.
function receive.receive(conn, seconds)
  misuse.expect_self(conn, "conn:receive()")
  if seconds ~= nil then misuse.expect_seconds("the time to wait", seconds) end
  local box = conn._inbox or open_late(conn)
  if not box then return nil, "the connection is closed", "CLOSED" end
  if box.first <= box.last then
    local message, kind = take(box)
    if box.paused and box.first > box.last then
      box.paused = false
      conn:resume()
    end
    return message, kind
  end
  if box.closed then return unpack(box.closed, 1, 5) end
  return wait_for_message(box, seconds)
end

-- conn:messages(): an iterator over messages and kinds, which ends when the connection is closed.
function receive.messages(conn)
  misuse.expect_self(conn, "conn:messages()")
  if not task.iterators_wait and core.can_yield() then
    misuse.raise("Lua 5.1 cannot wait in a for loop: "
      .. "write `while true do local message, kind = conn:receive() ...`")
  end
  return function() return receive.receive(conn) end
end

return receive
