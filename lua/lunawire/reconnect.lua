-- ws.connect with the option `reconnect`: a link, which outlives its connections.
--
-- Every try is a ws.connect of its own with the script's options, so that whatever that can do a
-- link can do; only on_open, on_close and on_error pass through here. What follows an end is
-- decided a turn of the loop later: then the script's handlers for it have run, and one that threw
-- has stopped nothing.

local backoff = require "lunawire.backoff"
local client = require "lunawire.client"
local core = require "lunawire.core"
local inbox = require "lunawire.inbox"
local misuse = require "lunawire.misuse"

local reconnect = {}

-- What scripts see of a link:
--   state     "connecting", "open", "waiting" (for the next try), "closing", "closed"
--   conn      the connection that is open, or nil
--   attempt   how many tries followed an end without a connection that was stable
-- and what they do not:
--   _url, _options   of each try
--   _handlers        the script's own
--   _tries           see backoff.lua
--   _last            the connection that was made last; _opened the one that opened last
--   _timer           what the link waits for while it has no connection
local Link = {}
Link.__index = Link

-- Ends ------------------------------------------------------------------------------------------

local connect_again

local function give_up(link, failure, problem)
  link.state = "closed"
  return link._handlers.on_error(link._last, problem, failure.code)
end

-- Nothing follows the handler that is called last here: it may throw, or close the link.
local function decide(link, failure)
  local delay, problem = link._tries:after(failure)
  link.attempt = link._tries.attempt
  if not delay then return give_up(link, failure, problem) end
  link._timer = core.timer(delay, nil, function() connect_again(link) end)
  local on_reconnect = link._handlers.on_reconnect
  if on_reconnect then return on_reconnect(link.attempt, delay, failure.message, failure.code) end
end

local function ended(link, failure)
  if link.state == "closed" then return end
  link.state = "waiting"
  link._timer = core.timer(0, nil, function() decide(link, failure) end)
end

local function ended_open(link, conn, code, reason)
  link.conn = nil
  link._tries:closed()
  if link.state == "closing" or core.has_closed(conn) then
    link.state = "closed"
  else
    ended(link, {
      message = inbox.closed_sentence(code, reason), code = "CLOSED", close_code = code,
    })
  end
end

-- Tries -----------------------------------------------------------------------------------------

local function connect(link)
  link.state = "connecting"
  local conn, message, code = client.connect(link._url, link._options)
  link._last = conn or link._last
  return conn, message, code
end

function connect_again(link)
  local conn, message, code = connect(link)
  if not conn then ended(link, { message = message, code = code }) end
end

-- The script's handlers, with the link's part in front of three of them.
local function attach(link, handlers)
  return {
    on_open = function(conn)
      link.conn, link._opened, link.state = conn, conn, "open"
      link._tries:opened()
      if handlers.on_open then return handlers.on_open(conn) end
    end,
    on_close = function(conn, code, reason)
      ended_open(link, conn, code, reason)
      if handlers.on_close then return handlers.on_close(conn, code, reason) end
    end,
    on_error = function(conn, message, code)
      if conn == link._opened then return handlers.on_error(conn, message, code) end
      ended(link, { message = message, code = code, response = conn.response })
    end,
  }
end

-- What each try is given: the script's options and handlers, without what is only for here.
local function options_of(link, given)
  local each = {}
  for name, value in pairs(given) do each[name] = value end
  each.reconnect, each.on_reconnect = nil, nil
  for name, handler in pairs(attach(link, link._handlers)) do each[name] = handler end
  return each
end

-- For ws.connect: `given` are the script's options, `policy` is what backoff.check made of one of
-- them. Returns a link that connects; or nil, message, code when that cannot even begin.
function reconnect.connect(url, given, policy, handlers)
  if not policy then misuse.raise("on_reconnect needs the option reconnect") end
  if next(handlers) == nil then
    misuse.raise("reconnect needs handlers; without any write "
      .. "`for conn in ws.connections(url, options) do ... end`")
  end
  handlers.on_error = handlers.on_error or client.report_error
  local link = setmetatable({
    attempt = 0, _url = url, _handlers = handlers, _tries = backoff.new(policy),
  }, Link)
  link._options = options_of(link, given)
  local conn, message, code = connect(link)
  if not conn then return nil, message, code end
  return link
end

-- Methods ---------------------------------------------------------------------------------------

-- As conn:send of the connection that is open; nil, message, "CLOSED" when none is. Nothing is kept
-- for later: what is old may be wrong by then, and on_open is where a script begins anew.
function Link:send(...)
  if self.conn then return self.conn:send(...) end
  return nil, "not connected: send in on_open, or when the link's state is \"open\"", "CLOSED"
end

-- Ends it for good, in any state. Of an open connection on_close follows; nothing else is called.
function Link:close(code, reason)
  if self.conn then
    self.conn:close(code, reason)
    self.state = "closing"
  elseif self.state ~= "closed" then
    local was_connecting = self.state == "connecting"
    self.state = "closed"
    if was_connecting then self._last:terminate() else self._timer:stop() end
  end
  return true
end

return reconnect
