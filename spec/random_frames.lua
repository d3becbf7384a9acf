-- Random sequences of frames, valid and not, each with what RFC 6455 and RFC 7692 have whoever gets
-- them do: for differential_spec.lua. A number makes the same sequence everywhere.

local chance = require "spec.chance"
local protocol = require("lunawire.core").protocol
local raw = require "spec.raw_peer"
local transcript = require "spec.transcript"

local random_frames = {}
local between, one_in, pick = chance.between, chance.one_in, chance.pick

-- Payloads --------------------------------------------------------------------------------------

local characters = {
  "a", "Z", " ", "\0", "\127", "\194\128", "\195\164", "\223\191", "\224\160\128", "\226\130\172",
  "\237\159\191", "\238\128\128", "\239\187\191", "\239\191\191", "\240\144\128\128",
  "\240\159\152\128", "\244\143\191\191",
}
local bad_characters = {
  "\128", "\191", "\192\175", "\193\191", "\224\128\128", "\224\159\191", "\237\160\128",
  "\237\191\191", "\240\128\128\128", "\240\143\191\191", "\244\144\128\128", "\245\128\128\128",
  "\248\136\128\128\128", "\252", "\254", "\255", "\195(", "\226\130(", "\240\159\152(", "\195\195",
}
local cut_characters = { "\195", "\226", "\226\130", "\240", "\240\159", "\240\159\152" }

local function length()
  return pick { 0, 1, 2, between(3, 20), between(3, 20), 60, 125, 126, 300 }
end

local function text_of(count)
  local parts = {}
  for i = 1, count do parts[i] = pick(characters) end
  return table.concat(parts)
end

local function bytes_of(count)
  local parts = {}
  for i = 1, count do parts[i] = string.char(between(0, 255)) end
  return table.concat(parts)
end

local function long_length() return one_in(60) and pick { 65535, 65536, 70000 } end

-- Text that is not UTF-8: a bad character somewhere, or one that breaks off at the end.
local function bad_text()
  if one_in(4) then return text_of(between(0, 30)) .. pick(cut_characters) end
  return text_of(between(0, 30)) .. pick(bad_characters) .. text_of(between(0, 30))
end

-- Frames ----------------------------------------------------------------------------------------

local from_client -- whether the frames come from a client, and are masked

local function mask(payload)
  if not from_client then return payload end
  local key = bytes_of(4)
  return key .. transcript.masked(payload, key)
end

-- The second byte of a head.
local function length_byte(bits) return string.char((from_client and 128 or 0) + bits) end

local function big_endian(number, size)
  return transcript.from_hex(("%0" .. size * 2 .. "x"):format(number))
end

-- Bytes of a length of a form: 7, 16 or 64 bits; by default the shortest.
local function length_bytes(number, form)
  form = form or number < 126 and 7 or number < 65536 and 16 or 64
  if form == 7 then return length_byte(number) end
  if form == 16 then return length_byte(126) .. big_endian(number, 2) end
  return length_byte(127) .. big_endian(number, 8)
end

local function frame(first, payload, form)
  return string.char(first) .. length_bytes(#payload, form) .. mask(payload)
end

local legal_codes = {
  1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 3000, 3999, 4000, 4999,
}
local bad_codes = {
  0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 32768, 65535,
}

-- Sequences -------------------------------------------------------------------------------------

-- A sequence under construction: wire is a list of strings, messages what must be delivered, code
-- what must be closed with (0: a close frame without a code), fault its name, open the kind
-- of the message that is unfinished.
local function add(s, ...)
  for _, bytes in ipairs { ... } do s.wire[#s.wire + 1] = bytes end
end

local function control(s)
  add(s, frame(pick { 137, 138 }, bytes_of(pick { 0, 1, between(2, 20), 125 })))
end

-- The payload of a message in s's compression, and the bit that says so.
local function encode(s, kind, data)
  if not s.deflate or one_in(3) then return data, 0 end
  local session = protocol.session { role = "server", deflate = { threshold = 0 } }
  local sent = session:send(data, kind)
  return raw.frames(sent)[1].payload, sent:byte() >= 128 + 64 and 64 or 0
end

-- Sends a payload in one or several frames; with `unfinished` without the last.
local function fragments(s, kind, payload, bit, unfinished)
  local first = (kind == "text" and 1 or 2) + bit
  if one_in(2) and not unfinished then return add(s, frame(128 + first, payload)) end
  local at = 1
  for i = 1, between(1, 4) do
    local stop = math.min(#payload, at + between(0, #payload))
    add(s, frame(i == 1 and first or 0, payload:sub(at, stop)))
    at = stop + 1
    if one_in(3) then control(s) end
  end
  if unfinished then return add(s, frame(0, payload:sub(at))) end
  add(s, frame(128, payload:sub(at)))
end

local function message(s)
  local kind = pick { "text", "binary" }
  local data = kind == "text" and text_of(length()) or bytes_of(length())
  local long = long_length()
  if long then data = ("x"):rep(long) end
  s.messages[#s.messages + 1] = kind .. ":" .. data
  local payload, bit = encode(s, kind, data)
  fragments(s, kind, payload, bit)
end

-- Begins a message and does not end it.
local function begin(s)
  s.open = pick { "text", "binary" }
  local payload, bit = encode(s, s.open, "abc")
  add(s, frame((s.open == "text" and 1 or 2) + bit, payload))
end

-- Faults ----------------------------------------------------------------------------------------

-- Each adds a frame that breaks a rule and returns the close code; nil where it does not fit, as
-- s.open says that a message is unfinished.
local faults = {}

-- A first byte that is legal here: a control frame, or data.
local function legal_first(s)
  return pick { 137, 138, s.open and 128 or 129, s.open and 0 or 130 }
end

function faults.reserved_bit(s)
  local first = legal_first(s)
  local may_rsv1 = s.deflate and first < 137 and not s.open
  local bits = may_rsv1 and pick { 16, 32, 48, 80, 96, 112 } or between(1, 7) * 16
  add(s, frame(first + bits, first < 137 and "ab" or ""))
  return 1002
end

function faults.reserved_opcode(s)
  local opcode = pick { 3, 4, 5, 6, 7, 11, 12, 13, 14, 15 }
  add(s, frame(pick { 0, 128 } + opcode, text_of(between(0, 9))))
  return 1002
end

function faults.fragmented_control(s)
  add(s, frame(pick { 8, 9, 10 }, ""))
  return 1002
end

function faults.long_control(s)
  add(s, frame(pick { 136, 137, 138 }, ("\3\232"):rep(pick { 63, 100, 150 })))
  return 1002
end

function faults.wrong_mask(s)
  add(s, string.char(legal_first(s), from_client and 2 or 130) .. "abcdef")
  return 1002
end

function faults.unexpected_continuation(s)
  if s.open then return nil end
  add(s, frame(pick { 0, 128 }, text_of(between(0, 5))))
  return 1002
end

function faults.expected_continuation(s)
  if not s.open then begin(s) end
  add(s, frame(pick { 1, 2, 129, 130 }, "ab"))
  return 1002
end

function faults.utf8(s)
  if s.open then return nil end
  local payload, bit = encode(s, "text", bad_text())
  fragments(s, "text", payload, bit)
  return 1007
end

-- The text is wrong already when the close frame comes in the middle of it.
function faults.utf8_unfinished(s)
  if s.open or s.deflate then return nil end
  fragments(s, "text", text_of(between(0, 30)) .. pick(bad_characters), 0, true)
  return 1007
end

function faults.close_payload(s)
  add(s, frame(136, "\3"))
  return 1002
end

function faults.close_code(s)
  add(s, frame(136, big_endian(pick(bad_codes), 2) .. pick { "", "why" }))
  return 1002
end

function faults.close_reason(s)
  add(s, frame(136, big_endian(pick(legal_codes), 2) .. bad_text():sub(-100)))
  return 1007
end

function faults.length_16_not_minimal(s)
  add(s, frame(s.open and 128 or 130, bytes_of(pick { 0, 1, 125 }), 16))
  return 1002
end

function faults.length_64_not_minimal(s)
  add(s, frame(s.open and 128 or 130, bytes_of(pick { 0, 1, 125, 126, 300 }), 64))
  return 1002
end

function faults.length_top_bit(s)
  local top = string.char(between(128, 255)) .. bytes_of(7) .. bytes_of(50)
  add(s, string.char(s.open and 128 or 130) .. length_byte(127) .. top)
  return 1002
end

function faults.too_big(s)
  local size = pick { "\0\0\0\0\0\16\0\1", "\0\0\1\0\0\0\0\0", "\127\255\255\255\255\255\255\255" }
  add(s, string.char(s.open and 128 or 130) .. length_byte(127) .. size .. bytes_of(50))
  return 1009
end

-- In a compressed message.
function faults.deflate_data(s)
  if not s.deflate or s.open then return nil end
  add(s, frame(pick { 193, 194 }, pick { "\6" .. bytes_of(5), "\0\5\0\250\254" .. bytes_of(9),
    "\242H\205\201" }))
  return 1007
end

local names = {}
for name in pairs(faults) do names[#names + 1] = name end
table.sort(names)
random_frames.faults = names

-- The whole -------------------------------------------------------------------------------------

local function close(s)
  if one_in(4) then
    add(s, frame(136, ""))
    return 0
  end
  local code = pick(legal_codes)
  add(s, frame(136, big_endian(code, 2) .. text_of(pick { 0, 0, between(1, 30) })))
  return code
end

local function break_a_rule(s)
  if one_in(3) then begin(s) end
  local code
  repeat
    s.fault = pick(names)
    code = faults[s.fault](s)
  until code
  return code
end

-- A sequence for a server or a client: wire (bytes), size (of the pieces to send it in), deflate
-- (whether to agree on it), messages (that are to be delivered, each "kind:data"), code (that is to
-- be closed with; 0: none), fault (name of the broken rule; nil: none).
function random_frames.sequence(number, role)
  chance.seed(number)
  from_client = role == "server"
  local s = { wire = {}, messages = {}, deflate = one_in(4) }
  for _ = 1, between(0, 5) do
    if one_in(3) then control(s) else message(s) end
  end
  if one_in(4) then
    if one_in(3) then begin(s) end
    s.code = close(s)
  else
    s.code = break_a_rule(s)
  end
  -- What comes too late. Whoever did not notice the fault is told to close by the last.
  for _ = 1, between(0, 2) do add(s, frame(129, "late")) end
  add(s, frame(136, "\3\232"))
  s.wire = table.concat(s.wire)
  s.size = pick { #s.wire, #s.wire, 1, 2, 7, 64, 1000 }
  if #s.wire > 300 * s.size then s.size = #s.wire end
  return s
end

return random_frames
