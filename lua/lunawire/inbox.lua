-- Coroutine style: what lies between the handlers of a connection and who receives from it.
--
-- A connection whose handlers have no on_message can be read instead. Its messages wait in an inbox
-- from the first receive() on (receive.lua); when too many wait, the connection is paused, and TCP
-- holds the peer back.

local load = require "lunawire.load"

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
--   paused           because too many messages wait
local function put(box, message, kind)
  local last = box.last + 1
  box.last, box[last], box.kinds[last] = last, message, kind
  return last - box.first + 1
end

-- What stands for on_message in the handlers of such connections.
function inbox.on_message(conn, message, kind)
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
  load "receive" -- it may be out of reach when somebody reads
  local attached = {}
  for name, handler in pairs(handlers) do attached[name] = handler end
  attached.on_message = inbox.on_message
  local user_on_close = handlers.on_close
  attached.on_close = user_on_close and function(conn, code, reason)
    on_close(conn, code, reason)
    return user_on_close(conn, code, reason)
  end or on_close
  return attached
end

return inbox
