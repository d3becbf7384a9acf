-- Runs the matrix: lua5.4 bench/bench.lua [--rounds N] [--seconds S] [--only CELLS]
-- [--servers NAMES]. `./dev bench` builds what it needs first. CELLS and NAMES are parts of names
-- with commas between them, as in --only "20 B,publish".
--
-- The rounds are interleaved: in each, every server has its turn, so that what else the machine
-- does meets all of them. What is reported is the median of the rounds. Writes
-- build/bench/results.json, a table and a plot per group.

package.path = "bench/?.lua;" .. package.path
local matrix = require "matrix"
local process = require "process"
local report = require "report"

local options = { rounds = 5, seconds = 1, only = "", servers = "", against = "uWebSockets" }
for i = 1, #arg, 2 do
  local name = arg[i]:match "^%-%-(%a+)$"
  if not name or options[name] == nil or not arg[i + 1] then error("unknown option " .. arg[i]) end
  options[name] = tonumber(arg[i + 1]) or arg[i + 1]
end

local groups = {
  { "echo", "Echo: server CPU per message" },
  { "depth", "Echo, 16 messages in flight: server CPU per message" },
  { "publish", "Publish: server CPU per delivery" },
  { "tls", "Echo over TLS: server CPU per message" },
  { "deflate", "Echo with permessage-deflate, no takeover: server CPU per message" },
  { "churn", "Connections: server CPU for connect, upgrade and close" },
  { "idle", "Memory per idle connection" },
  { "growth", "10,000 connections: server CPU per message" },
}

-- Whether a name has one of the parts in it; every name has the empty part.
local function is_meant(name, parts)
  for part in (tostring(parts) .. ","):gmatch "([^,]*)," do
    if name:find(part, 1, true) then return true end
  end
  return false
end

local function selected_servers()
  local list = {}
  for _, server in ipairs(matrix.servers) do
    local is_wanted = is_meant(server.name, options.servers)
    if is_wanted and process.exists(server.needs) then
      list[#list + 1] = server
    elseif is_wanted then
      io.stderr:write(server.name, ": not here, left out\n")
    end
  end
  if #list == 0 then error("no server has such a name") end
  return list
end

-- The memory of a server is looked at when it is fresh; else one process serves all rounds.
local function measure(entry, cell, running)
  local server, message = running[entry]
  if not server then
    server, message = process.start(entry, cell)
    if not server then return nil, message end
  end
  local figures
  figures, message = process.load(server, cell, options.seconds)
  if cell.mode == "idle" then process.stop(server) else running[entry] = server end
  return figures, message
end

local function run_cell(cell, servers)
  local runs, running = {}, {}
  for round = 1, options.rounds do
    for _, entry in ipairs(servers) do
      if matrix.fits(entry, cell) and (round == 1 or not entry.slow) then
        local figures, message = measure(entry, cell, running)
        if figures then
          runs[entry.name] = runs[entry.name] or {}
          table.insert(runs[entry.name], report.figure(figures, cell))
        else
          io.stderr:write(("%s, %s: %s\n"):format(entry.name, cell.name, message))
        end
      end
    end
  end
  for _, server in pairs(running) do process.stop(server) end
  return runs
end

-- The first server's cost of a small message by the number of connections.
local function growth(rows, server)
  local points = {}
  for _, row in ipairs(rows) do
    local cell, value = row.cell, row.medians[server.name]
    local is_plain = cell.mode == "echo" and not (cell.depth or cell.tls or cell.deflate)
    if value and is_plain and cell.size == 20 then
      points[#points + 1] = { number = cell.conns, value = value }
    end
  end
  return points
end

local servers = selected_servers()
local results = {}
for _, cell in ipairs(matrix.cells) do
  if is_meant(cell.name, options.only) or is_meant(cell.group, options.only) then
    local row = { cell = cell, runs = run_cell(cell, servers), medians = {} }
    for name, list in pairs(row.runs) do row.medians[name] = report.median(list) end
    results[#results + 1] = row
    io.stderr:write(report.line(row, servers, options.against), "\n") -- a long run can be watched
  end
end

report.write("results.json", report.json(results) .. "\n")
local text = report.table(results, servers, options.against)
report.write("results.md", text)
for _, group in ipairs(groups) do
  local rows = {}
  for _, row in ipairs(results) do
    if row.cell.group == group[1] then rows[#rows + 1] = row end
  end
  if #rows > 0 then report.write(group[1] .. ".svg", report.plot(group[2], rows, servers)) end
end
local points = growth(results, servers[1])
if #points > 1 then
  report.write("growth_connections.svg",
    report.curve("Echo of 20 B with N connections, " .. servers[1].name, points, "µs"))
end
io.write(text)
