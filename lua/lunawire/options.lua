-- Every option of lunawire, in one table: its kind, range, default and what it does. `serve`,
-- `connect` and the handler tables of routes are all checked against it.

local core = require "lunawire.core"
local deflate = require "lunawire.deflate"
local misuse = require "lunawire.misuse"

local options = {}

-- Where handlers are valid.
local everywhere = "serve reload connect route"

-- Each row: name, where it is valid, kind, and what it does; then its default and its range.
-- Sizes are bytes, times are seconds.
local schema = {
  -- where to listen
  { "host", "serve", "string", "numeric address to listen on; \"*\" for all",
    default = "127.0.0.1" },
  { "port", "serve", "integer", "TCP port; 0 for any free one", min = 0, max = 65535 },
  { "path", "serve", "string", "unix socket to listen on, instead of host and port" },
  { "backlog", "serve", "integer", "connections that may wait to be accepted",
    default = 511, min = 1, max = 65535 },
  { "reuse_port", "serve", "boolean", "let several processes listen on the port",
    default = false },
  { "max_connections", "serve", "integer", "connections at one time",
    default = 100000, min = 1, max = 10000000 },
  { "max_topics", "serve", "integer", "topics that one connection may subscribe to",
    default = 1000, min = 1, max = 10000000 },
  { "proxy_protocol", "serve", "boolean",
    "connections come through a proxy and begin with a PROXY protocol header, version 1 or 2",
    default = false },

  -- what to do with a request
  { "routes", "serve reload", "table", "\"METHOD /path\" = handler" },
  { "origins", "serve", "origins",
    "pages that may connect: \"*\" or a list of origins; without it, pages of this server" },
  { "tls", "serve reload", "tls_server",
    "encrypt: { cert =, key =, ca =, client_auth =, sni = }, or \"self-signed\" for localhost" },
  { "tls", "connect", "tls_client", "{ ca =, cert =, key =, verify =, server_name = }" },
  { "protocols", "serve connect route", "tokens", "subprotocols, the preferred one first" },

  -- what to ask for
  { "headers", "connect files", "table", "header fields to send: name = value" },
  { "auth", "connect", "auth",
    "who we are: { user =, password = }, or { bearer = } with a token" },
  { "max_redirects", "connect", "integer", "how often a server may send us elsewhere; 0: never",
    default = 5, min = 0, max = 50 },
  { "proxy", "connect", "proxy",
    "\"http://user:password@host:port\", or https, socks5, socks5h; false: none; without it, what "
      .. "the environment says" },
  { "local_address", "connect", "string", "numeric address to connect from" },
  { "reconnect", "connect", "reconnect",
    "connect again after an end: true, or a table of what lua/lunawire/backoff.lua lists" },
  { "timeout", "connect", "seconds", "from the call until the connection is open",
    default = 10, min = 0.001 },

  -- limits of a connection
  { "max_message", "serve connect", "size", "the longest message to accept",
    default = "1M", max = "1G" },
  -- 16M holds some messages of the greatest length, and a hundred such peers do not fill a machine.
  { "max_buffered", "serve connect", "size", "output that may wait for a slow peer",
    default = "16M", max = "4G" },
  { "high_water", "serve connect", "size", "waiting output above which send returns false",
    default = "64K", max = "4G" },
  { "on_slow", "serve connect", "choice",
    "above max_buffered: close the connection, or drop the message",
    default = "close", choices = { "close", "drop" } },
  { "handshake_timeout", "serve", "seconds",
    "for TLS and a request's head, and until an upgrade is decided", default = 10, min = 0.001 },
  { "close_timeout", "serve connect", "seconds", "how long the closing handshake may take",
    default = 5, min = 0.001 },
  { "idle_timeout", "serve connect", "seconds", "close after so long without a message; 0: never",
    default = 0 },
  { "ping_interval", "serve connect", "seconds",
    "ping a peer after so long a silence, close after as long again; 0: never", default = 20 },

  { "deflate", "serve connect", "deflate",
    "compress messages: true, or a table of what lua/lunawire/deflate.lua lists", default = false },

  -- plain HTTP
  { "max_body", "serve", "size", "the longest body of a request", default = "1M", max = "1T" },
  { "max_body", "page", "size", "the same for one route", max = "1T" },
  { "keep_alive", "serve", "seconds", "how long a connection may wait for another request",
    default = 60, min = 0.001 },
  { "body_timeout", "serve", "seconds",
    "silence in a request's body; and what may be lost against 1 KiB a second", default = 10,
    min = 0.001 },
  { "write_timeout", "serve", "seconds", "during which a client reads nothing of its answer",
    default = 60, min = 0.001 },

  -- how a server ends
  { "over", "drain", "seconds", "the time in which all connections are closed", default = 10 },
  { "code", "drain", "close_code", "what clients are told", default = 1012 },
  { "reason", "drain", "reason", "the same in words", default = "" },

  -- of ws.files
  { "index", "files", "string", "the file that stands for its directory", default = "index.html" },
  { "types", "files", "table", "media types by extension: { md = \"text/plain\" }" },
  { "cache_control", "files", "string", "the header field Cache-Control" },
  { "gzip", "files", "boolean", "send name.gz instead of name to those who take it",
    default = true },
  { "hidden", "files", "boolean", "also files whose name begins with a dot", default = false },
  { "listing", "files", "boolean", "list directories without an index", default = false },
  { "cache", "files", "size", "memory for small files", default = "8M", max = "4G" },

  -- of req:form
  { "max_fields", "form", "integer", "values and files in one form",
    default = 256, min = 1, max = 100000 },
  { "max_field", "form", "size", "the longest value", default = "64K", max = "1G" },
  { "max_file", "form", "size", "the longest file", default = "16M", max = "1T" },
  { "max_total", "form", "size", "all of it", default = "32M", max = "1T" },
  { "directory", "form", "string", "for temporary files, instead of the system's" },
  { "on_file", "form", "function", "(part): what takes a file; returns a function (chunk, final)" },

  -- handlers
  { "handler", "page", "function", "(req, res): answers a plain request" },
  { "on_upgrade", "serve reload route", "function", "(req): decides before the connection opens" },
  { "on_open", everywhere, "function", "(conn): the connection is open" },
  { "on_message", everywhere, "function", "(conn, message, kind): a whole message" },
  { "on_chunk", everywhere, "function", "(conn, chunk, kind, final): a piece of one" },
  { "on_close", everywhere, "function", "(conn, code, reason): once for each on_open" },
  { "on_error", everywhere, "function", "(conn, message, code): what went wrong" },
  { "on_drain", everywhere, "function", "(conn): what waited has been written" },
  { "on_ping", everywhere, "function", "(conn, payload): a ping, already answered" },
  { "on_pong", everywhere, "function", "(conn, payload): a pong" },
  { "on_reconnect", "connect", "function",
    "(attempt, delay, message, code): what ended, and when the next try is" },
}
options.schema = schema

local month = 30 * 24 * 3600 -- the longest time limit: its milliseconds fit into 32 bits

-- scopes[scope] = { by_name = { [name] = option }, names = { every name in order } }
local scopes = {}

for _, option in ipairs(schema) do
  option.name, option.scopes, option.kind, option.doc = option[1], option[2], option[3], option[4]
  if option.kind == "seconds" then option.max = month end
  for scope in option.scopes:gmatch("%a+") do
    scopes[scope] = scopes[scope] or { by_name = {}, names = {} }
    scopes[scope].by_name[option.name] = option
    table.insert(scopes[scope].names, option.name)
  end
end

-- Sizes -----------------------------------------------------------------------------------------

local units = { [""] = 1, K = 1024, M = 1024 ^ 2, G = 1024 ^ 3, T = 1024 ^ 4 }

-- Bytes of 65536, "65536" or "64K"; nil when it is not a size.
function options.size(value)
  if type(value) == "string" then
    local digits, unit = value:match("^(%d+%.?%d*)([KMGT]?)$")
    value = digits and tonumber(digits) * units[unit]
  end
  if type(value) == "number" and value >= 0 and value < 2 ^ 53 then return math.floor(value) end
end

-- Kinds -----------------------------------------------------------------------------------------

-- A kind turns what the script gave into what the core takes. It returns nil, or nil and what is
-- wrong, when the value will not do; `wants` says what would.
local kinds = {}
local wants = {}

for _, kind in ipairs { "string", "boolean", "table", "function" } do
  kinds[kind] = function(value)
    if type(value) == kind then return value end
  end
  wants[kind] = function() return "a " .. kind end
end

-- False for NaN as well.
local function in_range(value, option)
  return value >= (option.min or 0) and value <= option.max
end

function kinds.integer(value, option)
  if type(value) == "number" and value % 1 == 0 and in_range(value, option) then
    return math.floor(value) -- 80.0 becomes 80 in Lua 5.3 and later
  end
end

function wants.integer(option)
  return ("a number between %d and %d"):format(option.min, option.max)
end

function kinds.seconds(value, option)
  if type(value) == "number" and in_range(value, option) then return value end
end

function wants.seconds(option)
  return ("a number of seconds between %g and %d"):format(option.min or 0, option.max)
end

function kinds.size(value, option)
  local size = options.size(value)
  if size and size >= 1 and size <= options.size(option.max) then return size end
end

function wants.size(option)
  return ("a number of bytes or a string like \"64K\", at most %s"):format(option.max)
end

function kinds.choice(value, option)
  for _, choice in ipairs(option.choices) do
    if value == choice then return value end
  end
end

function wants.choice(option)
  return '"' .. table.concat(option.choices, '" or "') .. '"'
end

-- A copy of an array of distinct strings that all pass `is_valid`; else nil and the first that does
-- not.
local function list(value, is_valid)
  if type(value) ~= "table" then return nil end
  local copy, seen = {}, {}
  for _, item in ipairs(value) do
    if type(item) ~= "string" then return nil end
    if not is_valid(item) or seen[item] then return nil, item end
    seen[item] = true
    copy[#copy + 1] = item
  end
  for key in pairs(value) do -- { chat = true } is not a list
    if copy[key] == nil then return nil end
  end
  return copy
end

-- The core remembers the size of the one that is agreed on in a byte.
local function is_protocol(text) return core.is_token(text) and #text <= 255 end

function kinds.tokens(value)
  local copy, wrong = list(value, is_protocol)
  if wrong then
    return nil, ("has %q, which is repeated, not a token, or over 255 bytes"):format(wrong)
  end
  return copy
end

function wants.tokens() return "a list of names" end

local function is_origin(text)
  return text == "null" or text:find("^%l[%l%d+.-]*://[^/?#%s]+$") ~= nil
end

function kinds.origins(value)
  if value == "*" then return value end
  local copy, wrong = list(value, is_origin)
  if wrong then
    return nil, ("has %q, which is repeated or no origin: write it like \"https://app.example\"")
      :format(wrong)
  end
  return copy
end

function wants.origins() return "\"*\" or a list of origins" end

function kinds.close_code(value)
  local is_known = type(value) == "number" and value % 1 == 0
    and (value >= 1000 and value <= 1003 or value >= 1007 and value <= 1014
      or value >= 3000 and value <= 4999)
  if is_known then return math.floor(value) end
end

function wants.close_code() return "1000 to 1003, 1007 to 1014 or 3000 to 4999" end

function kinds.reason(value)
  local fits = type(value) == "string" and #value <= 123 and core.protocol.utf8_valid(value)
  if fits then return value end
end

function wants.reason() return "UTF-8 of at most 123 bytes" end

kinds.deflate, wants.deflate = deflate.check, deflate.wants

-- These are loaded when somebody has something to say about them.
for _, role in ipairs { "server", "client" } do
  kinds["tls_" .. role] = function(value) return require "lunawire.tls"["check_" .. role](value) end
  wants["tls_" .. role] = function() return require "lunawire.tls"["wants_" .. role]() end
end

-- What is wrong inside of it is told when connecting: it is often not the script's own.
function kinds.proxy(value)
  if type(value) == "string" or value == false then return value end
end

function wants.proxy() return "a URL or false" end

function kinds.auth(value) return require "lunawire.auth".check(value) end
function wants.auth() return "a table with user and password, or with bearer" end

function kinds.reconnect(value) return require "lunawire.backoff".check(value) end
function wants.reconnect() return "true or a table" end

-- Checking --------------------------------------------------------------------------------------

local function fail_unknown(name, known, where)
  if type(name) ~= "string" then
    misuse.raise("%soptions have names; %s is not one", where, misuse.describe(name))
  end
  local nearest = require "lunawire.nearest"
  local meant = nearest(name, known.names)
  local hint = meant and (": did you mean '%s'?"):format(meant) or ""
  misuse.raise("%sunknown option '%s'%s", where, name, hint)
end

-- Kinds whose strings have a form: there the string itself tells more than that it is a string.
local spelled = { size = true, choice = true, origins = true, reason = true, tls_server = true }

local function convert(option, value, where)
  local converted, wrong = kinds[option.kind](value, option)
  if converted ~= nil then return converted end
  if wrong then misuse.raise("%s%s %s", where, option.name, wrong) end
  local got = misuse.describe(value)
  if type(value) == "string" and spelled[option.kind] then got = ("%q"):format(value) end
  misuse.raise("%s%s must be %s, not %s", where, option.name, wants[option.kind](option), got)
end

-- Checks the options that a script gave for "serve", "connect" or a "route". Returns a new table in
-- which sizes are bytes and defaults are filled in; raises on the first mistake. `where` is put in
-- front of the message.
function options.check(scope, given, where)
  local known, checked = scopes[scope], {}
  where = where or ""
  if type(given) ~= "table" then
    misuse.raise("%soptions must be a table, not %s", where, misuse.describe(given))
  end
  for name, value in pairs(given) do
    local option = known.by_name[name]
    if not option then fail_unknown(name, known, where) end
    checked[name] = convert(option, value, where)
  end
  for name, option in pairs(known.by_name) do
    if checked[name] == nil and option.default ~= nil then
      checked[name] = convert(option, option.default, where)
    end
  end
  if checked.high_water and checked.high_water > checked.max_buffered then
    misuse.raise("%shigh_water must not be above max_buffered", where)
  elseif checked.on_message and checked.on_chunk then
    misuse.raise("%son_chunk takes the place of on_message: give one of them", where)
  end
  return checked
end

-- Moves the handlers that the core calls out of checked options: all but on_upgrade. Returns them
-- in a table, empty when there is none.
function options.take_handlers(checked)
  local handlers = {}
  for _, option in ipairs(schema) do
    local name = option.name
    if option.kind == "function" and name ~= "on_upgrade" then
      handlers[name], checked[name] = checked[name], nil
    end
  end
  return handlers
end

return options
