-- ws.connections: for conn in ws.connections(url, options) do ... end, one open connection after
-- another.
--
-- A connection is made when the loop asks for the next one and not before, so there is never one
-- that nobody reads. Every try is a ws.connect of its own.

local backoff = require "lunawire.backoff"
local client = require "lunawire.client"
local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local options = require "lunawire.options"
local receive = require "lunawire.receive"
local task = require "lunawire.task"

local connections = {}

-- What scripts see: error, code, response, why the loop gave up. What they do not:
--   _url, _options    of each try
--   _handlers         on_reconnect and on_error
--   _tries            see backoff.lua
--   _conn             what the loop has been given; _trying what is still connecting
--   _waiter           while the loop waits for the next connection
--   _is_over          no connection follows
local Connections = {}
Connections.__index = Connections

-- Waiting ---------------------------------------------------------------------------------------

-- Waits until woken, for at most `seconds`. Returns what the waiter was woken with.
local function stop_waiting(self, ...)
  self._waiter = nil
  return ...
end

local function wait(self, seconds) return stop_waiting(self, self._waiter:wait(seconds)) end

local function expect_waiting(self)
  if self._waiter then misuse.raise("another coroutine waits for the next connection") end
  if not task.iterators_wait and core.can_yield() then
    misuse.raise("Lua 5.1 cannot wait in a for loop")
  end
  task.expect_waiting()
end

-- Ends ------------------------------------------------------------------------------------------

-- How the connection ended that the loop has been given; one that is still open is closed now.
local function end_of_last(self)
  local conn = self._conn
  local box = conn._inbox
  self._conn = nil
  if box.closed then
    return {
      message = box.closed[2], code = "CLOSED",
      close_code = not core.has_closed(conn) and box.closed[4] or nil,
    }
  end
  if conn.state == "open" then conn:close() end
  self._tries:closed()
  return { message = "the loop was done with the connection", code = "CLOSED" }
end

local function give_up(self, failure, problem)
  self._is_over = true
  self.error, self.code, self.response = problem, failure.code, failure.response
  return self._handlers.on_error(self._last, problem, failure.code)
end

-- Waits before the next try. False when none is to follow.
local function pause(self, failure)
  local delay, problem = self._tries:after(failure)
  if not delay then
    give_up(self, failure, problem)
    return false
  end
  local on_reconnect = self._handlers.on_reconnect
  if on_reconnect then
    on_reconnect(self._tries.attempt, delay, failure.message, failure.code)
    if self._is_over then return false end
  end
  self._waiter = task.waiter()
  wait(self, delay)
  return not self._is_over
end

-- Tries -----------------------------------------------------------------------------------------

-- The handlers of every try.
local function attach(self, each)
  function each.on_open(conn)
    receive.open(conn) -- nothing that comes before the first receive() may be lost
    self._trying, self._conn = nil, conn
    self._tries:opened()
    self._waiter:wake(conn)
  end
  function each.on_close(conn)
    if conn == self._conn then self._tries:closed() end
  end
  function each.on_error(conn, message, code) -- of an open one, on_close follows
    if conn ~= self._trying then return end
    self._trying = nil
    self._waiter:wake(nil, message, code)
  end
end

-- The open connection; or nil and the failure.
local function try(self)
  local conn, message, code = client.connect(self._url, self._options)
  if not conn then return nil, { message = message, code = code } end
  self._trying, self._last = conn, conn
  self._waiter = task.waiter()
  local opened
  opened, message, code = wait(self)
  if opened then return opened end
  return nil, { message = message, code = code, response = conn.response }
end

-- The next open connection; nil when there will be none.
function Connections:__call()
  expect_waiting(self)
  local failure = self._conn and end_of_last(self)
  while not self._is_over and (not failure or pause(self, failure)) do
    local conn
    conn, failure = try(self)
    if conn then return conn end
  end
  return nil
end

-- Methods ---------------------------------------------------------------------------------------

-- Ends the loop: closes the connection that it has, and calls off what it waits for.
function Connections:close(code, reason)
  local conn, trying, waiter = self._conn, self._trying, self._waiter
  if conn then conn:close(code, reason) end
  self._is_over = true
  if trying then
    trying:terminate() -- on_error wakes the loop
  elseif waiter then
    waiter:wake()
  end
  return true
end

-- Lua 5.4 calls it when a for loop is left in any way, also when the coroutine that waits in it is
-- closed: it is not to be woken then.
function Connections:__close(problem)
  if self._waiter then self._waiter:forget() end
  if problem ~= nil then self:close(1011) else self:close() end
end

-- ws.connections --------------------------------------------------------------------------------

local function take_handlers(o)
  local handlers = options.take_handlers(o)
  for name in pairs(handlers) do
    if name ~= "on_reconnect" and name ~= "on_error" then
      misuse.raise("ws.connections takes no %s: read with conn:receive, or use ws.connect with "
        .. "the option reconnect", name)
    end
  end
  handlers.on_error = handlers.on_error or client.report_error
  return handlers
end

-- Returns an iterator; and for a `for` of Lua 5.4, what is to be closed behind it.
function connections.new(url, given)
  misuse.expect("the URL", url, "string")
  given = given == nil and {} or given
  local o = options.check("connect", given)
  if given.reconnect == false then
    misuse.raise("ws.connections always reconnects: leave out reconnect = false")
  end
  local handlers = take_handlers(o)
  local self = setmetatable({
    _url = url, _options = {}, _handlers = handlers,
    _tries = backoff.new(o.reconnect or backoff.check(true)),
  }, Connections)
  for name, value in pairs(given) do self._options[name] = value end
  self._options.reconnect, self._options.on_reconnect = nil, nil
  attach(self, self._options)
  return self, nil, nil, self
end

return connections
