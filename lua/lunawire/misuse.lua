-- Errors about wrong use, raised where the script made the mistake and not where it was noticed.

local misuse = {}

-- "@/usr/share/lua/5.4/lunawire/": what the source of every file of this library begins with. Nil
-- when the library was loaded in some other way than from files.
local home = debug.getinfo(1, "S").source:match("^@.*[/\\]")

-- Lua 5.1 keeps a place on the stack for each tail call, which belongs to nobody.
local function is_ours(frame)
  return frame and (frame.what == "tail" or home and frame.source:sub(1, #home) == home)
end

-- Raises string.format(message, ...) with the position of the script's call that led here.
function misuse.raise(message, ...)
  if select("#", ...) > 0 then message = message:format(...) end
  local level = 2
  while is_ours(debug.getinfo(level, "S")) do level = level + 1 end
  error(message, level)
end

-- What a value is, for "must be ..., not <this>".
function misuse.describe(value)
  local kind = type(value)
  if kind == "nil" then return "nothing" end
  if kind == "boolean" or kind == "number" then return tostring(value) end
  return (kind == "userdata" and "an object") or "a " .. kind
end

-- Raises unless the value has the type; returns it.
function misuse.expect(name, value, kind)
  if type(value) ~= kind then
    misuse.raise("%s must be a %s, not %s", name, kind, misuse.describe(value))
  end
  return value
end

-- Raises unless a method of a connection or a server was called on one: `conn.receive()` is not.
function misuse.expect_self(object, call)
  if type(object) ~= "userdata" then misuse.raise("write %s, with a colon", call) end
end

-- Raises unless the value is a time to wait; returns it. `value == value` is false for NaN alone.
function misuse.expect_seconds(name, value)
  misuse.expect(name, value, "number")
  if value < 0 or value ~= value or value > 1e9 then
    misuse.raise("%s must be a number of seconds from 0 to 1e9, not %s", name, tostring(value))
  end
  return value
end

return misuse
