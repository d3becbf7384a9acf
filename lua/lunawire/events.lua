-- Server-sent events: res:events(). The format is that of the HTML standard, section 9.2.

local misuse = require "lunawire.misuse"

local events = {}

local Events = {}
local Metatable = { __index = Events }

-- What may stand in a field of one line.
local function check_line(name, value)
  if type(value) == "number" then value = tostring(value) end
  misuse.expect(name, value, "string")
  if value:find("[\r\n%z]") then misuse.raise("the %s of an event must be one line", name) end
  return value
end

-- One "name: line" for each line of the text: CR LF, CR and LF all end one.
local function append_lines(parts, name, text)
  text = text:gsub("\r\n?", "\n")
  for line in (text .. "\n"):gmatch("(.-)\n") do
    parts[#parts + 1] = name .. ": " .. line .. "\n"
  end
end

local known = { data = true, event = true, id = true, retry = true }

local function format(event)
  for name in pairs(event) do
    if not known[name] then
      misuse.raise("an event has data, event, id and retry, and no %s", tostring(name))
    end
  end
  local parts = {}
  if event.event then parts[#parts + 1] = "event: " .. check_line("event", event.event) .. "\n" end
  if event.id then parts[#parts + 1] = "id: " .. check_line("id", event.id) .. "\n" end
  if event.retry then
    misuse.expect_seconds("retry", event.retry)
    parts[#parts + 1] = ("retry: %.0f\n"):format(event.retry * 1000)
  end
  if event.data then append_lines(parts, "data", misuse.expect("data", event.data, "string")) end
  parts[#parts + 1] = "\n"
  return table.concat(parts)
end

-- Sends an event: its data, or { data =, event =, id =, retry = seconds }. Returns what res:write
-- returns.
function Events:send(event)
  if type(event) == "string" then event = { data = event } end
  misuse.expect("the event", event, "table")
  return self.response:write(format(event))
end

-- Sends a line that clients pass over: it keeps proxies from giving up on a quiet connection.
function Events:comment(text)
  local parts = {}
  append_lines(parts, "", text == nil and "" or misuse.expect("the comment", text, "string"))
  return self.response:write(table.concat(parts) .. "\n")
end

-- Ends the stream. A browser connects again, unless it is told otherwise (status 204).
function Events:close()
  if not self.response.finished then return self.response:finish() end
end

function events.new(res)
  res:header("Content-Type", "text/event-stream")
  res:header("Cache-Control", "no-store")
  local self = setmetatable({ response = res }, Metatable)
  res:write("") -- the head, so that the client knows at once
  return self
end

events.methods = Events

return events
