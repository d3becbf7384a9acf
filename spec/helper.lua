-- What specs share: child processes, waiting for events, and the leak check.
--
--     local helper = require "spec.helper"
--
-- Nothing here sleeps: processes are bounded by timeout(1), the loop is turned until something is
-- true. The limits are for what hangs: a slow machine that stands still at times is far from them.
-- Children that are Lua scripts run on the interpreter and module that run the specs.

local helper = {}

-- The interpreter that runs the specs ("lua5.3"); LUA_PATH and LUA_CPATH are inherited by children.
do
  local first = 0
  while arg and arg[first - 1] do first = first - 1 end
  helper.lua = arg and arg[first] or "lua"
end

-- Debian's Python, which has the websockets package; another one may come first in PATH.
helper.python = "/usr/bin/python3"

-- True in the trees of ./dev test that differ from another only in how the C was compiled: what is
-- about other programs and takes long need not run there.
function helper.is_variant()
  return package.cpath:find "build/clang/" ~= nil or package.cpath:find "build/coverage/" ~= nil
end

-- Where spec/peers has the npm packages, for NODE_PATH; nil when they are not installed.
function helper.node_modules()
  local file = io.open("spec/peers/node_modules/ws/package.json")
  if not file then return nil end
  file:close()
  return "spec/peers/node_modules"
end

-- Files -----------------------------------------------------------------------------------------

local temporary = {}

-- The path of a new empty file, or of one with that text; gone when the specs end.
function helper.file(text)
  local path = os.tmpname()
  temporary[#temporary + 1] = path
  if text then
    local file = assert(io.open(path, "wb"))
    file:write(text)
    file:close()
  end
  return path
end

function helper.read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

-- Lists what a shell pattern or find(1) expression names, sorted.
function helper.find(expression)
  local pipe = assert(io.popen("exec env -u LD_PRELOAD find " .. expression .. " 2>/dev/null"))
  local paths = {}
  for path in pipe:lines() do paths[#paths + 1] = path end
  pipe:close()
  table.sort(paths)
  return paths
end

-- Processes -------------------------------------------------------------------------------------

local function quote(word) return "'" .. tostring(word):gsub("'", "'\\''") .. "'" end

-- A sanitizer that is preloaded into the specs belongs into Lua children and into no others, not
-- even the shell that starts them.
local function words(command)
  local list = {}
  if command[1] == helper.lua and os.getenv("LD_PRELOAD") then
    list[1] = "LD_PRELOAD=" .. quote(os.getenv("LD_PRELOAD"))
  end
  for name, value in pairs(command.env or {}) do list[#list + 1] = name .. "=" .. quote(value) end
  table.insert(list, 1, "env")
  for _, word in ipairs(command) do list[#list + 1] = quote(word) end
  return table.concat(list, " ")
end

-- Lua 5.1 answers with what wait(2) says, later ones with three values.
local function exit_status(ok, kind, code)
  if type(ok) == "number" then return ok >= 256 and math.floor(ok / 256) or ok end
  return kind == "signal" and 128 + code or code
end

-- Runs { program, arguments..., timeout = 60, input = "", env = {} } to its end. Returns its exit
-- status (124 when it took too long), stdout and stderr.
function helper.run(command)
  local out, err = helper.file(), helper.file()
  local input = command.input and helper.file(command.input) or "/dev/null"
  local line = ("exec env -u LD_PRELOAD timeout -k 2 %s %s <%s >%s 2>%s"):format(
    command.timeout or 60, words(command), quote(input), out, err)
  local status = exit_status(os.execute(line))
  return status, helper.read(out), helper.read(err)
end

-- Runs a Lua script, given as text, the same way.
function helper.run_lua(text, options)
  local command = { helper.lua, helper.file(text) }
  for key, value in pairs(options or {}) do
    if type(key) == "number" then command[key + 2] = value else command[key] = value end
  end
  return helper.run(command)
end

-- What a script prints that ends well and complains of nothing.
function helper.output_of(text, options)
  local expect = require "luassert" -- busted gives it to spec files alone
  local status, out, err = helper.run_lua(text, options)
  expect.equal("", err)
  expect.equal(0, status)
  return out
end

local process = {}
process.__index = process

-- The next line it printed, waiting for it; nil at the end. Does not turn the loop of the specs.
function process:read_line() return self.pipe:read("*l") end

-- True when it ended.
function process:done()
  return helper.read(self.status_file) ~= ""
end

function process:signal(name)
  os.execute(("exec env -u LD_PRELOAD kill -%s %d 2>/dev/null"):format(name, self.pid))
end

-- Ends it, killing it after so many seconds (10), and returns its exit status, the rest of its
-- stdout, and stderr.
function process:stop(patience)
  if self.stopped then return end
  self.stopped = true
  os.execute(([[exec env -u LD_PRELOAD sh -c 'kill -TERM %d || exit 0
    timeout %g tail --pid=%d -s 0.02 -f /dev/null || kill -KILL %d' 2>/dev/null]])
    :format(self.pid, patience or 10, self.pid, self.pid))
  return self:wait()
end

-- The same for one that ends by itself.
function process:wait()
  self.stopped = true
  local rest = self.pipe:read("*a")
  self.pipe:close()
  if self.out then rest = helper.read(self.out) end
  return tonumber(helper.read(self.status_file)), rest, helper.read(self.err)
end

-- Starts { program, arguments..., timeout = 600, env = {} } and returns at once. Its output is read
-- with read_line, or, with to_file = true, is in a file until wait returns it.
function helper.background(command)
  local self = setmetatable({ status_file = helper.file(), err = helper.file() }, process)
  local out = ""
  if command.to_file then
    self.out = helper.file()
    out = ">" .. self.out
  end
  local inner = ("echo $$ >&3; exec %s %s 2>%s 3>&-"):format(words(command), out, self.err)
  local outer = ("timeout -k 2 %s sh -c %s 3>&1 </dev/null; echo $? >%s"):format(
    command.timeout or 600, quote(inner), self.status_file)
  local line = "exec env -u LD_PRELOAD sh -c " .. quote(outer) .. " 2>/dev/null"
  self.pipe = assert(io.popen(line))
  self.pid = assert(self.pipe:read("*n"), "the process did not start")
  self.pipe:read("*l")
  return self
end

-- KiB of memory that this process has; nil where the system does not tell, and under a sanitizer,
-- which keeps what was freed.
function helper.resident()
  local file = not os.getenv("LD_PRELOAD") and io.open("/proc/self/status")
  if not file then return nil end
  local size = file:read("*a"):match("VmRSS:%s*(%d+)")
  file:close()
  return tonumber(size)
end

-- The loop --------------------------------------------------------------------------------------

-- Turns the loop until condition() is true and returns what it returned. Fails after `seconds`: 30.
function helper.wait_until(condition, what, seconds)
  seconds = seconds or 30
  local core = require "lunawire.core"
  core.step(0) -- the loop's time may be old
  local deadline = core.now() + seconds
  while true do
    local result = condition()
    if result then return result end
    if core.now() > deadline then
      error(("waited %s s for %s"):format(seconds, what or "something that did not happen"), 2)
    end
    core.step(0.02)
  end
end

-- Runs fn(limit) for what has to happen before a short time limit strikes: with 0.1 s, and if that
-- fails, as it does when the machine stood still meanwhile, with longer ones. Only what fails with
-- 12.5 s, too, is wrong. clean_up is called between.
function helper.with_limit(fn, clean_up)
  local limit = 0.1
  while true do
    local ok, problem = pcall(fn, limit)
    if ok then return end
    limit = 5 * limit
    if limit > 15 then error(problem, 0) end
    if clean_up then clean_up() end
  end
end

-- A port that is free now, for those that cannot be asked which one they took, or come back to it.
-- It is below those that systems give to connections, one of which could take it meanwhile.
function helper.free_port()
  local random = assert(io.open("/dev/urandom", "rb"))
  local server
  repeat
    local high, low = random:read(2):byte(1, 2)
    server = require("lunawire").serve {
      host = "127.0.0.1", port = 10000 + (high * 256 + low) % 20000, on_message = print,
    }
  until server
  random:close()
  local port = server.port
  server:stop() -- frees it at once
  return port
end

-- Runs a program to its end as helper.run does, and turns the loop meanwhile: for peers of a server
-- or client that lives in the specs.
function helper.drive(command)
  command.to_file, command.timeout = true, command.timeout or 120
  local peer = helper.background(command)
  helper.wait_until(function() return peer:done() end, command[1], command.timeout + 5)
  return peer:wait()
end

local function leaks()
  local ok, core = pcall(require, "lunawire.core")
  return ok and core.leaks and core.leaks() or {}
end

-- The core's hooks are set when what they call is loaded: they are no leak. Neither is what earlier
-- files left to the collector, which would hide one.
for _, name in ipairs { "lunawire", "lunawire.response", "lunawire.body" } do
  pcall(require, name)
end
collectgarbage()
local before = leaks()

-- For a spec file's `teardown(helper.check_leaks)`: nothing that the file made is alive any more.
function helper.check_leaks()
  if jit then jit.flush() end -- compiled code holds what it was specialized to
  local function worst()
    collectgarbage()
    for name, count in pairs(leaks()) do
      local more = count - (before[name] or 0)
      if more > 0 then return ("%d %s more than before"):format(more, name) end
    end
  end
  if not worst() then return end
  local core = require "lunawire.core"
  local deadline = core.now() + 30
  while worst() and core.now() < deadline do core.step(0.02) end
  local found = worst()
  if found then error("left behind: " .. found, 0) end
end

-- Fails when fn(size) takes time that grows with the square of the size: a size that is 16 times as
-- large takes 256 times as long then, and it may take no more than 64 times. What other processes
-- do only adds to a time, so both sizes have their turns until the shortest times are in
-- proportion.
function helper.expect_linear(fn)
  local function time_of(size)
    local start = os.clock()
    fn(size)
    return os.clock() - start
  end
  local size = 500
  local tick = 1e-3 -- what is faster than this cannot be compared, and does no harm
  local small, large = math.huge, math.huge
  for _ = 1, 10 do
    small = math.min(small, time_of(size))
    large = math.min(large, time_of(16 * size))
    if large <= 64 * math.max(small, tick) then return end
  end
  error(("%g s for %d, %g s for %d"):format(small, size, large, 16 * size), 2)
end

-- Runs fn(reports): what nobody handles is collected there instead of printed. Returns reports.
function helper.reports_of(fn)
  local core = require "lunawire.core"
  local reports = {}
  core.set_hook("report", function(message) reports[#reports + 1] = message end)
  local ok, message = pcall(fn, reports)
  core.set_hook("report", nil)
  if not ok then error(message, 0) end
  return reports
end

-- Removes the temporary files when the specs end.
local function remove_files()
  for _, path in ipairs(temporary) do os.remove(path) end
end
if newproxy then -- Lua 5.1 finalizes no tables
  helper.sentinel = newproxy(true)
  getmetatable(helper.sentinel).__gc = remove_files
else
  helper.sentinel = setmetatable({}, { __gc = remove_files })
end

return helper
