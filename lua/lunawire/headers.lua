-- Header fields: from what scripts write to the core's array of names and values, and from that
-- array to what scripts read.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local trim = require "lunawire.trim"

local headers = {}

-- Raises unless the value may be sent in a field of that name. Values may be numbers; returns the
-- value as a string.
function headers.check_value(name, value)
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then
    misuse.raise("the header field %s must be a string, not %s", name, misuse.describe(value))
  end
  if not core.is_value(value) then
    misuse.raise("the value of the header field %s has a control character", name)
  end
  return value
end

-- The same for name and value. What lunawire writes itself is refused: a second field of that name
-- would contradict the first, or worse, let what follows be read as another message.
function headers.check(name, value)
  if type(name) ~= "string" or not core.is_token(name) then
    misuse.raise("%s is not the name of a header field",
      type(name) == "string" and ("%q"):format(name) or misuse.describe(name))
  end
  if core.is_reserved(name) or name:lower():find("^sec%-websocket%-") then
    misuse.raise("the header field %s is written by lunawire", name)
  end
  return headers.check_value(name, value)
end

-- Appends a field; a table of values makes one field each.
local function append(array, name, value)
  for _, one in ipairs(type(value) == "table" and value or { value }) do
    array[#array + 1] = tostring(name)
    array[#array + 1] = headers.check(name, one)
  end
end

-- { Name = "value", Other = { "one", "two" } } -> { "Name", "value", "Other", "one", ... }. Sorted
-- by name, so that a script sends the same bytes each time. Raises on what may not be sent.
function headers.to_array(fields)
  misuse.expect("headers", fields, "table")
  local names, array = {}, {}
  for name in pairs(fields) do
    if type(name) ~= "string" then
      misuse.raise("headers must be a table of names and values: { [\"X-Name\"] = \"value\" }")
    end
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do append(array, name, fields[name]) end
  return array
end

-- What joins the values of a field that came in several lines. Cookies and dates have commas of
-- their own, so these two are joined by what cannot be part of a value.
local separators = { ["cookie"] = "; ", ["set-cookie"] = "\n" }

-- { "Name", "value", "name", "other" } -> { name = "value, other" }: names in lower case, several
-- fields of one name joined as RFC 9110 section 5.3 allows.
function headers.to_table(array)
  local fields = {}
  for i = 1, #array, 2 do
    local name, value = array[i]:lower(), array[i + 1]
    local before = fields[name]
    fields[name] = before and before .. (separators[name] or ", ") .. value or value
  end
  return fields
end

-- The elements of a comma-separated field, without the white space around them.
function headers.elements(value)
  local elements = {}
  for element in (value or ""):gmatch("[^,]+") do
    element = trim(element)
    if element ~= "" then elements[#elements + 1] = element end
  end
  return elements
end

return headers
