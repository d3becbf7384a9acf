-- What the routes of a server stand for: from what a script writes to what dispatch.lua answers
-- requests with.

local core = require "lunawire.core"
local dispatch = require "lunawire.dispatch"
local inbox = require "lunawire.inbox"
local misuse = require "lunawire.misuse"
local passing = require "lunawire.passing"

local needs = passing "needs"
local options = passing "options"
local routes = passing "routes"

local endpoints = {}

-- The handlers of a route in coroutine style: the function runs while the connection is open.
local function coroutine_handlers(fn, text)
  local receive, task = require "lunawire.receive", require "lunawire.task"
  return {
    on_open = function(conn)
      receive.open(conn) -- nothing that comes before the first receive() may be lost
      task.start(fn, function(ok, _, trace)
        if ok then return conn:close(1000) end
        dispatch.report_error(text, trace)
        core.abort(conn, 1011, "an error in a handler")
      end, conn)
    end,
  }
end

-- The route of ws.files: { handler, shortcut, serves_below }; nil when it is another one.
local function files_of(method, text, value)
  local files = package.loaded["lunawire.files"] -- without it there can be none
  local endpoint = files and files.endpoint_of(value, text)
  if endpoint and method ~= "GET" then
    misuse.raise("route '%s': files can only be read, so their route is for GET", text)
  end
  if endpoint then needs.load "request" end
  return endpoint
end

-- What the route of a plain request stands for: { handler, max_body }.
local function page_of(text, value, max_body)
  needs.load "page"
  local kind = type(value)
  if kind == "function" then return { text = text, handler = value, max_body = max_body } end
  if kind ~= "table" then
    misuse.raise("route '%s' must be a function, or a table with one as handler, not %s", text,
      misuse.describe(value))
  end
  local where = ("route '%s': "):format(text)
  local checked = options.check("page", value, where)
  if not checked.handler then misuse.raise("%sthere is no handler", where) end
  return { text = text, handler = checked.handler, max_body = checked.max_body or max_body }
end

-- What the route of an upgrade stands for: { handlers, on_upgrade, protocols }.
local function endpoint_of(text, value, protocols)
  local kind = type(value)
  if kind == "function" then
    needs.load "coroutine"
    local handlers = inbox.attach(coroutine_handlers(value, text))
    return { text = text, handlers = core.handlers(handlers), protocols = protocols }
  elseif kind ~= "table" then
    misuse.raise("route '%s' must be a table of handlers or a function, not %s", text,
      misuse.describe(value))
  end
  local checked = options.check("route", value, ("route '%s': "):format(text))
  local handlers = options.take_handlers(checked)
  local endpoint = {
    text = text,
    handlers = core.handlers(inbox.attach(handlers)),
    on_upgrade = checked.on_upgrade,
    protocols = checked.protocols or protocols,
  }
  needs.load_for_handlers(handlers, endpoint.on_upgrade)
  if endpoint.protocols or text:find "[:*]" then needs.load "request" end -- to decide by
  return endpoint
end

-- The handlers of those upgrades about which nothing is to be decided: path = handlers. Connections
-- come in thousands, and the core accepts these without a call.
local function undecided(router)
  local handlers = {}
  for path, methods in pairs(router.plain) do
    local endpoint = methods.WS
    if endpoint and not (endpoint.on_upgrade or endpoint.protocols) then
      handlers[path] = endpoint.handlers
    end
  end
  return handlers
end

-- The router of a table of routes, and what the core need not ask it for. `protocols` and
-- `max_body` are those of routes that have none of their own.
function endpoints.compile(table_of_routes, protocols, max_body)
  local router = routes.compile(table_of_routes, function(method, text, value)
    local of_files = files_of(method, text, value)
    if of_files then return of_files end
    if method ~= "WS" then return page_of(text, value, max_body) end
    return endpoint_of(text, value, protocols)
  end)
  return router, undecided(router)
end

return endpoints
