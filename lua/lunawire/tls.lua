-- The option `tls` of servers and clients: what may be in it, and the contexts that the core makes
-- of it. docs/tls.md says it for people.
--
-- Certificates and keys are paths of PEM files, or the PEM text itself.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"

local tls = {}

-- Checking --------------------------------------------------------------------------------------

local texts = { cert = true, key = true, ca = true, server_name = true }
local server_names = { "cert", "key", "ca", "client_auth", "sni", "ktls" }
local client_names = { "ca", "cert", "key", "verify", "server_name", "ktls" }
local pair_names = { "cert", "key" }

local function unknown(name, names)
  local meant = type(name) == "string" and require "lunawire.nearest"(name, names)
  return ("has an unknown option '%s'%s"):format(tostring(name),
    meant and (": did you mean '%s'?"):format(meant) or "")
end

local function check_client_auth(value)
  if value ~= "optional" and value ~= "required" then
    return "client_auth must be \"optional\" or \"required\", not " .. (type(value) == "string"
      and ("%q"):format(value) or misuse.describe(value))
  end
end

local check_fields

-- tls.sni: { ["a.example"] = { cert =, key = } }
local function check_sni(sni)
  if type(sni) ~= "table" then
    return "sni must be a table of host names, not " .. misuse.describe(sni)
  end
  for name, pair in pairs(sni) do
    if type(name) ~= "string" or not name:find("^[%w*][%w.-]*$") or name:find("*", 2, true)
      or (name:sub(1, 1) == "*" and not name:find("^%*%.%w")) then
      return ("sni has %s, which is no host name like \"a.example\" or \"*.a.example\"")
        :format(type(name) == "string" and ("%q"):format(name) or misuse.describe(name))
    end
    if type(pair) ~= "table" then
      return ("sni of %s must be a table with cert and key, not %s")
        :format(name, misuse.describe(pair))
    end
    local problem = check_fields(pair, pair_names) or not pair.cert and "has no cert"
    if problem then return ("sni of %s %s"):format(name, problem) end
  end
end

-- What is wrong with the table, or nil.
function check_fields(value, names)
  local known = {}
  for _, name in ipairs(names) do known[name] = true end
  for name, given in pairs(value) do
    if not known[name] then return unknown(name, names) end
    local problem
    if texts[name] then
      problem = type(given) ~= "string"
        and ("%s must be a string, not %s"):format(name, misuse.describe(given))
    elseif name == "verify" or name == "ktls" then
      problem = type(given) ~= "boolean"
        and ("%s must be a boolean, not %s"):format(name, misuse.describe(given))
    elseif name == "client_auth" then
      problem = check_client_auth(given)
    else
      problem = check_sni(given)
    end
    if problem then return problem end
  end
end

local function problem_of_server(value)
  local problem = check_fields(value, server_names)
  if problem then return problem end
  if not value.cert and not (value.sni and next(value.sni)) then return "has no cert" end
  if value.key and not value.cert then return "has a key, but no cert" end
  if value.client_auth and not value.ca then
    return "has client_auth, but no ca: who may sign the clients' certificates?"
  end
  return value.ca and not value.client_auth
    and "has ca, but no client_auth: \"optional\" or \"required\"" or nil
end

-- For options.lua: the value as it is; or nil and what is wrong with it.
function tls.check_server(value)
  if value == "self-signed" then return value end
  if type(value) ~= "table" then return nil end
  local problem = problem_of_server(value)
  if problem then return nil, problem end
  return value
end

function tls.check_client(value)
  if type(value) ~= "table" then return nil end
  local problem = check_fields(value, client_names)
  if not problem and value.key and not value.cert then problem = "has a key, but no cert" end
  if problem then return nil, problem end
  return value
end

-- Contexts --------------------------------------------------------------------------------------

local said = {}

-- What weakens security is said once, where it is seen.
local function warn_once(message)
  if said[message] then return end
  said[message] = true
  io.stderr:write("lunawire: ", message, "\n")
end

local function sorted_names(sni)
  local names = {}
  for name in pairs(sni or {}) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- The context of a server. Returns it, or nil, message, code.
function tls.server_context(o)
  if o == "self-signed" then
    warn_once("this server's certificate is self-signed, for localhost only; clients must be told "
      .. "not to verify it")
    return core.tls { server = true, self_signed = true, ktls = true }
  end
  local list = {}
  if o.cert then list[1] = { cert = o.cert, key = o.key } end
  for _, name in ipairs(sorted_names(o.sni)) do
    list[#list + 1] = { name = name, cert = o.sni[name].cert, key = o.sni[name].key }
  end
  return core.tls {
    server = true, pairs = list, ca = o.ca,
    verify = o.client_auth ~= nil, require = o.client_auth == "required",
    ktls = o.ktls ~= false,
  }
end

-- Contexts of clients, the one used last in front: { identity =, context = }. Clients with the same
-- certificates and rules share one, and in it the sessions that servers let them resume.
local shared = {}
local SHARED_MAX = 8

-- PEM text as it is, or what the file has now: a file that changed makes another context. Nil when
-- it cannot be read; the core says why.
local function contents(pem)
  if pem:find("-----BEGIN", 1, true) then return pem end
  local file = io.open(pem, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  return text
end

-- Equal for options that mean the same. Nil when a file cannot be read.
local function identity_of(o, verify)
  local parts = { tostring(verify), tostring(o.ktls ~= false) }
  for _, name in ipairs { "ca", "cert", "key" } do
    local text = o[name] and contents(o[name]) or ""
    if o[name] and text == "" then return nil end
    parts[#parts + 1] = #text .. ":" .. text
  end
  return table.concat(parts, " ")
end

local function find_shared(identity)
  for i, entry in ipairs(shared) do
    if entry.identity == identity then
      table.insert(shared, 1, table.remove(shared, i))
      return entry.context
    end
  end
end

local function share(identity, context)
  table.insert(shared, 1, { identity = identity, context = context })
  shared[SHARED_MAX + 1] = nil
end

-- The context of a client. Returns it, or nil, message, code.
function tls.client_context(o)
  o = o or {}
  local verify = o.verify ~= false
  if not verify then
    warn_once("tls.verify = false: anybody on the way can read and change what is sent")
  end
  local identity = identity_of(o, verify)
  local found = identity and find_shared(identity)
  if found then return found end
  local context, message, code = core.tls { verify = verify, ca = o.ca,
    ktls = o.ktls ~= false, pairs = o.cert and { { cert = o.cert, key = o.key } } or nil }
  if not context then return nil, message, code end
  if identity then share(identity, context) end
  return context
end

return tls
