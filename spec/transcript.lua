-- The notation of the wire transcripts in spec/vectors, which vectors_spec.lua and
-- conformance_spec.lua replay. Each case of frames_*.lua and deflate_frames.lua is
--
--   name, section      of RFC 6455
--   role               "server" or "client": whose session reads it; absent: both are tried
--   feed or frames     what the peer sends
--   events             what must come out; an absent event list is an empty one
--   error, close_code  how it ends, absent when nothing is wrong
--   max_message, stream, deflate  options of the session
--
-- Bytes are parts put side by side. A part is a string of hexadecimal digits, or a table that has
-- `text` or `hex`, with `times` for a repeated one, or `mask = key` and parts to be masked with it.
-- `feed` is a string or a list of parts, taken as it is. In `frames` each frame is a table: its
-- first byte in hexadecimal, then the payload as parts or as text, hex and times of its own. Length
-- and masking are added for the role; `length` announces another length than is there, `huge` is a
-- 64-bit length in hexadecimal, and { raw = hex } are bytes as they are.
--
-- An event is { "message", kind, payload }, { "chunk", kind, payload, final = boolean } (all pieces
-- that follow each other taken together), { "ping", payload }, { "pong", payload } or
-- { "close", code = n, payload }, the payload written as in a frame.
--
-- A case with an error ends with the byte that breaks the rule: fed one by one, the bytes before it
-- must not show it, and that byte must.

local helper = require "spec.helper"

local transcript = {}

local key = "\55\250\33\61"

-- Bytes -----------------------------------------------------------------------------------------

local function from_hex(hex)
  return (hex:gsub("%s", ""):gsub("%x%x", function(digits)
    return string.char(tonumber(digits, 16))
  end))
end

local function xor(a, b)
  local result, bit = 0, 1
  for _ = 1, 8 do
    if a % 2 ~= b % 2 then result = result + bit end
    a, b, bit = math.floor(a / 2), math.floor(b / 2), bit * 2
  end
  return result
end

-- A byte of the key has 256 partners at most: each is computed once.
local function masked(payload, mask)
  local phases = {}
  for phase = 1, 4 do
    phases[phase] = setmetatable({}, { __index = function(known, byte)
      known[byte] = string.char(xor(byte:byte(), mask:byte(phase)))
      return known[byte]
    end })
  end
  local at = 0
  return (payload:gsub(".", function(byte)
    at = at % 4 + 1
    return phases[at][byte]
  end))
end

local bytes_of

local function part_bytes(part)
  if type(part) == "string" then return from_hex(part) end
  local own = part.text or part.hex and from_hex(part.hex) or ""
  local all = own:rep(part.times or 1) .. bytes_of(part, 1)
  if not part.mask then return all end
  return from_hex(part.mask) .. masked(all, from_hex(part.mask))
end

-- The parts of a list, from the given one on.
function bytes_of(list, first)
  local parts = {}
  for i = first, #list do parts[#parts + 1] = part_bytes(list[i]) end
  return table.concat(parts)
end

-- The payload of a frame or event: its own text or hex, and its parts after the first few values.
local function payload_of(t, first)
  local own = { text = t.text, hex = t.hex, times = t.times }
  return part_bytes(own) .. bytes_of(t, first)
end

local function length_bytes(length, mask_bit)
  if length < 126 then return string.char(mask_bit + length) end
  local size, first = 2, 126
  if length > 65535 then size, first = 8, 127 end
  local digits = ("%0" .. size * 2 .. "x"):format(length)
  return string.char(mask_bit + first) .. from_hex(digits)
end

local function frame_bytes(frame, role)
  if frame.raw then return from_hex(frame.raw) end
  local payload = payload_of(frame, 2)
  local mask_bit = role == "server" and 128 or 0
  local length = frame.huge and string.char(mask_bit + 127) .. from_hex(frame.huge)
    or length_bytes(frame.length or #payload, mask_bit)
  if role == "server" then payload = key .. masked(payload, key) end
  return from_hex(frame[1]) .. length .. payload
end

-- What the peer of that role's other end sends.
function transcript.wire_of(case, role)
  if type(case.feed) == "string" then return from_hex(case.feed) end
  if case.feed then return bytes_of(case.feed, 1) end
  local frames = {}
  for i, frame in ipairs(case.frames) do frames[i] = frame_bytes(frame, role) end
  return table.concat(frames)
end

-- Events ----------------------------------------------------------------------------------------

-- As tables with type, kind, data, code and final.
function transcript.expected_events(case)
  local events = {}
  for i, event in ipairs(case.events or {}) do
    local has_kind = event[1] == "message" or event[1] == "chunk"
    events[i] = {
      type = event[1], kind = has_kind and event[2] or nil, code = event.code,
      final = event.final, data = payload_of(event, has_kind and 3 or 2),
    }
  end
  return events
end

transcript.from_hex, transcript.masked, transcript.frame_bytes = from_hex, masked, frame_bytes

-- Files -----------------------------------------------------------------------------------------

-- Calls visit(path, cases) for every file of transcripts.
function transcript.each_file(visit)
  local names = "-name 'frames_*.lua' -o -name 'deflate_frames.lua'"
  for _, path in ipairs(helper.find("spec/vectors " .. names)) do visit(path, dofile(path)) end
end

-- Calls visit(case, role) for every role in which a case is to be replayed.
function transcript.each_role(cases, visit)
  for _, case in ipairs(cases) do
    for _, role in ipairs(case.role and { case.role } or { "client", "server" }) do
      visit(case, role)
    end
  end
end

-- What the test of a case is called.
function transcript.title(case, role)
  return ("%s (%s, section %s)"):format(case.name, role, case.section)
end

return transcript
