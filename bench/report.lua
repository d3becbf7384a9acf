-- Figures as a table for people, as JSON and as plots.

local report = {}

-- The figure of a cell: microseconds of the server per message, or bytes per connection.
function report.figure(run, cell) return cell.mode == "idle" and run.bytes or run.cpu_us end

function report.median(list)
  if #list == 0 then return nil end
  local sorted = { table.unpack(list) }
  table.sort(sorted)
  local middle = (#sorted + 1) // 2
  return #sorted % 2 == 1 and sorted[middle] or (sorted[middle] + sorted[middle + 1]) / 2
end

local function show(value)
  if not value then return "-" end
  if value >= 100 then return ("%.0f"):format(value) end
  return (value >= 10 and "%.1f" or "%.2f"):format(value)
end

-- A row of the table: the medians of a cell, and the ratio of the first server to that one.
function report.line(row, servers, against)
  local words = { ("| %s, %s"):format(row.cell.name, row.cell.unit) }
  for _, server in ipairs(servers) do words[#words + 1] = show(row.medians[server.name]) end
  local own, other = row.medians[servers[1].name], row.medians[against]
  words[#words + 1] = own and other and ("%.2f"):format(own / other) or "-"
  return table.concat(words, " | ") .. " |"
end

-- A Markdown table: a row per cell, a column per server, and how ours compares to one other.
function report.table(results, servers, against)
  local lines = {}
  local head, rule = { "|", }, { "|---" }
  for _, server in ipairs(servers) do
    head[#head + 1] = " | " .. server.name
    rule[#rule + 1] = "|--:"
  end
  lines[1] = table.concat(head) .. (" | ratio to %s |"):format(against)
  lines[2] = table.concat(rule) .. "|--:|"
  for _, row in ipairs(results) do lines[#lines + 1] = report.line(row, servers, against) end
  return table.concat(lines, "\n") .. "\n"
end

-- JSON -------------------------------------------------------------------------------------------

local encode

local function encode_table(value)
  local parts = {}
  if #value > 0 or next(value) == nil then
    for _, item in ipairs(value) do parts[#parts + 1] = encode(item) end
    return "[" .. table.concat(parts, ",") .. "]"
  end
  local names = {}
  for name in pairs(value) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do parts[#parts + 1] = encode(name) .. ":" .. encode(value[name]) end
  return "{" .. table.concat(parts, ",") .. "}"
end

function encode(value)
  if type(value) == "table" then return encode_table(value) end
  if type(value) == "string" then return '"' .. value:gsub('[\\"]', "\\%0") .. '"' end
  return tostring(value)
end
report.json = encode

-- Plots ------------------------------------------------------------------------------------------

local colours = { "#2457c5", "#6f9bf0", "#d1495b", "#edae49", "#66a182", "#8d6a9f", "#8c8c8c",
  "#b5651d", "#30343f", "#9aa0a6" }

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;" }

local function escape(text) return (text:gsub("[&<>]", entities)) end

-- One group as bars beside each other. Each cell has a scale of its own: what counts is how the
-- servers compare.
function report.plot(title, results, servers)
  local bar, gap, left, width = 14, 26, 190, 860
  local parts, y = {}, 40
  local function add(...) parts[#parts + 1] = (...):format(select(2, ...)) end
  for _, row in ipairs(results) do
    local most = 0
    for _, value in pairs(row.medians) do most = math.max(most, value) end
    add('<text x="10" y="%d" font-weight="bold">%s</text>', y + 12, escape(row.cell.name))
    y = y + 20
    for i, server in ipairs(servers) do
      local value = row.medians[server.name]
      if value then
        local size = math.max(1, value / most * (width - left - 90))
        add('<text x="%d" y="%d" text-anchor="end">%s</text>', left - 8, y + 11,
          escape(server.name))
        add('<rect x="%d" y="%d" width="%.1f" height="%d" fill="%s"/>', left, y, size, bar - 2,
          colours[(i - 1) % #colours + 1])
        add('<text x="%.1f" y="%d">%s %s</text>', left + size + 6, y + 11, show(value),
          row.cell.unit)
        y = y + bar
      end
    end
    y = y + gap
  end
  return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
    .. 'font-size="12"><rect width="100%%" height="100%%" fill="#fff"/><text x="10" y="24" '
    .. 'font-size="16">%s</text>%s</svg>\n'):format(width, y, escape(title), table.concat(parts))
end

-- One value against numbers that grow by powers of ten.
function report.curve(title, points, unit)
  local left, width, top, height = 70, 620, 50, 240
  local first, last, most = points[1].number, points[#points].number, 0
  for _, point in ipairs(points) do most = math.max(most, point.value) end
  local parts, path = {}, {}
  for i, point in ipairs(points) do
    local x = left + math.log(point.number / first) / math.log(last / first) * (width - left - 60)
    local y = top + (1 - point.value / (most * 1.2)) * height
    path[i] = ("%.1f,%.1f"):format(x, y)
    parts[i] = ('<circle cx="%.1f" cy="%.1f" r="4" fill="%s"/><text x="%.1f" y="%.1f">%s %s</text>'
      .. '<text x="%.1f" y="%d" text-anchor="middle">%d</text>'):format(x, y, colours[1], x - 10,
      y - 10, show(point.value), unit, x, top + height + 18, point.number)
  end
  return ('<svg xmlns="http://www.w3.org/2000/svg" width="%d" height="%d" font-family="sans-serif" '
    .. 'font-size="12"><rect width="100%%" height="100%%" fill="#fff"/><text x="10" y="24" '
    .. 'font-size="16">%s</text><path d="M%d %dH%d" stroke="#999"/><polyline points="%s" '
    .. 'fill="none" stroke="%s" stroke-width="2"/>%s</svg>\n'):format(width, top + height + 36,
    escape(title), left, top + height, width - 20, table.concat(path, " "), colours[1],
    table.concat(parts))
end

function report.write(name, text)
  local file = assert(io.open("build/bench/" .. name, "w"))
  file:write(text)
  file:close()
end

return report
