-- What the peer asked for. A request is made when somebody looks at it and fills its fields in when
-- they are read, so a connection that nobody asks about pays nothing.
--
--   method, target    as sent
--   version           "1.1" or "1.0"
--   path              as sent, without the query
--   query_string      what follows "?", as sent; nil without one
--   query             its fields decoded; of several with one name the last
--   params            the parameters of the route
--   headers           names in lower case; several lines of one name joined with ", "
--   cookies           of several with one name the first, which is the most specific
--   protocols         the subprotocols that the client offers, in its order
--   remote_address    the peer's address

local core = require "lunawire.core"
local headers = require "lunawire.headers"

local fields = {} -- name = function(req), which computes the field

local Request = {}

function Request.__index(req, name)
  local compute = fields[name]
  if not compute then return nil end
  local value = compute(req)
  rawset(req, name, value)
  return value
end

-- The path of "/path?query" and of "http://host/path?query", and the query where there is one.
local function split_target(target)
  if target:sub(1, 1) ~= "/" and target ~= "*" then
    target = target:match("^%a[%w+.-]*://[^/?]*(.*)$") or target
    if target:sub(1, 1) ~= "/" then target = "/" .. target end
  end
  return target:match("^([^?]*)%??(.*)$")
end

function fields.path(req) return (split_target(req.target)) end

function fields.query_string(req)
  if req.target:find("?", 1, true) then return select(2, split_target(req.target)) end
end

-- As forms are encoded: "+" is a space. What is malformed stays as it was sent.
local function decode_form(text)
  text = text:gsub("%+", " ")
  return core.decode(text) or text
end

function fields.query(req)
  local query = {}
  for pair in (req.query_string or ""):gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    query[decode_form(name)] = decode_form(value)
  end
  return query
end

function fields.params() return {} end

function fields.headers(req) return headers.to_table(req.fields) end

function fields.cookies(req)
  local cookies = {}
  for pair in (req.headers.cookie or ""):gmatch("[^;]+") do
    local name, value = pair:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    if name and cookies[name] == nil then cookies[name] = value:match('^"(.*)"$') or value end
  end
  return cookies
end

function fields.protocols(req) return headers.elements(req.headers["sec-websocket-protocol"]) end

local request = {}

-- The request of a connection that a server accepted.
function request.new(conn)
  local raw = conn.raw_request
  return setmetatable({
    method = raw[1], target = raw[2], version = "1." .. raw[3], fields = raw[4],
    remote_address = conn.remote_address,
  }, Request)
end

-- conn.request: nil for a client, and for a server's connection whose head is gone.
function request.of(conn)
  return conn.raw_request and request.new(conn)
end

return request
