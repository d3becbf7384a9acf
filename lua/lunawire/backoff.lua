-- When to connect again, and whether at all: what ws.connect with `reconnect` and ws.connections
-- share. Nothing here connects or waits; an end is told as a failure:
--
--   message, code   for people, for scripts
--   response        of a server that refused the handshake
--   close_code      of a connection that was open and that the script did not close

local core = require "lunawire.core"
local http_date = require "lunawire.http_date"
local misuse = require "lunawire.misuse"

local backoff = {}

-- The option ------------------------------------------------------------------------------------

local day = 24 * 3600

-- The fields of the option `reconnect`, in seconds where they have a `least`.
local fields = {
  { "min", default = 0.5, least = 0.001 },
  { "max", default = 30, least = 0.001 },
  { "stable", default = 10, least = 0 },
  { "max_retry_after", default = 3600, least = 0 },
  { "attempts", kind = "count" },
  { "always", kind = "boolean" },
  { "retry", kind = "function" },
}

local function is_count(value)
  return type(value) == "number" and value >= 1 and value % 1 == 0 and value <= 1e9
end

-- What is wrong with the value of a field, or nil.
local function problem_of(field, value)
  local name = field[1]
  if field.kind == "count" then
    return not is_count(value)
      and ("%s must be a whole number from 1 on, not %s"):format(name, misuse.describe(value))
  elseif field.kind then
    return type(value) ~= field.kind
      and ("%s must be a %s, not %s"):format(name, field.kind, misuse.describe(value))
  elseif type(value) ~= "number" or not (value >= field.least and value <= day) then
    return ("%s must be a number of seconds between %g and %d, not %s"):format(name, field.least,
      day, misuse.describe(value))
  end
end

local function unknown(name)
  local names = {}
  for i, field in ipairs(fields) do names[i] = field[1] end
  local meant = type(name) == "string" and require "lunawire.nearest"(name, names)
  return ("has an unknown option '%s'%s"):format(tostring(name),
    meant and (": did you mean '%s'?"):format(meant) or "")
end

-- For options.lua: false, or a table with all defaults filled in; or nil and what is wrong.
function backoff.check(value)
  if value == false then return false end
  if value == true then value = {} end
  if type(value) ~= "table" then return nil end
  local policy, known = {}, {}
  for _, field in ipairs(fields) do
    local name = field[1]
    known[name] = true
    policy[name] = value[name]
    if policy[name] == nil then policy[name] = field.default end
    local problem = policy[name] ~= nil and problem_of(field, policy[name])
    if problem then return nil, problem end
  end
  for name in pairs(value) do
    if not known[name] then return nil, unknown(name) end
  end
  if policy.min > policy.max then return nil, "has a min above its max" end
  return policy
end

-- Whether it will mend --------------------------------------------------------------------------

-- Answers below 500 say that the request is wrong, and so will be the next one; but for these.
local passing_status = { [408] = true, [425] = true, [429] = true }

-- The peer's close codes that say "not you": 1008 is policy, 1010 a missing extension, 3000 and
-- 3003 are registered as unauthorized and forbidden. Whatever else ended it may be otherwise next
-- time.
local lasting_close = { [1008] = true, [1010] = true, [3000] = true, [3003] = true }

-- Codes of failures that only a change of the script or of the server's setup mends. The first
-- pattern that matches decides.
local lasting_codes = {
  { "^TLS_HANDSHAKE$", false }, { "^TLS_BROKEN$", false }, { "^TLS_FLOOD$", false },
  { "^TLS_NOT_YET_VALID$", false }, -- clocks are set late
  { "^TLS_", true }, { "^URL_", true }, { "^ACCEPT_", true }, { "^HEADER$", true },
  { "^REDIRECT", true }, { "^PROXY_AUTH$", true }, { "^PROXY_URL$", true },
}

local function is_lasting(code)
  for _, row in ipairs(lasting_codes) do
    if code:find(row[1]) then return row[2] end
  end
  return false
end

local function will_mend(failure)
  if failure.close_code then return not lasting_close[failure.close_code] end
  if failure.code == "HTTP_STATUS" and failure.response then
    local status = failure.response.status
    return status >= 500 or passing_status[status] == true
  end
  return not is_lasting(failure.code)
end

-- What the script's `retry` says about a failure; nil when it leaves it to us.
local function ask(retry, failure)
  local ok, answer = xpcall(function()
    return retry(failure.message, failure.code, failure.response, failure.close_code)
  end, debug.traceback)
  if ok then return answer end
  core.report(answer)
end

local function should_retry(policy, failure)
  local answer
  if policy.retry then answer = ask(policy.retry, failure) end
  if answer ~= nil then return answer end
  return policy.always or will_mend(failure)
end

-- How long to wait ------------------------------------------------------------------------------

-- From 0 up to, not including, 1.
local function random()
  local a, b, c, d = core.random(4):byte(1, 4)
  return (((a * 256 + b) * 256 + c) * 256 + d) / 2 ^ 32
end

-- Somewhere between min and a ceiling that doubles with each try, up to max. When a server dies all
-- its clients notice in the same moment; only delays that are spread over the whole range keep them
-- from coming back together, and the operating system's randomness keeps machines that booted
-- together apart.
local function delay_of(policy, attempt)
  local ceiling = math.min(policy.max, policy.min * 2 ^ attempt)
  return policy.min + (ceiling - policy.min) * random()
end

-- The seconds that a server wants to be left alone (RFC 9110 section 10.2.3), 0 when it does not
-- say. A date is compared with the server's own clock where it tells that, too.
local function retry_after(response)
  local value = response and response.headers["retry-after"]
  if not value then return 0 end
  if value:find("^%d+$") then return tonumber(value) end
  local time = http_date.parse(value)
  local now = response.headers.date and http_date.parse(response.headers.date) or os.time()
  return time and math.max(0, time - now) or 0
end

-- Tries -----------------------------------------------------------------------------------------

local Tries = {}
Tries.__index = Tries

-- Counts the tries of one script's wish to be connected. `attempt` is the number of those in a row
-- that followed an end, 0 for the first.
function backoff.new(policy)
  return setmetatable({ policy = policy, attempt = 0, opened_at = nil }, Tries)
end

-- The connection opened; it is over. One that was open for long enough makes good for the failures
-- before it.
function Tries:opened() self.opened_at = core.now() end

function Tries:closed()
  if not self.opened_at then return end
  if core.now() - self.opened_at >= self.policy.stable then self.attempt = 0 end
  self.opened_at = nil
end

-- The seconds to wait before the next try; or nil and the sentence of who gives up.
function Tries:after(failure)
  local policy = self.policy
  if not should_retry(policy, failure) then return nil, "gave up: " .. failure.message end
  if policy.attempts and self.attempt >= policy.attempts then
    return nil, ("gave up after %d attempt%s: %s"):format(self.attempt,
      self.attempt == 1 and "" or "s", failure.message)
  end
  self.attempt = self.attempt + 1
  local asked = math.min(retry_after(failure.response), policy.max_retry_after)
  return asked + delay_of(policy, self.attempt)
end

return backoff
