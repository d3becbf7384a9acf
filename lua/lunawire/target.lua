-- What a client connects to: the checked options and a URL become what the core takes.

local auth = require "lunawire.auth"
local core = require "lunawire.core"
local headers = require "lunawire.headers"
local misuse = require "lunawire.misuse"
local proxy = require "lunawire.proxy"

local target = {}

-- The parts of a WebSocket URL; or nil, message, code.
function target.parse(url)
  misuse.expect("the URL", url, "string")
  local parts, message, code = core.url(url)
  if not parts then return nil, message, code end
  if not parts.scheme:lower():find("^ws") then
    return nil, "the URL does not begin with ws:// or wss://", "URL_SCHEME"
  elseif parts.unix_path and parts.unix_path:find("%00", 1, true) then
    return nil, "the URL's path of a unix socket has a zero byte", "URL_CHARACTER"
  end
  return parts
end

-- The script's header fields but Host, and the Host that takes the place of the URL's, if any.
local function split_host(fields)
  local host, others = nil, {}
  for name, value in pairs(fields) do
    if type(name) == "string" and name:lower() == "host" then
      host = headers.check_value(name, value)
    else
      others[name] = value
    end
  end
  return host, others
end

local function has_field(array, name)
  for i = 1, #array, 2 do
    if array[i]:lower() == name then return true end
  end
  return false
end

-- The value of Authorization that the option or, without it, the URL asks for; or nil; or false,
-- message, code. A field that the script wrote itself makes the URL's user count for nothing.
local function authorization(parts, o, fields)
  local written = has_field(fields, "authorization")
  if o.auth then
    if written then misuse.raise("give auth or the header field Authorization, not both") end
    return o.auth
  end
  if written or parts.user == "" then return nil end
  local value, problem = auth.of_url(parts.user)
  if value then return value end
  return false, "the URL " .. problem, "URL_USER"
end

-- Makes the TLS context of a secure URL. True, or nil, message, code. What certificates are for is
-- a name or an address; a unix socket has neither.
local function add_tls(request, given)
  request.tls = nil
  if not request.secure then return true end
  local message, code
  request.tls, message, code = require "lunawire.tls".client_context(given)
  if not request.tls then return nil, message, code end
  request.tls_name = given and given.server_name or request.host
  return true
end

-- What core.connect takes, in a new table; or nil, message, code.
function target.request(parts, o)
  local request = {}
  for name, value in pairs(o) do request[name] = value end
  request.host, request.port = parts.host, parts.port
  request.unix_path = parts.unix_path and core.decode(parts.unix_path)
  request.secure, request.target = parts.secure, parts.target
  local host, fields = split_host(o.headers or {})
  request.authority = host or parts.authority
  request.headers = headers.to_array(fields)
  local value, message, code = authorization(parts, o, request.headers)
  if value == false then return nil, message, code end
  if value then
    table.insert(request.headers, "Authorization")
    table.insert(request.headers, value)
  end
  request.proxy, message, code = proxy.choose(parts, o.proxy, o.tls)
  if request.proxy == nil then return nil, message, code end
  local ok
  ok, message, code = add_tls(request, o.tls)
  if not ok then return nil, message, code end
  return request
end

return target
