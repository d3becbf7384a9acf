-- What happens between a request and its answer, on servers with routes or on_upgrade. The core
-- hands each request to a function that is made here; a server with plain handlers never loads
-- this file.

local core = require "lunawire.core"
local later = require "lunawire.later"
local misuse = require "lunawire.misuse"
local passing = require "lunawire.passing"

local dispatch = {}

-- Answering -------------------------------------------------------------------------------------

-- Servers whose upgrades nobody looks at make no requests.
local new_request, new_pair
new_request = later("request.new", function(fn) new_request = fn end)
new_pair = later("request.plain", function(fn) new_pair = fn end)

local function header_array(fields) return require "lunawire.headers".to_array(fields) end

local function refuse(conn, status, body, fields)
  return core.respond(conn, status, fields, body)
end

function dispatch.report_error(text, trace)
  core.report(("error in route '%s': %s"):format(text, trace))
end

-- What the coroutine under way works on, for when it waits or throws: a plain request, or for an
-- upgrade a table { conn =, endpoint = }; or false.
local at_hand = false

-- What follows when it threw.
local function upgrade_failed(conn)
  if conn.state == "request" then refuse(conn, 500, "something went wrong here") end
end

-- The same for plain requests. What has begun cannot be taken back: the end of the connection is
-- then all that the client sees.
local function request_failed(res)
  if res.finished then return end
  local was_sent = res.sent
  res.sent = true
  require "lunawire.response".finished(res)
  if was_sent then return res.conn:terminate() end
  core.respond(res.conn, 500, nil, "something went wrong here\n", true)
end

-- The coroutine of a request waits or threw. When it throws, that is reported, and the peer learns
-- nothing of it.
local function on_lent(thread, ok, message)
  local job = at_hand
  at_hand = false
  if not job then error(message, 0) end -- before anybody was asked: a mistake of ours
  return require "lunawire.task".adopt(thread, function(_, trace)
    dispatch.report_error(job.endpoint.text, trace)
    if job.answer then return request_failed(job.answer) end
    return upgrade_failed(job.conn)
  end, ok, message)
end

core.set_hook("lent", on_lent)

-- What the core is to call for each request: runs fn() in a coroutine, which is the core's doing
-- where coroutines are Lua's own.
local function in_coroutine(fn)
  if not core.fiber then return fn end
  local lend = require "lunawire.task".lend
  return function() return lend(fn, on_lent) end
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

local no_choice = {}
local check, open = core.check, core.accept

-- Opens the connection. `data` is what on_upgrade returned first, `choice` second.
local function accept(conn, req, endpoint, data, choice)
  choice = choice or no_choice
  misuse.expect("the second result of on_upgrade", choice, "table")
  local protocol = choice.protocol
  protocol = protocol and expect_offered(protocol, req) or choose_protocol(endpoint.protocols, req)
  local fields = choice.headers and header_array(choice.headers)
  if data ~= true then conn.data = data end
  -- Kept when it is more than what can be had from the head again.
  if endpoint.on_upgrade or rawget(req, "params") then conn.request = req end
  return open(conn, endpoint.handlers, protocol, fields)
end

-- Does what on_upgrade returned: data[, choice]; or nil, status, body, headers.
local function decide(conn, req, endpoint, data, second, body, fields)
  if data then return accept(conn, req, endpoint, data, second) end
  local status = second == nil and 403 or require "lunawire.response".check_status(second)
  misuse.expect("the body", body == nil and "" or body, "string")
  return refuse(conn, status, body or "", fields and header_array(fields))
end

local function answer_upgrade(conn, method, path, endpoint, params)
  local ok, text, status = check(conn)
  if not ok then return refuse(conn, status, text) end
  local asks = endpoint.on_upgrade
  local req = new_request(conn, method, path)
  if params then req.params = params end
  if not asks then return accept(conn, req, endpoint, true) end
  local job = { conn = conn, endpoint = endpoint }
  at_hand = job
  decide(conn, req, endpoint, asks(req))
  if at_hand == job then at_hand = false end
end

local function answer_page(conn, endpoint, params, head, method, path)
  local shortcut = endpoint.shortcut
  if shortcut and shortcut(conn, head, method, path) then return end
  local req, res = new_pair(conn, endpoint, head, method, path)
  if params then req.params = params end
  at_hand = req
  endpoint.handler(req, res)
  if at_hand == req then at_hand = false end
end

local next_request = core.request

local function answer(router)
  local conn, method, path, head = next_request() -- no head: an upgrade
  if method == "WS" then method = "ws" end -- what routes call upgrades is no method to ask for
  local plain = head and router.plain[path]
  local endpoint = plain and plain[method] -- most requests need no search
  if endpoint then return answer_page(conn, endpoint, nil, head, method, path) end
  local params, text, allow
  endpoint, params, text, allow = router:find(head and method or "WS", path)
  if not endpoint then
    return refuse(conn, params, text, allow and { "Allow", allow })
  elseif head then
    return answer_page(conn, endpoint, params, head, method, path)
  end
  return answer_upgrade(conn, method, path, endpoint, params)
end

-- Servers ---------------------------------------------------------------------------------------

-- A function that answers the requests of a server with these routes, and the upgrades for which it
-- need not be asked. `protocols` and `max_body` are those of routes that have none of their own.
function dispatch.by_route(table_of_routes, protocols, max_body)
  local router, upgrades = passing "endpoints".compile(table_of_routes, protocols, max_body)
  return in_coroutine(function() return answer(router) end), upgrades
end

-- A function that answers the requests of a server that has on_upgrade and no routes.
function dispatch.any_path(handlers, on_upgrade, protocols)
  local endpoint = {
    text = "WS *", handlers = core.handlers(handlers), on_upgrade = on_upgrade,
    protocols = protocols,
  }
  return in_coroutine(function()
    local conn, method, path = next_request()
    return answer_upgrade(conn, method, path, endpoint)
  end)
end

return dispatch
