-- Who a client says it is: the value of the Authorization field, from the option `auth` or from the
-- "user:password@" of a URL (RFC 7617, RFC 6750).

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"

local auth = {}

-- What is wrong with a user's name or password, or nil. Control characters would reach the server
-- unseen inside the base64 (RFC 7617 section 2).
local function problem_of(user, password)
  if (user .. password):find("%c") then return "has a control character" end
  if user:find(":", 1, true) then return "has a user name with a colon, which ends it" end
end

local function basic(user, password) return "Basic " .. core.base64(user .. ":" .. password) end

local function check_names(value)
  for name, given in pairs(value) do
    if name ~= "user" and name ~= "password" and name ~= "bearer" then
      return ("has an unknown field '%s': it takes user, password and bearer"):format(
        tostring(name))
    elseif type(given) ~= "string" then
      return ("%s must be a string, not %s"):format(name, misuse.describe(given))
    end
  end
end

-- For options.lua: the value of the field; or nil and what is wrong.
function auth.check(value)
  if type(value) ~= "table" then return nil end
  local problem = check_names(value)
  if problem then return nil, problem end
  if value.bearer then
    if value.user or value.password then
      return nil, "has both bearer and user: give one of them"
    end
    -- The message does not show the token: it is a secret.
    if not value.bearer:find("^[%w._~+/-]+=*$") then
      return nil, "has a bearer that is no token: letters, digits and - . _ ~ + / only"
    end
    return "Bearer " .. value.bearer
  end
  if not value.user then return nil, "needs user and password, or bearer" end
  local password = value.password or ""
  problem = problem_of(value.user, password)
  if problem then return nil, problem end
  return basic(value.user, password)
end

-- The name and the password in the "user:password" of a URL, decoded; or nil and what is wrong.
function auth.split(text)
  local user, password = text:match("^([^:]*):?(.*)$")
  user, password = core.decode(user), core.decode(password)
  local problem = problem_of(user, password)
  if problem then return nil, problem end
  return user, password
end

-- The value of the field for the "user:password" of a URL; or nil and what is wrong.
function auth.of_url(text)
  local user, password = auth.split(text)
  if not user then return nil, password end
  return basic(user, password)
end

return auth
