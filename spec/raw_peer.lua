-- Raw TCP peers: they send and read exactly the bytes that a spec says, in a process of their own.
--
--     local peer = raw.connect(server.port)
--     peer:send("GET / HTTP/1.1\r\n"):send("\r\n")
--     local head = peer:read_until("\r\n\r\n")
--
-- What a peer does happens in the order that it was told. What returns bytes waits for them and
-- turns the loop meanwhile; everything else returns at once. Nothing takes longer than 60 s.

local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local raw = {}

-- The process ------------------------------------------------------------------------------------

local process -- { pipe, file, rest }
local answers = {} -- [number] = { status, bytes }, for those that nobody asked for yet
local numbers, peers = 0, 0

local function start()
  local path, errors = helper.file(), helper.file()
  local line = ("exec env -u LD_PRELOAD %s spec/peers/raw.py %s 2>%s"):format(
    helper.python, path, errors)
  return { pipe = assert(io.popen(line, "w")), file = assert(io.open(path, "rb")), rest = "",
    errors = errors }
end

-- Ends all peers: for `teardown`.
function raw.stop()
  if not process then return end
  process.pipe:close()
  process.file:close()
  local errors = helper.read(process.errors)
  process = nil
  if errors ~= "" then error(errors, 0) end
end

local function to_hex(bytes)
  return (bytes:gsub(".", function(byte) return ("%02x"):format(byte:byte()) end))
end

raw.hex = to_hex

local function from_hex(text)
  return (text:gsub("..", function(digits) return string.char(tonumber(digits, 16)) end))
end

local function command(id, name, ...)
  process = process or start()
  numbers = numbers + 1
  local words = { id, numbers, name, ... }
  for i, word in ipairs(words) do words[i] = tostring(word) end
  process.pipe:write(table.concat(words, " "), "\n")
  process.pipe:flush()
  return numbers
end

local function take_answers()
  process.file:seek("cur", 0) -- the end that was seen before is not the end any more
  local text = process.rest .. process.file:read("*a")
  local last = 0
  local complete = text:match("^.*\n") or "" -- half a line would be searched in many ways
  for number, status, bytes, stop in complete:gmatch("(%d+) (%l+) (%x*)\n()") do
    answers[tonumber(number)] = { status, from_hex(bytes) }
    last = stop - 1
  end
  process.rest = text:sub(last + 1)
end

-- What a command answered: bytes and status. Turns the loop until it did.
local function wait_for(number)
  core.step(0) -- the loop's time may be old
  local deadline = core.now() + 70
  take_answers()
  while not answers[number] do
    if core.now() > deadline then error("the raw peer did not answer", 0) end
    core.step(0.001)
    take_answers()
  end
  local status, bytes = answers[number][1], answers[number][2]
  answers[number] = nil
  if status == "error" then error(bytes, 0) end
  return bytes, status
end

-- Peers ------------------------------------------------------------------------------------------

local Peer = {}
Peer.__index = Peer

local function new()
  peers = peers + 1
  return setmetatable({ id = peers }, Peer)
end

-- A peer that connects to a port of this machine; with a receive buffer of so many bytes, if given.
function raw.connect(port, receive_buffer)
  local peer = new()
  command(peer.id, "connect", port, receive_buffer or 0)
  return peer
end

-- A peer that listens; its port is in the field `port`.
function raw.listen()
  local peer = new()
  peer.port = tonumber((wait_for(command(peer.id, "listen"))))
  return peer
end

-- A peer that listens and takes nobody any more: whoever connects waits in vain.
function raw.listen_full()
  local peer = new()
  peer.port = tonumber((wait_for(command(peer.id, "listen_full"))))
  return peer
end

-- A peer that listens and lets nobody in: who connects gets no answer.
function raw.hole()
  local peer = new()
  peer.port = tonumber((wait_for(command(peer.id, "hole"))))
  return peer
end

-- The next connection of a peer that listens.
function Peer:accept()
  local peer = new()
  command(peer.id, "accept", self.id)
  return peer
end

function Peer:tell(...)
  self.last = command(self.id, ...)
  return self
end

function Peer:ask(...) return wait_for(command(self.id, ...)) end

-- Sends bytes, so many times.
function Peer:send(bytes, count)
  if bytes == "" then return self end
  return self:tell("send", to_hex(bytes), count or 1)
end

-- Sends bytes in pieces of a size, with a time between them.
function Peer:drip(bytes, size, seconds)
  return self:tell("drip", to_hex(bytes), size or 1, seconds or 0)
end

-- Sends the same again and again until the kernel takes nothing for so long. Returns how many bytes
-- it took. send_rest() sends what is left of the last one; wait() tells how many bytes that were.
function Peer:fill(bytes, seconds) return tonumber((self:ask("fill", to_hex(bytes), seconds))) end
function Peer:send_rest() return self:tell("rest") end

-- Each returns bytes and "ok", or what came before the end and "eof", "reset" or "timeout".
function Peer:read(size) return self:ask("read", size) end
function Peer:read_until(mark) return self:ask("until", to_hex(mark)) end
function Peer:read_all() return self:ask("all") end

-- Reads frames up to a close frame and returns all of them.
function Peer:read_until_close() return self:ask("until_close") end

-- "", "ok" when there is nothing to read now, not even the end; else the status is "loud".
function Peer:quiet() return self:ask("quiet") end

-- Reads so many bytes, or all until the end, and returns how many there were and how it ended.
function Peer:skip(size)
  local count, status = self:ask("skip", size or 0)
  return tonumber(count), status
end

-- Sends the same so many times and reads so many bytes meanwhile; returns how many came.
function Peer:exchange(bytes, count, size)
  return tonumber((self:ask("exchange", to_hex(bytes), count, size)))
end

function Peer:half_close() return self:tell("half_close") end
function Peer:close() return self:tell("close") end
function Peer:reset() return self:tell("reset") end

-- What a command answered that `tell` gave the number `last`: bytes and status.
function raw.answer_of(number) return wait_for(number) end

-- Waits until the peer has done what it was last told. Returns what that answered, and the status.
function Peer:wait() return wait_for(self.last) end

-- Turns the loop until no connection and no server is left.
function raw.wait_for_end()
  helper.wait_until(function()
    local alive = core.leaks()
    return alive.connections == 0 and alive.servers == 0
  end, "connections to end")
end

-- Opens connections at one time, sends each `bytes`, waits until each has read `mark`, sends each
-- `last`, waits until each has ended. Returns "" and "ok".
function raw.crowd(port, count, bytes, mark, last)
  return new():ask("crowd", port, count, to_hex(bytes), to_hex(mark), to_hex(last))
end

-- WebSocket --------------------------------------------------------------------------------------

raw.key = "dGhlIHNhbXBsZSBub25jZQ=="
raw.accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="

-- The head of an upgrade request, with more header lines.
function raw.request(target, more)
  return ("GET %s HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    .. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n%s\r\n")
    :format(target or "/", raw.key, more or "")
end

-- Connects and opens a WebSocket.
function raw.open(port, target, more, receive_buffer)
  local peer = raw.connect(port, receive_buffer):send(raw.request(target, more))
  local head = peer:read_until("\r\n\r\n")
  assert(head:find("^HTTP/1.1 101 "), head)
  peer.head = head
  return peer
end

-- The head of an answer to an upgrade, with more header lines; {accept} is put in by the peer.
function raw.answer(more)
  return "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    .. "Sec-WebSocket-Accept: {accept}\r\n" .. (more or "") .. "\r\n"
end

-- The next connection of a peer that listens. Its request is read, without waiting for it, and
-- answered with that head (by default one that accepts) and `behind` in the same segment, or in
-- pieces of a size.
function Peer:upgrade(answer, behind, size)
  return self:accept():tell("upgrade", to_hex(answer or raw.answer()), to_hex(behind or ""),
    size or 1000000)
end

local function big_endian(number, size)
  local bytes = {}
  for i = size, 1, -1 do
    bytes[i] = string.char(number % 256)
    number = math.floor(number / 256)
  end
  return table.concat(bytes)
end

-- One frame. What a client sends is masked, with a key that changes nothing.
local function frame(mask_bit, opcode, payload, more_follow)
  local length, head = #payload, string.char(opcode + (more_follow and 0 or 128))
  if length < 126 then
    head = head .. string.char(mask_bit + length)
  elseif length < 65536 then
    head = head .. string.char(mask_bit + 126) .. big_endian(length, 2)
  else
    head = head .. string.char(mask_bit + 127) .. big_endian(length, 8)
  end
  return head .. (mask_bit > 0 and "\0\0\0\0" or "") .. payload
end

-- A frame as a client and as a server sends it. opcode: 0 continuation, 1 text, 2 binary, 8 close,
-- 9 ping, 10 pong.
function raw.client_frame(...) return frame(128, ...) end
function raw.server_frame(...) return frame(0, ...) end

-- The payload of a close frame.
function raw.close_payload(code, reason) return big_endian(code, 2) .. (reason or "") end

local function number_of(bytes)
  local number = 0
  for i = 1, #bytes do number = number * 256 + bytes:byte(i) end
  return number
end

-- Unmasks, for payloads that are short.
local function unmask(bytes, key)
  local out = {}
  for i = 1, #bytes do
    local a, b, x, bit = bytes:byte(i), key:byte((i - 1) % 4 + 1), 0, 1
    while bit < 256 do
      if a % 2 ~= b % 2 then x = x + bit end
      a, b, bit = math.floor(a / 2), math.floor(b / 2), bit * 2
    end
    out[i] = string.char(x)
  end
  return table.concat(out)
end

-- The frames that are whole in a string: a list of { opcode = number, payload = string, fin =
-- boolean, masked = boolean }.
function raw.frames(bytes)
  local frames, at = {}, 1
  while #bytes > at do
    local first, second = bytes:byte(at, at + 1)
    local length, key = second % 128, nil
    at = at + 2
    if length >= 126 then
      local size = length == 126 and 2 or 8
      length, at = number_of(bytes:sub(at, at + size - 1)), at + size
    end
    if second >= 128 then key, at = bytes:sub(at, at + 3), at + 4 end
    local payload = bytes:sub(at, at + length - 1)
    frames[#frames + 1] = { opcode = first % 16, fin = first >= 128, masked = key ~= nil,
      payload = key and unmask(payload, key) or payload }
    at = at + length
  end
  return frames
end

-- Reads a frame: opcode, payload, fin; or nil and how it ended.
function Peer:frame()
  local head, status = self:read(2)
  if status ~= "ok" then return nil, status end
  local first, second = head:byte(1, 2)
  local length, key = second % 128, nil
  if length >= 126 then length = number_of((self:read(length == 126 and 2 or 8))) end
  if second >= 128 then key = self:read(4) end
  local payload = self:read(length)
  return first % 16, key and unmask(payload, key) or payload, first >= 128
end

-- Reads a close frame and then the end: code (nil: none), reason and how it ended.
function Peer:read_close()
  local opcode, payload = self:frame()
  assert(opcode == 8, "expected a close frame, got " .. tostring(opcode))
  local _, status = self:read_all()
  return #payload > 0 and number_of(payload:sub(1, 2)) or nil, payload:sub(3), status
end

-- Servers of ours that the peers talk to, for after_each to stop.
local servers = {}

function raw.serve(options)
  options.port = 0
  local server = assert(ws.serve(options))
  servers[#servers + 1] = server
  return server
end

function raw.stop_servers()
  for _, server in ipairs(servers) do server:stop() end
  servers = {}
  raw.wait_for_end()
end

-- For the teardown of a spec file that uses raw peers: nothing is left of either side.
function raw.end_specs()
  raw.stop()
  helper.check_leaks()
end

return raw
