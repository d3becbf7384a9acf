-- Where a client goes that the server sent elsewhere, and what it does not take along there.

local core = require "lunawire.core"
local target = require "lunawire.target"

local redirect = {}

-- A Location for people: without the user and the password that may stand in it, and not too long.
local function shown(location)
  return ("%q"):format(location:gsub("//[^/?#]*@", "//"):sub(1, 200))
end

local function fail(form, location)
  return nil, form:format(shown(location)), "REDIRECT"
end

-- The URL of its parts, without a user. What is relative to it keeps host and port.
local function url_of(parts)
  if parts.unix_path then return "ws+unix://" .. parts.unix_path .. ":" .. parts.target end
  return (parts.secure and "wss://" or "ws://") .. parts.authority .. parts.target
end

-- The parts of the URL that a Location means; or nil, message, code. The scheme may also be the one
-- that pages have.
local function parse(from, location)
  local url = core.resolve(url_of(from), location)
  local web = url and url:lower():match("^https?:")
  if web then url = "ws" .. url:sub(5) end
  local to = url and target.parse(url)
  if not to then return fail("the server redirects to %s, which is no WebSocket URL", location) end
  if from.secure and not to.secure then
    return fail("the server redirects from wss:// to %s, which is not encrypted", location)
  elseif to.unix_path ~= from.unix_path and to.unix_path then
    return fail("the server redirects to %s: nobody else chooses a unix socket", location)
  end
  return to
end

local function is_same_origin(one, other)
  return one.secure == other.secure and one.host:lower() == other.host:lower()
    and one.port == other.port and one.unix_path == other.unix_path
end

local secrets = {
  authorization = true, cookie = true, host = true, ["proxy-authorization"] = true,
}

-- The options for another host: without what only the first may know, and what is true of it alone.
local function for_strangers(o)
  local kept = {}
  for name, value in pairs(o) do kept[name] = value end
  kept.auth = nil
  if o.tls then kept.tls = { ca = o.tls.ca, verify = o.tls.verify } end
  if o.headers then
    kept.headers = {}
    for name, value in pairs(o.headers) do
      if not secrets[name:lower()] then kept.headers[name] = value end
    end
  end
  return kept
end

-- The core's option `redirect` for a client that was sent to these parts: returns what it asks for
-- next; or nil, message, code. What was left behind once is not taken up again.
local function follower(from, o)
  local count = 0
  return function(_, location)
    count = count + 1
    if count > o.max_redirects then
      return fail("the server redirects too often, now to %s: max_redirects is the limit", location)
    end
    local to, message, code = parse(from, location)
    if not to then return nil, message, code end
    local is_same = is_same_origin(from, to)
    to.user = is_same and from.user or ""
    if not is_same then o = for_strangers(o) end
    from = to
    return target.request(to, o)
  end
end

-- What the core takes for a URL and checked options; or nil, message, code.
function redirect.request(url, o)
  local parts, message, code = target.parse(url)
  if not parts then return nil, message, code end
  local request
  request, message, code = target.request(parts, o)
  if not request then return nil, message, code end
  if o.max_redirects > 0 then request.redirect = follower(parts, o) end
  return request
end

return redirect
