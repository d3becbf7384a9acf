-- A finalizer that runs at a chosen one of the moments at which Lua allocates. For scripts in a
-- process of their own: the collector makes a whole round at each, which takes long where the heap
-- is large.

local finalizers = {}

local left, call -- how many moments, and what is called at the last one; nil: nothing any more

-- The size of a step is something that only Lua 5.4 has.
local function set_collector(pause, multiplier, step_size)
  collectgarbage("setpause", pause)
  collectgarbage("setstepmul", multiplier)
  pcall(collectgarbage, "incremental", pause, multiplier, step_size)
  collectgarbage() -- what was set counts from the next round on
end

-- A round as soon as anything is allocated, and all of it at once.
local function make_eager() set_collector(0, 1000000, 24) end
local function make_usual() set_collector(200, 200, 13) end

-- Makes garbage whose finalizer is `fn`.
local function arm(fn)
  if newproxy then -- Lua 5.1 finalizes no tables
    getmetatable(newproxy(true)).__gc = fn
  else
    setmetatable({}, { __gc = fn })
  end
end

local function finalize()
  if not call then return end
  left = left - 1
  if left > 0 then
    arm(finalize)
  else
    local fn = call
    call = nil
    fn()
  end
end

-- Calls fn(), which must not throw, at the moment of that number from now on.
function finalizers.set(moment, fn)
  make_eager()
  left, call = moment, fn
  arm(finalize)
end

-- Nothing is called any more, and the collector works as it usually does.
function finalizers.stop()
  call = nil
  make_usual()
end

return finalizers
