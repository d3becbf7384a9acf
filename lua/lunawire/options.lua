-- Checks the options that scripts give against the schema: those of `serve`, `connect`, the handler
-- tables of routes and all others.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local passing = require "lunawire.passing"

local schema, size_of = passing "schema", passing "size"

local options = {}

-- Kinds -----------------------------------------------------------------------------------------

-- What a value of each kind is, for who gave another one; in braces what the option's row says.
local wants = {
  string = "a string",
  boolean = "a boolean",
  table = "a table",
  ["function"] = "a function",
  integer = "a number between {min} and {max}",
  seconds = "a number of seconds between {min} and {max}",
  size = "a number of bytes or a string like \"64K\", at most {max}",
  slow = "\"close\" or \"drop\"",
  tokens = "a list of names",
  origins = "\"*\" or a list of origins",
  close_code = "1000 to 1003, 1007 to 1014 or 3000 to 4999",
  reason = "UTF-8 of at most 123 bytes",
  proxy = "a URL or false",
  deflate = "a boolean or a table",
  tls_server = "a table or \"self-signed\"",
  tls_client = "a table",
  auth = "a table with user and password, or with bearer",
  reconnect = "true or a table",
}

-- A kind turns what the script gave into what the core takes. It returns nil, or nil and what is
-- wrong, when the value will not do. Kinds without a function here are types of Lua.
local kinds = {}

-- False for NaN as well.
local function in_range(value, option)
  return type(value) == "number" and value >= option.min and value <= option.max
end

function kinds.integer(value, option)
  if in_range(value, option) and value % 1 == 0 then
    return math.floor(value) -- 80.0 becomes 80 in Lua 5.3 and later
  end
end

function kinds.seconds(value, option)
  if in_range(value, option) then return value end
end

function kinds.size(value, option)
  local size = size_of(value)
  if size and size >= 1 and size <= size_of(option.max) then return size end
end

function kinds.slow(value)
  if value == "close" or value == "drop" then return value end
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

function kinds.close_code(value)
  local is_known = type(value) == "number" and value % 1 == 0
    and (value >= 1000 and value <= 1003 or value >= 1007 and value <= 1014
      or value >= 3000 and value <= 4999)
  if is_known then return math.floor(value) end
end

function kinds.reason(value)
  local fits = type(value) == "string" and #value <= 123 and core.protocol.utf8_valid(value)
  if fits then return value end
end

-- What is wrong inside of it is told when connecting: it is often not the script's own.
function kinds.proxy(value)
  if type(value) == "string" or value == false then return value end
end

-- Most scripts say nothing about these, or no: the files that know more are loaded when needed.

function kinds.deflate(value)
  if value == false then return false end
  return require "lunawire.deflate".check(value)
end

function kinds.tls_server(value) return require "lunawire.tls".check_server(value) end
function kinds.tls_client(value) return require "lunawire.tls".check_client(value) end
function kinds.auth(value) return require "lunawire.auth".check(value) end
function kinds.reconnect(value) return require "lunawire.backoff".check(value) end

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
local spelled = { size = true, slow = true, origins = true, reason = true, tls_server = true }

local function convert(option, value, where)
  local kind = option.kind
  if type(value) == kind then return value end
  local converted, wrong
  if kinds[kind] then converted, wrong = kinds[kind](value, option) end
  if converted ~= nil then return converted end
  if wrong then misuse.raise("%s%s %s", where, option.name, wrong) end
  local got = misuse.describe(value)
  if type(value) == "string" and spelled[kind] then got = ("%q"):format(value) end
  local wanted = wants[kind]:gsub("{(%l+)}", option)
  misuse.raise("%s%s must be %s, not %s", where, option.name, wanted, got)
end

-- Checks the options that a script gave for "serve", "connect" or a "route". Returns a new table in
-- which sizes are bytes and defaults are filled in; raises on the first mistake. `where` is put in
-- front of the message.
function options.check(scope, given, where)
  local known, checked = schema.scope(scope), {}
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
  for name, value in pairs(checked) do
    if type(value) == "function" and name ~= "on_upgrade" then
      handlers[name], checked[name] = value, nil
    end
  end
  return handlers
end

return options
