-- First bytes of frames that break a rule, outside of messages and inside of one: each opcode with
-- each of the reserved bits that it must not have, reserved opcodes, and FIN.
-- spec/transcript.lua explains the notation.

local names = {
  [0] = "continuation", [1] = "text", [2] = "binary", [8] = "close", [9] = "ping", [10] = "pong",
}

local cases = {}

local function add(name, byte, error)
  local raw = { raw = ("%02x"):format(byte) }
  cases[#cases + 1] = { name = name, section = "5.2", frames = { raw },
    error = error, close_code = 1002 }
  cases[#cases + 1] = { name = name .. ", inside a message", section = "5.2",
    frames = { { "01", text = "a" }, raw }, error = error, close_code = 1002 }
end

local function add_pair(name, byte, error)
  add(name .. ", final", 128 + byte, error)
  add(name .. ", not final", byte, error)
end

for opcode = 0, 15 do
  if not names[opcode] then
    add_pair(("opcode %X"):format(opcode), opcode, "RESERVED_OPCODE")
    add(("opcode %X with RSV1"):format(opcode), 128 + 64 + opcode, "RESERVED_OPCODE")
  else
    for bits = 1, 7 do
      add(("reserved bits %d of 7 on %s"):format(bits, names[opcode]), 128 + bits * 16 + opcode,
        "RESERVED_BIT")
    end
    add("RSV3 on " .. names[opcode] .. ", not final", 16 + opcode, "RESERVED_BIT")
  end
end

return cases
