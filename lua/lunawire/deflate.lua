-- The option `deflate`: compression of messages with permessage-deflate (RFC 7692).
--
-- The defaults are those of a server with many connections. Without takeover every message is
-- compressed by itself, by a stream that all connections share, so that an idle connection costs as
-- much as a plain one; level 1 with a small hash table (memory_level 5) takes a third of the time
-- of level 6 and makes messages of a KiB hardly any longer. Takeover shortens many small messages
-- of the same form, and costs each connection 2^(window_bits + 2) + 2^(memory_level + 9) bytes for
-- compressing and 2^bits + 7 KiB for inflating with a peer's window of 2^bits: with the defaults
-- 32 KiB and 11 KiB where the peer lets itself be limited, else 39 KiB.

local misuse = require "lunawire.misuse"

local deflate = {}

-- Each row: name and what it does; then its default (with takeover, where that is another one) and
-- its range.
local fields = {
  { "level", "how hard to compress", default = 1, min = 1, max = 9 },
  { "memory_level", "the size of the hash table", default = 5, min = 1, max = 9 },
  { "window_bits", "at most 2^window_bits bytes back are referred to", default = 15,
    with_takeover = 12, min = 9, max = 15 },
  { "max_window_bits_of_peer", "the same for the peer, if it can be limited", default = 15,
    with_takeover = 12, min = 8, max = 15 },
  { "threshold", "messages of fewer bytes are sent as they are", default = 128, min = 0,
    max = 2 ^ 31 },
}
deflate.fields = fields

local by_name, names = {}, { "takeover" }
for _, field in ipairs(fields) do
  field.name = field[1]
  by_name[field.name] = field
  names[#names + 1] = field.name
end

local function problem_of(name, value)
  if name == "takeover" then
    return type(value) ~= "boolean"
      and ("takeover must be a boolean, not %s"):format(misuse.describe(value))
  end
  local field = by_name[name]
  if not field then
    local meant = type(name) == "string" and require "lunawire.nearest"(name, names)
    return ("has an unknown option '%s'%s"):format(tostring(name),
      meant and (": did you mean '%s'?"):format(meant) or "")
  end
  local ok = type(value) == "number" and value % 1 == 0 and value >= field.min
    and value <= field.max
  return not ok and ("%s must be a number between %d and %d, not %s"):format(name, field.min,
    field.max, misuse.describe(value))
end

-- What the core takes: false, or a table that has every field; nil when the value will not do, with
-- what is wrong in it.
function deflate.check(value)
  if type(value) == "boolean" then
    if not value then return false end
    value = {}
  end
  if type(value) ~= "table" then return nil end
  for name, given in pairs(value) do
    local problem = problem_of(name, given)
    if problem then return nil, problem end
  end
  local checked = { takeover = value.takeover or false }
  for _, field in ipairs(fields) do
    local default = checked.takeover and field.with_takeover or field.default
    checked[field.name] = value[field.name] or default
  end
  return checked
end

return deflate
