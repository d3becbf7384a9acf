-- ws.connect: with handlers it returns a connection that is still connecting; without any it waits
-- until the connection is open.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local inbox = require "lunawire.inbox"
local options = require "lunawire.options"
local receive = require "lunawire.receive"
local redirect = require "lunawire.redirect"
local task = require "lunawire.task"

local client = {}

-- Waiting for it to open ------------------------------------------------------------------------

-- The waiter of each connection that somebody waits for; whoever gave up has left.
local opening = {}

local function wake(conn, ...)
  local waiter = opening[conn]
  if waiter then waiter:wake(...) end
end

-- One set serves all connections without handlers, as long as there are any.
local shared = setmetatable({}, { __mode = "v" })

local function handlers_for_waiting()
  local handlers = shared.handlers or core.handlers(inbox.attach {
    on_open = function(conn)
      receive.open(conn)
      wake(conn, conn)
    end,
    on_error = function(conn, message, code) wake(conn, nil, message, code) end,
  })
  shared.handlers = handlers
  return handlers
end

-- Returns the open connection; or nil, message, code and, when the server answered, its response.
local function connect_and_wait(request)
  task.expect_waiting()
  request.handlers = handlers_for_waiting()
  local conn, message, code = core.connect(request)
  if not conn then return nil, message, code end
  local waiter = task.waiter()
  opening[conn] = waiter
  local opened
  opened, message, code = waiter:wait()
  opening[conn] = nil
  if opened then return opened end
  return nil, message, code, conn.response
end

-- Takes the place of on_error, so that a client that cannot connect does not just fall silent.
function client.report_error(_, message, code)
  core.report(code == "HANDLER" and message or ("%s (%s)"):format(message, code))
end

-- ws.connect
function client.connect(url, given)
  local o = options.check("connect", given == nil and {} or given)
  local handlers = options.take_handlers(o)
  if o.reconnect or handlers.on_reconnect then
    return require "lunawire.reconnect".connect(url, given, o.reconnect, handlers)
  end
  local request, message, code = redirect.request(url, o)
  if not request then return nil, message, code end
  if next(handlers) == nil then return connect_and_wait(request) end
  handlers.on_error = handlers.on_error or client.report_error
  request.handlers = core.handlers(inbox.attach(handlers))
  return core.connect(request)
end

-- conn.response: what the server answered. { status, reason, headers }
function client.response(conn)
  local raw = conn.raw_response
  if raw then
    return { status = raw[1], reason = raw[2], headers = headers.to_table(raw[3]) }
  end
end

return client
