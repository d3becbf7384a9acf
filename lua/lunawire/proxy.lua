-- Which proxy a client goes through: the option `proxy`, or the environment as curl reads it.

local auth = require "lunawire.auth"
local core = require "lunawire.core"

local proxy = {}

-- Reading the URL of a proxy --------------------------------------------------------------------

-- By scheme: what the core calls it, and its port where none is written.
local schemes = {
  http = { kind = "http", port = 80 },
  https = { kind = "http", port = 443, tls = true },
  socks5 = { kind = "socks5", port = 1080 },
  socks5h = { kind = "socks5h", port = 1080 },
}

-- The text may hold a password, so no message shows it.
local function fail(problem)
  return nil, "the proxy " .. problem .. ': write it like "http://user:password@host:3128"',
    "PROXY_URL"
end

-- Sets user and password, if the URL has them. What is wrong with them, or nil.
local function read_login(found, user)
  if user == "" then return nil end
  local name, password = auth.split(user)
  if not name then return password end
  found.user, found.password = name, password
end

-- What the core takes as proxy: { kind, host, port, user, password, tls }; or nil, message, code.
-- Without a scheme it is an HTTP proxy. `tls` is the client's option, which says who is trusted.
function proxy.parse(text, tls)
  local name, rest = text:match("^(%a[%w+.-]*)://(.*)$")
  local scheme = schemes[(name or "http"):lower()]
  if not scheme then return fail "is not of http, https, socks5 or socks5h" end
  rest = (rest or text):match("^(.-)/?$")
  local parts = core.url("http://" .. rest)
  if not parts or parts.target ~= "/" then return fail "has no valid URL" end
  local has_port = rest:find(":%d+$") ~= nil
  local found = { kind = scheme.kind, host = parts.host,
    port = has_port and parts.port or scheme.port }
  local problem = read_login(found, parts.user)
  if problem then return fail(problem) end
  if scheme.tls then
    local message, code
    found.tls, message, code = require "lunawire.tls".client_context(
      tls and { ca = tls.ca, verify = tls.verify, ktls = tls.ktls })
    if not found.tls then return nil, message, code end
  end
  return found
end

-- The environment -------------------------------------------------------------------------------

-- The value of the first of the variables that is set and not empty.
local function getenv(...)
  for i = 1, select("#", ...) do
    local value = os.getenv((select(i, ...)))
    if value and value ~= "" then return value end
  end
end

-- A CGI script finds what its client sent as "Proxy:" in HTTP_PROXY.
local function from_environment(secure)
  if secure then return getenv("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY") end
  if os.getenv("REQUEST_METHOD") then return getenv("http_proxy", "all_proxy", "ALL_PROXY") end
  return getenv("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY")
end

-- NO_PROXY --------------------------------------------------------------------------------------

-- The bits of an IPv4 address as a number; nil when it is none.
local function ipv4(text)
  local a, b, c, d = text:match("^(%d+)%.(%d+)%.(%d+)%.(%d+)$")
  if a then return ((a * 256 + b) * 256 + c) * 256 + d end
end

-- The eight groups of an IPv6 address; nil when it is none. The core has checked its form where it
-- stands in a URL; what stands in NO_PROXY may be anything.
local function ipv6(text)
  if not text:find(":", 1, true) or text:find("[^%x:.]") then return nil end
  local tail = text:match("([^:]*)$")
  local v4 = ipv4(tail)
  if v4 then
    text = text:sub(1, #text - #tail) .. ("%x:%x"):format(math.floor(v4 / 65536), v4 % 65536)
  end
  local function groups_of(part)
    local groups = {}
    for group in part:gmatch("[^:]+") do groups[#groups + 1] = tonumber(group, 16) end
    return groups
  end
  local front, back = text:match("^(.-)::(.*)$")
  local groups, rest = groups_of(front or text), groups_of(back or "")
  if front then
    while #groups + #rest < 8 do groups[#groups + 1] = 0 end
  end
  for _, group in ipairs(rest) do groups[#groups + 1] = group end
  return #groups == 8 and groups or nil
end

-- The address as groups of 16 bits; nil when it is none.
local function address(text)
  local v4 = ipv4(text)
  if v4 then return { math.floor(v4 / 65536), v4 % 65536 } end
  return ipv6(text)
end

-- True when the first `bits` of both are the same.
local function same_prefix(one, other, bits)
  if #one ~= #other or bits > #one * 16 then return false end
  for i = 1, #one do
    local kept = 2 ^ (16 - math.max(0, math.min(16, bits - (i - 1) * 16)))
    if math.floor(one[i] / kept) ~= math.floor(other[i] / kept) then return false end
  end
  return true
end

-- True for an entry that is an address, or a block of them ("10.0.0.0/8"), and has the host.
local function is_in_block(host, entry)
  local base, bits = entry:match("^(.-)/(%d+)$")
  base, bits = address(base or entry), tonumber(bits)
  local own = address(host)
  return base ~= nil and own ~= nil and same_prefix(own, base, bits or #base * 16)
end

-- "example.org" is for itself and all that ends in ".example.org"; so is ".example.org".
local function is_in_domain(host, entry)
  entry = entry:gsub("^%.", "")
  return host == entry or host:sub(-#entry - 1) == "." .. entry
end

-- "host", "host:port", "[::1]:port", "10.0.0.0/8", "*".
local function matches(entry, host, port)
  if entry == "*" then return true end
  local name, own_port = entry:match("^%[([^%]]*)%]:?(%d*)$")
  if not name then name, own_port = entry:match("^([^:]*):?(%d*)$") end
  name = name or entry -- an IPv6 address without brackets
  if own_port and own_port ~= "" and tonumber(own_port) ~= port then return false end
  if name == "" then return false end
  return is_in_block(host, name) or not address(host) and is_in_domain(host, name)
end

-- True when the list of NO_PROXY, parted by commas or blanks, has the host.
function proxy.is_excepted(list, host, port)
  host = host:lower():gsub("%.$", "")
  for entry in list:lower():gmatch("[^%s,]+") do
    if matches(entry, host, port) then return true end
  end
  return false
end

-- Choosing --------------------------------------------------------------------------------------

-- The proxy for a URL's parts, with the option as it was given: a text, false, or nil for what the
-- environment says. What the core takes, or false for none; or nil, message, code.
function proxy.choose(parts, option, tls)
  if parts.unix_path or option == false then return false end
  if not option then
    option = from_environment(parts.secure)
    local except = option and getenv("no_proxy", "NO_PROXY")
    if not option or except and proxy.is_excepted(except, parts.host, parts.port) then
      return false
    end
  end
  return proxy.parse(option, tls)
end

return proxy
