-- How costs grow with numbers: lua5.4 bench/growth.lua. Writes build/bench/growth.json and a plot
-- of each curve. Time is the processor's, of this process alone.

package.path = "bench/?.lua;" .. package.path
local report = require "report"
local ws = require "lunawire"

-- Peers in this process ---------------------------------------------------------------------------

-- A server's connection and the client at its other end.
local function pair(options)
  local theirs
  options.port, options.ping_interval = 0, 0
  options.on_open = function(conn) theirs = conn end
  local server = assert(ws.serve(options))
  local client = assert(ws.connect(("ws://127.0.0.1:%d/"):format(server.port),
    { max_message = "1G", ping_interval = 0 }))
  while not theirs do ws.step() end
  return theirs, client, server
end

-- Microseconds that each of `count` calls took.
local function cost(count, fn)
  local before = os.clock()
  for i = 1, count do fn(i) end
  return (os.clock() - before) / count * 1e6
end

local function peak_memory()
  for line in io.lines "/proc/self/status" do
    local kib = line:match "^VmHWM:%s*(%d+)"
    if kib then return tonumber(kib) / 1024 end
  end
end

-- Curves ------------------------------------------------------------------------------------------

local function topics(count)
  local conn, client, server = pair { on_message = print, max_topics = 2000000 }
  for i = 1, count do assert(conn:subscribe("topic " .. i)) end
  client:pause()
  local step = math.max(1, count // 10000)
  local publish = cost(10000, function(i)
    server:publish("topic " .. (i * step - 1) % count + 1, "x")
  end)
  client:terminate()
  server:stop()
  while ws.step() do end -- luacheck: ignore 542
  return publish
end

local function timers(count)
  local fired, list = 0, {}
  for i = 1, count do
    list[i] = ws.every(0.1 + 0.1 * i / count, function() fired = fired + 1 end)
  end
  local wanted = math.max(4000, 2 * count)
  local before = os.clock()
  while fired < wanted do ws.step() end
  local used = (os.clock() - before) / fired * 1e6
  for _, timer in ipairs(list) do timer:stop() end
  while ws.step() do end -- luacheck: ignore 542
  return used
end

-- The highest memory of both ends while a message of so many MiB passes in pieces.
local function stream(mebibytes)
  local received, over = 0, false
  local conn, client, server = pair {
    max_message = "1G",
    on_chunk = function(_, chunk, _, final) received, over = received + #chunk, final end,
  }
  local writer, piece = client:stream "binary", ("x"):rep(65536)
  for i = 1, mebibytes * 16 do
    writer[i == mebibytes * 16 and "finish" or "write"](writer, piece)
    while client.buffered > 0 do ws.step() end
  end
  while not over do ws.step() end
  assert(received == mebibytes * 2 ^ 20)
  conn:close()
  server:stop()
  while ws.step() do end -- luacheck: ignore 542
  return peak_memory()
end

local curves = { -- memory first: its peak is the process's
  { name = "stream", title = "Memory of both ends while N MiB stream", unit = "MiB",
    measure = stream, numbers = { 1, 16, 64, 256 } },
  { name = "topics", title = "Publishing to one of N topics", unit = "µs", measure = topics,
    numbers = { 100, 1000, 10000, 100000, 1000000 } },
  { name = "timers", title = "A call of one of N timers", unit = "µs", measure = timers,
    numbers = { 100, 1000, 10000, 100000 } },
}

local results = {}
for _, curve in ipairs(curves) do
  local points = {}
  for _, number in ipairs(curve.numbers) do
    local value = curve.measure(number)
    points[#points + 1] = { number = number, value = value }
    print(("%-40s N = %8d: %8.2f %s"):format(curve.title, number, value, curve.unit))
  end
  results[#results + 1] = { name = curve.name, title = curve.title, unit = curve.unit,
    points = points }
  report.write("growth_" .. curve.name .. ".svg", report.curve(curve.title, points, curve.unit))
end
report.write("growth.json", report.json(results) .. "\n")
