-- What the peer asked for. Fields are filled in when they are read, so a request that nobody looks
-- at closely costs little.
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
local later = require "lunawire.later"
local misuse = require "lunawire.misuse"
local trim = require "lunawire.trim"

require "lunawire.request_end" -- has the hook that looks after what is said in req:on_close

local fields = {} -- name = function(req), which computes the field

-- What a plain request is made with lies in the array part, which costs a third of named fields:
-- most requests are not looked at closely.
local ANSWER, ENDPOINT, HEAD, METHOD, PATH = 1, 2, 3, 4, 5

-- Everything that a request can do is in here too.
local Request = {}

for name, place in pairs {
  body = "body.whole", chunks = "body.chunks", on_body = "body.on_body", form = "form_reader.read",
} do
  Request[name] = later(place, function(fn) Request[name] = fn end)
end

-- fn(req, message, code) is called if the client leaves before on_upgrade has decided. Returns the
-- request.
function Request:on_close(fn)
  if self.answer then
    misuse.raise("req:on_close is for on_upgrade: of a plain request it is res:on_close")
  end
  self.closed = misuse.expect("the handler", fn, "function")
  self.conn._request = self -- by which the hook `gone` finds it
  return self
end

function Request.__index(req, name)
  local method = Request[name]
  if method then return method end
  local compute = fields[name]
  if not compute then return nil end
  local value = compute(req)
  rawset(req, name, value)
  return value
end

-- The parts of the head, as the core cuts them.
function fields.parsed(req) return core.parse_request(req.head) end

function fields.answer(req) return req[ANSWER] end
function fields.endpoint(req) return req[ENDPOINT] end
function fields.conn(req) return req.answer.conn end
function fields.head(req) return req[HEAD] or req.conn.raw_request end

function fields.method(req) return req[METHOD] or req.parsed.method end
function fields.target(req) return req.parsed.target end
function fields.path(req) return req[PATH] or req.parsed.path end
function fields.query_string(req) return req.parsed.query end
function fields.version(req) return "1." .. req.parsed.minor end
function fields.remote_address(req) return req.conn.remote_address end

function fields.query(req)
  local query, decode = {}, require "lunawire.form_parts".decode
  for pair in (req.query_string or ""):gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    query[decode(name)] = decode(value)
  end
  return query
end

function fields.params() return {} end

function fields.headers(req) return headers.to_table(req.parsed.fields) end

function fields.cookies(req)
  local cookies = {}
  for pair in (req.headers.cookie or ""):gmatch("[^;]+") do
    local name, value = pair:match("^([^=]*)=(.*)$")
    name, value = name and trim(name), value and trim(value)
    if name and cookies[name] == nil then cookies[name] = value:match('^"(.*)"$') or value end
  end
  return cookies
end

function fields.protocols(req) return headers.elements(req.headers["sec-websocket-protocol"]) end

local request = {}

-- The request of a connection that is upgraded, which keeps its head. Method and path are known
-- when the core hands a request out, and else read from the head.
function request.new(conn, method, path)
  return setmetatable({ conn = conn, method = method, path = path }, Request)
end

local set_metatables = core.set_metatables
local Response -- of response.lua, which upgrades never need

-- A plain request and its response, on an endpoint of dispatch.
function request.plain(conn, endpoint, head, method, path)
  Response = Response or require "lunawire.response".class
  local res = { conn = conn, sent = false, finished = false }
  local req = { res, endpoint, head, method, path }
  set_metatables(req, res, Request, Response)
  return req, res
end

-- conn.request: nil for a client, and for a server's connection whose head is gone.
function request.of(conn)
  return conn.raw_request and request.new(conn)
end

return request
