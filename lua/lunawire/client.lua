-- ws.connect: with handlers it returns a connection that is still connecting; without any it waits
-- until the connection is open.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local inbox = require "lunawire.inbox"
local misuse = require "lunawire.misuse"
local options = require "lunawire.options"
local task = require "lunawire.task"

local client = {}

-- Reading the URL -------------------------------------------------------------------------------

-- The parts of a WebSocket URL; or nil, message, code.
local function parse(url)
  misuse.expect("the URL", url, "string")
  local parts, message, code = core.url(url)
  if not parts then return nil, message, code end
  local scheme = parts.scheme:lower()
  if not scheme:find("^ws") then
    return nil, "the URL does not begin with ws:// or wss://", "URL_SCHEME"
  elseif parts.user and parts.user ~= "" then
    return nil, "the URL has a user name; send an Authorization header instead", "URL_USER"
  end
  return parts
end

-- What the core needs to connect: the checked options and the parts of the URL. A Host header takes
-- the place of the one made from the URL.
local function request_of(parts, o)
  o.host, o.port, o.unix_path, o.secure = parts.host, parts.port, parts.unix_path, parts.secure
  o.authority, o.target = parts.authority, parts.target
  o.handshake_timeout = o.timeout
  if o.headers then
    local fields = {}
    for name, value in pairs(o.headers) do
      if type(name) == "string" and name:lower() == "host" then
        o.authority = headers.check(name, value)
      else
        fields[name] = value
      end
    end
    o.headers = headers.to_array(fields)
  end
  return o
end

-- Makes the TLS context of a secure URL. True, or nil, message, code. What certificates are for is
-- a name or an address; a unix socket has neither.
local function add_tls(o)
  local given = o.tls
  o.tls = nil
  if not o.secure then return true end
  local message, code
  o.tls, message, code = require "lunawire.tls".client_context(given)
  if not o.tls then return nil, message, code end
  o.tls_name = given and given.server_name or o.host
  return true
end

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
      inbox.open(conn)
      wake(conn, conn)
    end,
    on_error = function(conn, message, code) wake(conn, nil, message, code) end,
  })
  shared.handlers = handlers
  return handlers
end

-- Returns the open connection; or nil, message, code and, when the server answered, its response.
local function connect_and_wait(o)
  task.expect_waiting()
  o.handlers = handlers_for_waiting()
  local conn, message, code = core.connect(o)
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
local function report_error(_, message, code)
  core.report(code == "HANDLER" and message or ("%s (%s)"):format(message, code))
end

-- ws.connect
function client.connect(url, given)
  local o = options.check("connect", given == nil and {} or given)
  local handlers = options.take_handlers(o)
  local parts, message, code = parse(url)
  if not parts then return nil, message, code end
  request_of(parts, o)
  local ok
  ok, message, code = add_tls(o)
  if not ok then return nil, message, code end
  if next(handlers) == nil then return connect_and_wait(o) end
  handlers.on_error = handlers.on_error or report_error
  o.handlers = core.handlers(inbox.attach(handlers))
  return core.connect(o)
end

-- conn.response: what the server answered. { status, reason, headers }
function client.response(conn)
  local raw = conn.raw_response
  if raw then
    return { status = raw[1], reason = raw[2], headers = headers.to_table(raw[3]) }
  end
end

return client
