-- The table of routes, compiled once into a tree of path segments.
--
-- In a segment exact text wins over ":parameter", which wins over "*rest". When the winner has no
-- route for the method, the next one that has is taken: "GET /users/me" does not hide
-- "DELETE /users/:id".

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"

local routes = {}

-- Compiling -------------------------------------------------------------------------------------

local function new_node()
  return { exact = {}, parameter = nil, rest = nil, methods = {} }
end

-- The method and the path of "GET /page"; raises when the text is no route.
local function parse(text)
  if type(text) ~= "string" then
    misuse.raise("routes are written \"METHOD /path\" = handler; %s is no route",
      misuse.describe(text))
  end
  local method, path = text:match("^(%S+) (/%S*)$")
  if not method then
    misuse.raise("route '%s' must be a method, a space and a path, like 'GET /page'", text)
  elseif not method:find("^%u[%u%d-]*$") then
    misuse.raise("route '%s': the method must be in capitals, like 'GET' or 'WS'", text)
  elseif path:find("[?#%%]") then
    misuse.raise("route '%s': the path must be without a query and not percent-encoded", text)
  end
  return method, path
end

-- The name after ":" or "*"; raises when it is none or was used before in the route.
local function parameter_name(segment, route, text)
  local name = segment:match("^[:*]([%a_][%w_]*)$")
  if not name then
    misuse.raise("route '%s': '%s' must be ':' or '*' and a name", text, segment)
  end
  for _, taken in pairs(route.parameters) do
    if taken == name then misuse.raise("route '%s' has two parameters '%s'", text, name) end
  end
  return name
end

-- The node below `node` for one segment of a route, made where there is none. Notes the segment's
-- name in the route when it has one.
local function descend(node, segment, position, route, text)
  local sign = segment:sub(1, 1)
  if route.rest then misuse.raise("route '%s': '*%s' must be at the end", text, route.rest) end
  if sign == ":" then
    route.parameters[position] = parameter_name(segment, route, text)
    node.parameter = node.parameter or new_node()
    return node.parameter
  elseif sign == "*" then
    route.rest, route.rest_from = parameter_name(segment, route, text), position
    node.rest = node.rest or new_node()
    return node.rest
  end
  node.exact[segment] = node.exact[segment] or new_node()
  return node.exact[segment]
end

local function add(root, text, value)
  local method, path = parse(text)
  -- parameters: position in the path = name. rest: the name of what begins at rest_from.
  local route = { text = text, value = value, parameters = {}, rest = nil, rest_from = nil }
  local node, position = root, 0
  for segment in path:gmatch("/([^/]*)") do
    position = position + 1
    node = descend(node, segment, position, route, text)
  end
  local twin = node.methods[method]
  if twin then misuse.raise("routes '%s' and '%s' are the same", twin.text, text) end
  node.methods[method] = route
  return route
end

-- Matching --------------------------------------------------------------------------------------

-- The segments of a request's path, percent-decoded once, so that an encoded slash stays inside its
-- segment. Nil when an encoding is malformed.
local function split(path)
  local segments = {}
  for segment in path:gmatch("/([^/]*)") do
    if segment:find("%", 1, true) then segment = core.decode(segment) end
    if not segment then return nil end
    segments[#segments + 1] = segment
  end
  return segments
end

-- The route of a node for the search's method; notes the node's methods when there is none.
local function pick(node, search)
  local route = node.methods[search.method] or search.method == "HEAD" and node.methods.GET
  if route then return route end
  for method in pairs(node.methods) do search.others[method] = true end
end

-- Each node is visited at most once, so a search is never longer than the tree is large.
local function match(node, position, search)
  local segment = search.segments[position]
  if not segment then return pick(node, search) end
  local exact = node.exact[segment]
  local route = exact and match(exact, position + 1, search)
  if not route and node.parameter and segment ~= "" then
    route = match(node.parameter, position + 1, search)
  end
  return route or node.rest and pick(node.rest, search)
end

local function parameters_of(route, segments)
  if not route.rest and not next(route.parameters) then return nil end
  local values = {}
  for position, name in pairs(route.parameters) do values[name] = segments[position] end
  if route.rest then values[route.rest] = table.concat(segments, "/", route.rest_from) end
  return values
end

-- The value of Allow for an address, or a server, with these methods.
local function allow_of(methods)
  local allow, seen = {}, { OPTIONS = true }
  for method in pairs(methods) do seen[method] = true end
  seen.GET = seen.GET or seen.WS -- an upgrade is a GET request
  seen.HEAD = seen.HEAD or seen.GET
  seen.WS = nil
  for method in pairs(seen) do allow[#allow + 1] = method end
  table.sort(allow)
  return table.concat(allow, ", ")
end

-- What to answer when the path has routes for other methods only.
local function refuse(method, others)
  if not next(others) then return nil, 404, "there is nothing here\n" end
  if method == "WS" then return nil, 404, "this address does not speak WebSocket\n" end
  if method == "OPTIONS" then return nil, 204, "", allow_of(others) end
  if others.WS and (method == "GET" or method == "HEAD") then
    return nil, 426, "this address speaks WebSocket; the request does not ask for it\n"
  end
  return nil, 405, ("this address does not have the method %s\n"):format(method), allow_of(others)
end

local Router = {}
Router.__index = Router

-- Many requests ask for the same few files: where their paths led is remembered, up to so many of
-- them, and none that is so long.
local RECENT_MAX, RECENT_PATH_MAX = 1000, 200

local function remember(router, path, route)
  if #path > RECENT_PATH_MAX then return end
  if router.recent_count == RECENT_MAX then router.recent, router.recent_count = {}, 0 end
  router.recent[path], router.recent_count = route.value, router.recent_count + 1
end

-- Finds the route for a method ("WS" for an upgrade request) and a path as it was sent. Returns
-- what was put in for it and the parameters (nil when the route has none), or nil, status, text
-- and for OPTIONS and 405 the value of Allow.
function Router:find(method, path)
  local methods = self.plain[path]
  local plain = methods and methods[method]
  if plain then return plain end
  local recent = self.recent[path]
  if recent and (method == "GET" or method == "HEAD") then return recent end
  if path == "*" then return nil, 204, "", self.allow end
  local segments = split(path)
  if not segments then return nil, 400, "the path has a malformed percent-encoding\n" end
  local search = { method = method, segments = segments, others = {} }
  local route = match(self.root, 1, search)
  if not route then return refuse(method, search.others) end
  if route.value.serves_below then remember(self, path, route) end
  return route.value, parameters_of(route, segments)
end

-- Adds a route for all that is below another one's path.
local function add_below(root, method, path, value)
  add(root, ("%s %s/*rest"):format(method, (path:gsub("/$", ""))), value)
end

-- Compiles { ["METHOD /path"] = handler }. What a route stands for is prepare(method, text,
-- handler); when that has the field serves_below, the route is also for all paths below its own.
-- Raises when a route is malformed or two are the same.
function routes.compile(handlers, prepare)
  -- plain: path = { method = what it stands for } of the routes without parameters, which win over
  -- all others.
  local root, plain, all = new_node(), {}, {}
  for text, handler in pairs(handlers) do
    local method, path = parse(text)
    local value = prepare(method, text, handler)
    local route = add(root, text, value)
    if value.serves_below and not route.rest then add_below(root, method, path, value) end
    all[method] = true
    if not route.rest and not next(route.parameters) then
      plain[path] = plain[path] or {}
      plain[path][method] = value
    end
  end
  for _, methods in pairs(plain) do methods.HEAD = methods.HEAD or methods.GET end
  return setmetatable({
    root = root, plain = plain, allow = allow_of(all), recent = {}, recent_count = 0,
  }, Router)
end

return routes
