-- Coroutine style: tasks, and how a script waits.
--
-- Whoever waits makes a waiter, hands it to whatever will wake it, and calls its wait(). In a
-- coroutine that yields; on the main thread it turns the loop until the waiter was woken; in a
-- handler, which can do neither, it raises.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"

local task = {}

local pack = table.pack or function(...) return { n = select("#", ...), ... } end
local unpack = table.unpack or unpack

-- Coroutines ------------------------------------------------------------------------------------

-- All that this file needs to know of coroutines. Lua 5.1 cannot yield from inside an iterator or a
-- pcall; where the core brings fibers of its own, which can, they take the place.
local is_lua_51 = _VERSION == "Lua 5.1" and not jit
local fiber = core.fiber or {}
local create = fiber.create or coroutine.create
local resume_thread = fiber.resume or coroutine.resume
local suspend = fiber.yield or coroutine.yield
local running = fiber.running or coroutine.running
local is_over = fiber.is_over or function(thread) return coroutine.status(thread) == "dead" end
local traceback = fiber.traceback or debug.traceback
local dispose = coroutine.close or function() end -- Lua 5.4: runs what is to be closed

if create == coroutine.create and is_lua_51 then -- it makes coroutines of Lua functions only
  create = function(fn)
    return coroutine.create(function(...) return fn(...) end)
  end
end

-- True when a generic `for` may call an iterator that waits.
task.iterators_wait = core.fiber ~= nil or not is_lua_51

-- Tasks -----------------------------------------------------------------------------------------

local Task = {}
Task.__index = Task

-- The task of each coroutine that runs one. Weak: a coroutine that nobody will resume may go.
local tasks = setmetatable({}, { __mode = "k" })

local function finish(self, ok, ...)
  self.state = ok and "done" or "failed"
  self.results = pack(...)
  local joining = self.joining or {}
  self.joining = nil
  if self.on_end then self.on_end(ok, ...) end
  for _, waiter in ipairs(joining) do waiter:wake() end
end

-- What a fiber yields when it has done what it was lent for (see lend), and those that wait to be
-- lent again. Making one costs more than most calls do.
local DONE = {}
local idle, IDLE_MAX = {}, 16

local function put_back(thread)
  if #idle < IDLE_MAX then idle[#idle + 1] = thread end
end

-- What an error says; its __tostring may itself fail.
local function text_of(value)
  local ok, text = pcall(tostring, value)
  return ok and type(text) == "string" and text or "an error that is no text"
end

-- Looks at how a coroutine came back: it waits again, it returned, or it threw.
local function settle(thread, ok, ...)
  local self = tasks[thread]
  if ok and ... == DONE then
    tasks[thread] = nil
    return put_back(thread)
  end
  if ok and not (self and is_over(thread)) then return end
  tasks[thread] = nil
  if ok then return finish(self, true, ...) end
  local message = text_of((...))
  local trace = traceback(thread, message)
  message = message:match("^(.-)\nstack traceback:") or message -- a fiber's has it already
  dispose(thread)
  if not (self and self.on_end) then core.report(trace) end
  if self then finish(self, false, message, trace) end
end

-- Continues a coroutine that waits (whether it is a task or the script's own).
local function resume(thread, ...)
  return settle(thread, resume_thread(thread, ...))
end

-- Runs fn(...) in a coroutine, at once until it first waits. on_end(ok, ...) is called once, with
-- what fn returned or with the error and its traceback; without on_end an error is reported.
function task.start(fn, on_end, ...)
  local thread = create(fn)
  local self = setmetatable({ state = "running", on_end = on_end }, Task)
  tasks[thread] = self
  resume(thread, ...)
  return self
end

-- Takes a coroutine over that was lent for one call, and waits or threw: it becomes a task.
-- failed(message, trace) is called if it throws.
function task.adopt(thread, failed, ok, message)
  local function on_end(went_well, ...)
    if not went_well then return failed(...) end
  end
  tasks[thread] = setmetatable({ state = "running", on_end = on_end }, Task)
  return settle(thread, ok, message)
end

-- Lending fibers, as the core lends Lua's own coroutines ------------------------------------------

-- In a function of its own: whoever waits for the next call must not keep what the last one was.
local function call(fn) fn() end

local function work()
  while true do call(suspend(DONE)) end
end

-- Runs fn() in a fiber that is used again. on_lent(thread, ok, message) is called when it waits or
-- threw.
function task.lend(fn, on_lent)
  local thread = table.remove(idle)
  if not thread then
    thread = create(work)
    resume_thread(thread)
  end
  local ok, value = resume_thread(thread, fn)
  if ok and value == DONE then return put_back(thread) end
  return on_lent(thread, ok, value)
end

-- ws.spawn
function task.spawn(fn, ...)
  misuse.expect("the function to spawn", fn, "function")
  return task.start(fn, nil, ...)
end

-- The task that is running; nil outside of one.
function task.current()
  local thread = running()
  return thread and tasks[thread]
end

-- Waiting ---------------------------------------------------------------------------------------

-- Raises where waiting is impossible.
function task.expect_waiting()
  if not core.can_yield() and core.in_handler() then
    misuse.raise("a handler cannot wait: do what waits in ws.spawn(function() ... end)")
  end
end

local Waiter = {}
Waiter.__index = Waiter

-- Made before whatever will wake it is told of it, so that waking may come before waiting.
function task.waiter()
  return setmetatable({ woken = false, thread = nil, timer = nil, results = nil }, Waiter)
end

-- Makes a waiter that was woken fit to be used again.
function Waiter:reset()
  self.woken, self.thread, self.timer, self.results = false, nil, nil, nil
  return self
end

-- Makes wait() return these values. Only the first call counts. The waiter may be in use again when
-- this returns, by the coroutine that was woken.
function Waiter:wake(...)
  if self.woken then return end
  self.woken = true
  if self.timer then self.timer:stop() end
  if self.thread then
    resume(self.thread, ...)
  else
    self.results = pack(...)
  end
end

-- Nobody waits any more: waking does nothing.
function Waiter:forget()
  self.woken = true
  if self.timer then self.timer:stop() end
end

function Waiter:start_timer(seconds)
  self.timer = core.timer(seconds, nil, function()
    self.timer = nil
    self:wake(nil, ("nothing came within %g seconds"):format(seconds), "TIMEOUT")
  end)
end

-- Waits until woken. Returns what wake() was given; nil, message, "TIMEOUT" after `seconds`, if
-- given; nil, message, "IDLE" on the main thread when nothing is left that could wake it.
function Waiter:wait(seconds)
  if self.woken then return unpack(self.results, 1, self.results.n) end
  task.expect_waiting()
  if seconds then self:start_timer(seconds) end
  if core.can_yield() then
    self.thread = running()
    return suspend()
  end
  while not self.woken and core.step() do end -- luacheck: ignore 542
  if not self.woken then
    self:wake(nil, "waiting would never end: no connection or timer is left", "IDLE")
  end
  return unpack(self.results, 1, self.results.n)
end

-- ws.sleep
function task.sleep(seconds)
  task.waiter():wait(misuse.expect_seconds("the time to sleep", seconds))
end

-- Waits until the task has ended. Returns what its function returned; nil, message, "FAILED" when
-- it threw; nil, message, "TIMEOUT" after `seconds`, if given.
function Task:join(seconds)
  if seconds ~= nil then misuse.expect_seconds("the time to wait", seconds) end
  if self.state == "running" then
    local waiter = task.waiter()
    self.joining = self.joining or {}
    table.insert(self.joining, waiter)
    local _, message, code = waiter:wait(seconds)
    if self.state == "running" then return nil, message, code end
  end
  if self.state == "failed" then return nil, self.results[1], "FAILED" end
  return unpack(self.results, 1, self.results.n)
end

-- Waiting for output to drain -------------------------------------------------------------------

-- The coroutines in `send` of each connection. C yields for them; here they are only remembered.
local parked = {}

-- Hook: the running coroutine is about to wait until the connection has drained.
function task.park(conn)
  local threads = parked[conn]
  if threads then
    threads[#threads + 1] = running()
  else
    parked[conn] = { (running()) }
  end
end

-- Hook: the connection drained or closed. Whoever sends again at once parks in a new list.
function task.unpark(conn, ...)
  local threads = parked[conn]
  if not threads then return end
  parked[conn] = nil
  for _, thread in ipairs(threads) do resume(thread, ...) end
end

return task
