-- Random frames, valid and not, sent to our server and client, node's ws and Python's websockets.
-- Ours must do what the RFC says of each (spec/random_frames.lua knows); so must the others, or
-- differ in a way that spec/vectors/differential.lua lists with the reason why the RFC does not
-- agree with them.
--
-- LUNAWIRE_SEQUENCES is how many (300), LUNAWIRE_SEED the number of the first.

local helper = require "spec.helper"
local random_frames = require "spec.random_frames"
local raw = require "spec.raw_peer"
local transcript = require "spec.transcript"
local ws = require "lunawire"

local first = tonumber(os.getenv "LUNAWIRE_SEED" or 1)
local count = tonumber(os.getenv "LUNAWIRE_SEQUENCES" or 300)

local known = dofile "spec/vectors/differential.lua"

-- What servers do -------------------------------------------------------------------------------

-- verdicts[number] = { ending = string, code = number, messages = string }: how TCP ended, the code
-- of its close frame (0: without one; nil: no close frame), and the messages in hexadecimal.
local function read_replies(text, verdicts)
  for number, ending, hex in text:gmatch "(%d+) (%l+) (%x*)\n" do
    local frames = raw.frames(transcript.from_hex(hex))
    local last = frames[#frames]
    local code
    if last and last.opcode == 8 then
      local high, low = last.payload:byte(1, 2)
      code = high and high * 256 + low or 0
    end
    verdicts[tonumber(number)] = { ending = ending, code = code }
  end
end

-- Waits until a file has a line for each sequence.
local function wait_for_lines(path)
  helper.wait_until(function()
    return select(2, helper.read(path):gsub("\n", "")) == count
  end, "all results", 10)
end

local function read_results(path)
  local verdicts = {}
  read_replies(helper.read(path), verdicts)
  return verdicts
end

local function replay(port, path)
  local results = helper.file()
  local status, _, errors = helper.drive { helper.python, "spec/peers/replay.py", path, results,
    port, timeout = 60 + count / 50 }
  assert.equal("", errors)
  assert.equal(0, status)
  return read_results(results)
end

-- Handlers that put messages into lists[number]; number_of(conn) tells whose.
local function handlers_into(lists, number_of)
  return {
    on_open = function(conn) lists[number_of(conn)] = {} end,
    on_message = function(conn, data, kind)
      table.insert(lists[number_of(conn)], kind .. ":" .. raw.hex(data))
    end,
  }
end

local function join_messages(verdicts, lists)
  for number, verdict in pairs(verdicts) do
    verdict.messages = table.concat(lists[number], " ")
  end
  return verdicts
end

local function our_server(path)
  local lists = {}
  local options = handlers_into(lists, function(conn)
    return tonumber(conn.request.path:sub(2))
  end)
  options.port, options.deflate = 0, true
  local server = assert(ws.serve(options))
  local verdicts = replay(server.port, path)
  server:stop()
  return join_messages(verdicts, lists)
end

local function our_client(path, sequences)
  local lists, results, next_number, running = {}, helper.file(), first, 0
  local process = helper.background { helper.python, "spec/peers/replay.py", path, results,
    timeout = 60 + count / 50 }
  local url = ("ws://127.0.0.1:%d/"):format((assert(process:read_line(), "it does not listen")))
  local function start()
    local number = next_number
    if number >= first + count then return end
    next_number, running = number + 1, running + 1
    local options = handlers_into(lists, function() return number end)
    options.deflate = sequences[number].deflate
    options.on_close = function() running = running - 1 end
    options.on_error = function(conn, text)
      if conn.response.status ~= 101 then error(text) end
    end
    assert(ws.connect(url .. number, options))
  end
  helper.wait_until(function()
    while running < 16 and next_number < first + count do start() end
    return running == 0
  end, "all connections", 60 + count / 50)
  wait_for_lines(results)
  local _, _, errors = process:stop()
  assert.equal("", errors)
  return join_messages(read_results(results), lists)
end

-- ws 8.23 seldom throws out of its receiver, which ends node. That is no verdict: it may try again.
local function is_crash(errors) return errors:find("ws/lib/receiver.js", 1, true) ~= nil end

local function theirs(program, path, tries)
  local log = helper.file()
  local command = { timeout = 120 + count / 50, env = { NODE_PATH = helper.node_modules() } }
  for i, word in ipairs(program) do command[i] = word end
  command[#command + 1] = log
  local process = helper.background(command)
  local port = assert(process:read_line(), "it does not listen")
  local ok, verdicts = pcall(replay, port, path)
  if ok then wait_for_lines(log) end
  local _, _, errors = process:stop()
  if not ok and is_crash(errors) and (tries or 1) < 5 then
    return theirs(program, path, (tries or 1) + 1)
  end
  if not ok then error(tostring(verdicts) .. "\n" .. errors, 0) end
  for number, messages in helper.read(log):gmatch "/(%d+) ?([^\n]*)\n" do
    verdicts[tonumber(number)].messages = messages
  end
  return verdicts
end

-- Comparing -------------------------------------------------------------------------------------

local function expected_of(s)
  local messages = {}
  for i, text in ipairs(s.messages) do
    local kind, data = text:match "^(%l+:)(.*)$"
    messages[i] = kind .. raw.hex(data)
  end
  return { ending = "server", code = s.code, messages = table.concat(messages, " ") }
end

local function contains(list, value)
  for _, item in ipairs(list) do
    if item == value then return true end
  end
end

-- True when the list has what the peer does.
local function is_known(peer, s, expected, verdict)
  if verdict.ending ~= "server" then return false end
  for _, difference in ipairs(known) do
    if difference.peers[peer] and difference.fault == s.fault
        and contains(difference.codes, verdict.code)
        and (difference.messages or expected.messages == verdict.messages) then
      return true
    end
  end
end

-- What is different, as a text; nil when nothing is, or it is known.
local function difference_of(peer, number, s, verdict)
  local expected, list = expected_of(s), {}
  for _, field in ipairs { "code", "messages", "ending" } do
    if expected[field] ~= verdict[field] then
      list[#list + 1] = ("%s is %s, not %s"):format(field, tostring(verdict[field]):sub(-60),
        tostring(expected[field]):sub(-60))
    end
  end
  if #list == 0 or is_known(peer, s, expected, verdict) then return nil end
  return ("%s, sequence %d (%s%s, in pieces of %d): %s"):format(peer, number,
    s.fault or "no fault", s.deflate and ", deflate" or "", s.size, table.concat(list, "; "))
end

if _VERSION ~= "Lua 5.4" and not jit then
  pending("random frames: what they test is in C, so Lua 5.4 and LuaJIT are enough")
  return
end

-- The sequences for a role, and the path of a file that has them for replay.py.
local function make_sequences(role)
  local sequences, lines = {}, {}
  for number = first, first + count - 1 do
    local s = random_frames.sequence(number, role)
    sequences[number] = s
    lines[#lines + 1] = ("%d %d %d %s\n"):format(number, s.size, s.deflate and 1 or 0,
      raw.hex(s.wire))
  end
  return sequences, helper.file(table.concat(lines))
end

describe("random frames", function()
  local sequences, path
  setup(function() sequences, path = make_sequences "server" end)
  teardown(function()
    raw.wait_for_end()
    helper.check_leaks()
  end)

  local function check(peer, verdicts, of)
    local all = {}
    for number = first, first + count - 1 do
      local verdict = assert(verdicts[number], "sequence " .. number .. " has no verdict")
      all[#all + 1] = difference_of(peer, number, (of or sequences)[number], verdict)
    end
    if #all > 0 then
      error(("LUNAWIRE_SEED=%d LUNAWIRE_SEQUENCES=%d: %d differences\n%s"):format(first, count,
        #all, table.concat(all, "\n", 1, math.min(#all, 10))), 0)
    end
  end

  it("have the effect on our server that the RFC says", function()
    check("our server", our_server(path))
  end)

  it("have it on our client", function()
    local for_client, file = make_sequences "client"
    check("our client", our_client(file, for_client), for_client)
  end)

  it("have it on node's ws", function()
    if not helper.node_modules() then return pending "npm ci in spec/peers installs ws" end
    check("ws", theirs({ "node", "spec/peers/collect.mjs" }, path))
  end)

  it("differ only where a transcript says the same", function()
    local names = {}
    transcript.each_file(function(_, cases)
      for _, case in ipairs(cases) do names[case.name] = true end
    end)
    for _, difference in ipairs(known) do
      assert.is_true(names[difference.transcript], difference.transcript)
      assert.is_true(contains(random_frames.faults, difference.fault), difference.fault)
    end
  end)

  it("have it on Python's websockets", function()
    check("websockets", theirs({ helper.python, "spec/peers/collect.py" }, path))
  end)
end)
