-- Replays the wire transcripts of spec/vectors at every chunk size through the protocol alone.
-- spec/transcript.lua explains their notation; spec/conformance_spec.lua replays them over sockets.

local protocol = require("lunawire.core").protocol
local transcript = require "spec.transcript"

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
  session:feed(transcript.frame_bytes({ "89", text = "?" }, role))
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
  local expected = transcript.expected_events(case)
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
  local wire = transcript.wire_of(case, role)
  for _, size in ipairs(sizes_for(#wire)) do
    local ok, problem = pcall(replay, case, role, wire, size)
    if not ok then error(("in pieces of %d: %s"):format(size, tostring(problem)), 0) end
  end
end

transcript.each_file(function(path, cases)
  describe(path, function()
    transcript.each_role(cases, function(case, role)
      it(transcript.title(case, role), function() check(case, role) end)
    end)
  end)
end)
