-- ws.serve: from options to a listening core, and what happens between a request and the answer.
--
-- A server with plain handlers is left to the core alone. One with routes or on_upgrade gets each
-- request handed to `answer` below.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local inbox = require "lunawire.inbox"
local misuse = require "lunawire.misuse"
local options = require "lunawire.options"
local request = require "lunawire.request"
local response = require "lunawire.response"
local routes = require "lunawire.routes"
local task = require "lunawire.task"

local server = {}

-- Answering -------------------------------------------------------------------------------------

local function refuse(conn, status, body, fields)
  return core.respond(conn, status, fields, body)
end

-- For task.start: a handler that threw is reported, and the peer learns nothing of it.
local function report_failure(endpoint, conn)
  return function(ok, _, trace)
    if ok then return end
    task.report(("error in route '%s': %s"):format(endpoint.text, trace))
    if conn.state == "request" then refuse(conn, 500, "something went wrong here") end
  end
end

local function answer_http(conn, req, endpoint)
  task.start(endpoint.handler, report_failure(endpoint, conn), req, response.new(conn))
end

-- The first subprotocol of ours that the client offers: the server knows best what it prefers.
local function choose_protocol(ours, req)
  if not ours then return nil end
  local offered = {}
  for _, protocol in ipairs(req.protocols) do offered[protocol] = true end
  for _, protocol in ipairs(ours) do
    if offered[protocol] then return protocol end
  end
end

local function expect_offered(protocol, req)
  for _, offered in ipairs(req.protocols) do
    if protocol == offered then return protocol end
  end
  misuse.raise("on_upgrade chose the protocol '%s', which the client did not offer",
    tostring(protocol))
end

-- Opens the connection. `data` is what on_upgrade returned first, `choice` second.
local function accept(conn, req, endpoint, data, choice)
  choice = choice or {}
  misuse.expect("the second result of on_upgrade", choice, "table")
  local protocol = choice.protocol
  protocol = protocol and expect_offered(protocol, req) or choose_protocol(endpoint.protocols, req)
  local fields = choice.headers and headers.to_array(choice.headers)
  if data ~= true then conn.data = data end
  -- Kept when it is more than what can be had from the head again.
  if endpoint.on_upgrade or next(req.params) then conn.request = req end
  return core.accept(conn, endpoint.handlers, protocol, fields)
end

-- Does what on_upgrade returned: data[, choice]; or nil, status, body, headers.
local function decide(conn, req, endpoint, data, second, body, fields)
  if data then return accept(conn, req, endpoint, data, second) end
  local status = second == nil and 403 or response.check_status(second)
  misuse.expect("the body", body == nil and "" or body, "string")
  return refuse(conn, status, body or "", fields and headers.to_array(fields))
end

local function answer_upgrade(conn, req, endpoint)
  local ok, text, status = core.check(conn)
  if not ok then return refuse(conn, status, text) end
  if not endpoint.on_upgrade then return accept(conn, req, endpoint, true) end
  task.start(function()
    decide(conn, req, endpoint, endpoint.on_upgrade(req))
  end, report_failure(endpoint, conn))
end

local function answer(conn, router)
  local req = request.new(conn)
  local upgrade = core.is_upgrade(conn)
  local endpoint, params, text, allow = router:find(upgrade and "WS" or req.method, req.path)
  if not endpoint then
    return refuse(conn, params, text, allow and { "Allow", allow })
  end
  req.params = params
  return (upgrade and answer_upgrade or answer_http)(conn, req, endpoint)
end

-- Endpoints -------------------------------------------------------------------------------------

-- The handlers of a route in coroutine style: the function runs while the connection is open.
local function coroutine_handlers(fn, text)
  local function on_end(conn)
    return function(ok, _, trace)
      if not ok then task.report(("error in route '%s': %s"):format(text, trace)) end
      conn:close(ok and 1000 or 1011)
    end
  end
  return {
    on_open = function(conn)
      inbox.open(conn) -- nothing that comes before the first receive() may be lost
      task.start(fn, on_end(conn), conn)
    end,
  }
end

-- What a route stands for. WebSocket: { handlers, on_upgrade, protocols }; else { handler }.
local function endpoint_of(protocols)
  return function(method, text, value)
    if method ~= "WS" then
      if type(value) ~= "function" then
        misuse.raise("route '%s' must be a function, not %s", text, misuse.describe(value))
      end
      return { text = text, handler = value }
    end
    if type(value) == "function" then
      local handlers = inbox.attach(coroutine_handlers(value, text))
      return { text = text, handlers = core.handlers(handlers), protocols = protocols }
    elseif type(value) ~= "table" then
      misuse.raise("route '%s' must be a table of handlers or a function, not %s", text,
        misuse.describe(value))
    end
    local checked = options.check("route", value, ("route '%s': "):format(text))
    return {
      text = text,
      handlers = core.handlers(inbox.attach(options.take_handlers(checked))),
      on_upgrade = checked.on_upgrade,
      protocols = checked.protocols or protocols,
    }
  end
end

-- Stands in for a router where on_upgrade decides about any path.
local function any_path(endpoint)
  return {
    find = function(_, method)
      if method == "WS" then return endpoint, {} end
      return nil, 426, "this address speaks WebSocket; the request does not ask for it"
    end,
  }
end

-- Serving ---------------------------------------------------------------------------------------

local function check_address(o, given)
  if o.path then
    if given.port or given.host then
      misuse.raise("serve takes a path, or a host and port, not both")
    end
    o.host = nil
  elseif not o.port then
    misuse.raise("serve needs a port (0 for any free one) or the path of a unix socket")
  end
end

-- Sets what the core calls for a request: handlers, or on_request.
local function set_handlers(o)
  local handlers = options.take_handlers(o)
  local has_handlers = next(handlers) ~= nil or o.on_upgrade ~= nil
  if o.routes and has_handlers then
    misuse.raise("serve takes routes or handlers, not both: "
      .. "put the handlers into a route like \"WS /path\"")
  elseif not o.routes and not has_handlers then
    misuse.raise("serve needs routes, or handlers such as on_message")
  end
  local router
  if o.routes then
    router = routes.compile(o.routes, endpoint_of(o.protocols))
  else
    o.handlers = core.handlers(inbox.attach(handlers))
    if not o.on_upgrade then return end
    router = any_path { text = "WS *", handlers = o.handlers, on_upgrade = o.on_upgrade,
      protocols = o.protocols }
    o.handlers = nil
  end
  o.on_request = function(conn) return answer(conn, router) end
end

-- Listens. Returns a server, or nil, message, code.
function server.serve(given)
  local o = options.check("serve", given)
  check_address(o, given)
  set_handlers(o)
  o.routes, o.on_upgrade = nil, nil
  o.on_error = function(message, code)
    task.report(("cannot accept connections: %s (%s)"):format(message, code))
  end
  return core.serve(o)
end

return server
