-- Coroutine style: conn:receive() and conn:messages().
--
-- A connection whose handlers have no on_message can be read instead. Its messages wait in an inbox
-- from the first receive() on; when too many wait, the connection is paused, and TCP holds the peer
-- back.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local task = require "lunawire.task"

local inbox = {}

local unpack = table.unpack or unpack

-- Messages that are read ahead. Enough that the peer is not stopped for each, and few, as each may
-- be max_message long.
local READ_AHEAD = 16

-- An inbox is kept in the connection's field _inbox:
--   [first .. last]  messages, and kinds[i] their kinds
--   waiter           of coroutines in receive(); one for all, as there is one reader at a time
--   reader           whose turn it is while somebody is in receive()
--   closed           what receive() answers from now on: { nil, message, code, close code, reason }
local function new_inbox()
  return {
    first = 1, last = 0, kinds = {}, waiter = task.waiter(), reader = nil,
    paused = false, closed = nil,
  }
end

local function put(box, message, kind)
  local last = box.last + 1
  box.last, box[last], box.kinds[last] = last, message, kind
  return last - box.first + 1
end

local function take(box)
  local first = box.first
  local message, kind = box[first], box.kinds[first]
  box[first], box.kinds[first] = nil, nil
  box.first = first + 1
  return message, kind
end

-- Handlers --------------------------------------------------------------------------------------

local function on_message(conn, message, kind)
  local box = conn._inbox
  if not box then return end -- nobody reads: as with any connection without on_message
  local reader = box.reader
  if reader then
    box.reader = nil
    reader:wake(message, kind)
  elseif put(box, message, kind) >= READ_AHEAD and not box.paused then
    box.paused = true
    conn:pause()
  end
end

-- One sentence for people about how a connection ended.
function inbox.closed_sentence(code, reason)
  if reason and reason ~= "" then
    return ("the connection is closed (%d: %s)"):format(code, reason)
  end
  return ("the connection is closed (%d)"):format(code)
end

local function on_close(conn, code, reason)
  local box = conn._inbox
  if not box then return end
  box.closed = { nil, inbox.closed_sentence(code, reason), "CLOSED", code, reason }
  local reader = box.reader
  if reader then
    box.reader = nil
    reader:wake(unpack(box.closed, 1, 5))
  end
end

-- The handlers with what fills the inbox, when they leave messages to receive(); else unchanged.
function inbox.attach(handlers)
  if handlers.on_message or handlers.on_chunk then return handlers end
  local attached = {}
  for name, handler in pairs(handlers) do attached[name] = handler end
  attached.on_message = on_message
  local user_on_close = handlers.on_close
  attached.on_close = user_on_close and function(conn, code, reason)
    on_close(conn, code, reason)
    return user_on_close(conn, code, reason)
  end or on_close
  return attached
end

-- Makes the connection keep its messages from now on, for a reader that will come later.
function inbox.open(conn)
  local box = new_inbox()
  conn._inbox = box
  return box
end

-- Methods ---------------------------------------------------------------------------------------

-- The inbox for the first receive() of a connection that nobody read before. It is made while the
-- connection is open, so on_close is still to come; nil when it is closed already.
local function open_late(conn)
  local state = conn.state
  if state == "closed" then return nil end
  if state ~= "open" and state ~= "closing" then
    misuse.raise("the connection is not open yet: receive in on_open, or connect without handlers")
  end
  if core.handler(conn, "on_message") ~= on_message then
    misuse.raise("the handlers of this connection take its messages: receive needs them without "
      .. "on_message and on_chunk")
  end
  return inbox.open(conn)
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
function inbox.receive(conn, seconds)
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
function inbox.messages(conn)
  if not task.iterators_wait and core.can_yield() then
    misuse.raise("Lua 5.1 cannot wait in a for loop: "
      .. "write `while true do local message, kind = conn:receive() ...`")
  end
  return function() return inbox.receive(conn) end
end

return inbox
