-- Replays the wire transcripts of spec/vectors/*frames*.lua at every chunk size. Each case is
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
local protocol = require("lunawire.core").protocol

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

local function wire_of(case, role)
  if type(case.feed) == "string" then return from_hex(case.feed) end
  if case.feed then return bytes_of(case.feed, 1) end
  local frames = {}
  for i, frame in ipairs(case.frames) do frames[i] = frame_bytes(frame, role) end
  return table.concat(frames)
end

-- Events ----------------------------------------------------------------------------------------

local function expected_events(case)
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

-- Adds the events that are there; a chunk goes to the one before it when that is not final.
local function collect(session, events)
  for event in session:events() do
    local last = events[#events]
    if event.type == "chunk" and last and last.type == "chunk" and not last.final then
      last.data, last.final = last.data .. event.data, event.final
    else
      events[#events + 1] = event
    end
  end
end

local function new_session(case, role)
  return protocol.session {
    role = role, max_message = case.max_message, stream = case.stream, deflate = case.deflate,
  }
end

local function check_end(session, case, events, role)
  local code, text, close_code = session:error()
  assert.equal(case.error, code)
  assert.equal(case.close_code, close_code)
  assert.equal(case.error ~= nil, type(text) == "string")
  local last = events[#events]
  if not code and not (last and last.type == "close") then return end
  -- Nothing is delivered any more, and the error stays.
  local count = #events
  session:feed(frame_bytes({ "89", text = "?" }, role))
  collect(session, events)
  assert.equal(count, #events)
  assert.equal(case.error, (session:error()))
end

local function replay(case, role, wire, size)
  local session, events = new_session(case, role), {}
  for at = 1, #wire, size do
    if case.error and at + size > #wire then assert.is_nil(session:error()) end
    session:feed(wire:sub(at, at + size - 1))
    collect(session, events)
  end
  local expected = expected_events(case)
  if #wire > 1000 then -- a difference would fill the screen
    assert.equal(#expected, #events)
    for i, event in ipairs(expected) do
      for name, value in pairs(event) do assert.is_true(value == events[i][name], name) end
    end
  else
    assert.same(expected, events)
  end
  check_end(session, case, events, role)
end

-- Every size for what is short; for the rest those at which lengths and buffers change their form.
local function sizes_for(length)
  local sizes = {}
  if length <= 300 then
    for size = 1, length do sizes[size] = size end
    return sizes
  end
  local edges = { 2, 3, 7, 13, 14, 64, 125, 126, 127, 128, 1000, 4096, 16384, 65535, 65536, length }
  if length < 10000 then table.insert(edges, 1, 1) end
  for _, size in ipairs(edges) do
    if size <= length then sizes[#sizes + 1] = size end
  end
  return sizes
end

local function check(case, role)
  local wire = wire_of(case, role)
  for _, size in ipairs(sizes_for(#wire)) do
    local ok, problem = pcall(replay, case, role, wire, size)
    if not ok then error(("in pieces of %d: %s"):format(size, tostring(problem)), 0) end
  end
end

local paths = helper.find "spec/vectors -name 'frames_*.lua' -o -name 'deflate_frames.lua'"

for _, path in ipairs(paths) do
  describe(path, function()
    for _, case in ipairs(dofile(path)) do
      for _, role in ipairs(case.role and { case.role } or { "client", "server" }) do
        it(("%s (%s, section %s)"):format(case.name, role, case.section), function()
          check(case, role)
        end)
      end
    end
  end)
end
