-- Counts the instructions that our server spends on a message outside of the kernel, by valgrind's
-- callgrind, and compares them with what bench/budget.lua allows: lua5.4 bench/instructions.lua
--
-- Time on a shared machine is noise; instructions are the same every time. A scenario that takes
-- 5 % more than its budget fails; one that takes 5 % less asks for a new budget, or what was won
-- could be lost again unnoticed.

package.path = "bench/?.lua;" .. package.path
local budget = require "budget"
local process = require "process"

local FEW, MANY, TOLERANCE = 2000, 12000, 0.05

local server = {
  name = "lunawire",
  env = { LUA_PATH = "lua/?.lua;lua/?/init.lua;;", LUA_CPATH = "build/lua5.4/?.so;;" },
  command = "valgrind -q --tool=callgrind --callgrind-out-file=build/bench/callgrind.out "
    .. "lua5.4 bench/servers/lunawire.lua",
}

-- All instructions of a server that handles so many messages.
local function total(scenario, count)
  local running, message = process.start(server, scenario)
  if not running then error(message) end
  local figures
  figures, message = process.load(running, scenario, 0, count)
  process.stop(running)
  if not figures then error(message) end
  for line in io.lines "build/bench/callgrind.out" do
    local sum = line:match "^summary: (%d+)" or line:match "^totals: (%d+)"
    if sum then return tonumber(sum), figures.count end
  end
  error("callgrind counted nothing")
end

-- Starting and ending cost the same with few and with many.
local function per_message(scenario)
  local few, few_count = total(scenario, FEW)
  local many, many_count = total(scenario, MANY)
  return (many - few) / (many_count - few_count)
end

local failed = 0
for _, scenario in ipairs(budget) do
  local count = per_message(scenario)
  local share = count / scenario.budget - 1
  local verdict = "ok"
  if math.abs(share) > TOLERANCE then
    failed = failed + 1
    verdict = share > 0 and "TOO MANY" or "fewer: lower its budget in bench/budget.lua"
  end
  print(("%-28s %6.0f instructions per message, budget %5d (%+.1f %%): %s"):format(scenario.name,
    count, scenario.budget, 100 * share, verdict))
end
print(("%d passed, %d failed"):format(#budget - failed, failed))
os.exit(failed == 0)
