-- A busted helper that counts which lines of lua/ ran and writes build/coverage/lua.txt. Which
-- lines could run is what luac lists, without the bare returns that end functions and the entry of
-- the file.

local busted = require "busted"
local ran = {}

local function hook(_, line)
  local source = debug.getinfo(2, "S").source:match "^@(lua/.*)"
  if not source then return end
  ran[source] = ran[source] or {}
  ran[source][line] = true
end

-- A hook belongs to one thread: also to new coroutines, and to those that the C module made.
local create = coroutine.create
local function hooked(fn)
  local thread = create(fn)
  debug.sethook(thread, hook, "l")
  return thread
end
coroutine.create = hooked
function coroutine.wrap(fn)
  local thread = hooked(fn)
  local function pass(ok, ...)
    if not ok then error((...), 0) end
    return ...
  end
  return function(...) return pass(coroutine.resume(thread, ...)) end
end
busted.subscribe({ "test", "start" }, function()
  for _, value in pairs(debug.getregistry()) do
    if type(value) == "thread" then debug.sethook(value, hook, "l") end
  end
  debug.sethook(hook, "l")
  return nil, true
end)

local function lines_of(path)
  local lines = {}
  for line, operation in io.popen("luac5.4 -l -p " .. path):read("*a"):gmatch "%[(%d+)%]%s+(%u+)" do
    if not operation:find "^RETURN" and operation ~= "VARARGPREP" then
      lines[tonumber(line)] = true
    end
  end
  return lines
end

busted.subscribe({ "suite", "end" }, function()
  debug.sethook()
  local total, hit, details = 0, 0, {}
  -- meta*.lua hold type annotations only and are never loaded.
  for path in io.popen("find lua -name '*.lua' ! -name 'meta*.lua' | sort"):lines() do
    local missed = {}
    for line in pairs(lines_of(path)) do
      total = total + 1
      if ran[path] and ran[path][line] then hit = hit + 1 else missed[#missed + 1] = line end
    end
    table.sort(missed)
    details[#details + 1] = path .. " not run: " .. table.concat(missed, " ")
  end
  local file = assert(io.open("build/coverage/lua.txt", "w"))
  file:write(("lua/lunawire lines %5.1f %%\n"):format(100 * hit / total))
  file:write(table.concat(details, "\n"), "\n")
  file:close()
  return nil, true
end)
