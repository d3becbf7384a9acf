-- Header values that carry parameters: 'form-data; name="a"' (RFC 9110 section 5.6.6), and lists of
-- them with weights: "gzip;q=0.5, br" (section 12.4.2). Pure, and linear in the size of the text.

local trim = require "lunawire.trim"

local parameters = {}

-- A quoted string that begins at a position: its text and the position behind it; nil when it does
-- not end. Only a quote and a backslash are ever escaped: what some browsers send has backslashes
-- of a path, which mean themselves.
local function read_quoted(text, start)
  local at = start + 1
  while true do
    local found = text:find('["\\]', at)
    if not found then return nil end
    if text:sub(found, found) == '"' then
      return text:sub(start + 1, found - 1):gsub('\\(["\\])', "%1"), found + 1
    end
    at = found + (text:find('^["\\]', found + 1) and 2 or 1)
  end
end

-- What stands between two semicolons, and the position of the second one or of the end.
local function read_plain(text, start)
  local stop = text:find(";", start, true) or #text + 1
  return trim(text:sub(start, stop - 1)), stop
end

-- One parameter: name, value and the position of what follows it. The name is in lower case.
local function read_parameter(text, from)
  local name, start = text:match("^([^=;%s]+)=()", from)
  if not name then return nil end
  local read = text:sub(start, start) == '"' and read_quoted or read_plain
  local value, stop = read(text, start)
  if value then return name:lower(), value, text:find("%S", stop) or #text + 1 end
end

-- The value in front, in lower case, and a table of its parameters: of several with one name the
-- first. Nil when the text is malformed.
function parameters.parse(text)
  local value, at = read_plain(text, 1)
  if value == "" then return nil end
  local found = {}
  while at <= #text do
    if text:sub(at, at) ~= ";" then return nil end
    local from = text:find("%S", at + 1)
    if not from then break end
    local name, parameter, after = read_parameter(text, from)
    if not name then return nil end
    if found[name] == nil then found[name] = parameter end
    at = after
  end
  return value:lower(), found
end

-- Whether a list such as Accept-Encoding takes a coding: named with a weight above 0, or not named
-- where "*" is.
function parameters.accepts(list, coding)
  local any = false
  for element in (list or ""):gmatch("[^,]+") do
    local name, given = parameters.parse(element)
    local wanted = name and not (given.q and given.q:find("^0%.?0*$"))
    if name == coding then return wanted end
    if name == "*" then any = wanted end
  end
  return any
end

return parameters
