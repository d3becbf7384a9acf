-- Replays the transcripts of spec/vectors over sockets, against a server and a client: what reaches
-- the handlers, what the peer reads, who ends TCP, and that nothing follows a close frame or an
-- error. spec/transcript.lua explains the notation; vectors_spec.lua has every chunk size.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local transcript = require "spec.transcript"
local ws = require "lunawire"

-- What comes behind the last byte of a case that ends the connection: it must have no effect.
local too_late = { { "81", text = "late" }, { "89", text = "late" }, { "88", hex = "0f a0" } }

-- Recording -------------------------------------------------------------------------------------

local records = {} -- [path of the request, or the client's connection] = events

local function key_of(conn) return conn.is_server and conn.request.path or conn end

local function record(conn, event)
  local events = records[key_of(conn)]
  events[#events + 1] = event
end

local function record_chunk(conn, data, kind, final)
  local events = records[key_of(conn)]
  local last = events[#events]
  if last and last.type == "chunk" and not last.final then
    last.data, last.final = last.data .. data, final
  else
    record(conn, { type = "chunk", kind = kind, data = data, final = final })
  end
end

-- The options that a case asks for, with handlers that record.
local function options_of(case)
  local options = {
    max_message = case.max_message, ping_interval = 0,
    deflate = case.deflate and { takeover = case.deflate.peer_takeover, window_bits = 15,
      max_window_bits_of_peer = case.deflate.peer_bits or 15 },
    on_open = function(conn) records[key_of(conn)] = {} end,
    on_ping = function(conn, data) record(conn, { type = "ping", data = data }) end,
    on_pong = function(conn, data) record(conn, { type = "pong", data = data }) end,
    on_error = function(conn, text, code)
      record(conn, { type = "error", data = text, code = code })
    end,
    on_close = function(conn, code, reason)
      record(conn, { type = "close", code = code, data = reason })
    end,
  }
  if case.stream then
    options.on_chunk = record_chunk
  else
    options.on_message = function(conn, data, kind)
      record(conn, { type = "message", kind = kind, data = data })
    end
  end
  return options
end

-- What is expected ------------------------------------------------------------------------------

-- What the handlers are told, and the close code on the wire: a number, "none" for a close frame
-- without one, nil for no close frame at all.
local function expectations(case)
  local events = transcript.expected_events(case)
  local last = events[#events]
  if case.error then
    events[#events + 1] = { type = "error", code = case.error }
    events[#events + 1] = { type = "close", code = case.close_code }
    return events, case.close_code
  elseif last and last.type == "close" then
    return events, last.code == 1005 and "none" or last.code
  end
  events[#events + 1] = { type = "close", code = 1006 }
  return events, nil
end

local function check_events(expected, got)
  for i, event in ipairs(expected) do
    for name, value in pairs(event) do
      local found = got[i] and got[i][name]
      if #tostring(value) > 200 then
        assert.is_true(value == found, event.type .. " has other " .. name)
      else
        assert.equal(value, found, ("%s of event %d"):format(name, i))
      end
    end
  end
  assert.equal(#expected, #got)
end

-- The frames that a peer read: a pong for each ping, in order, and at most one close frame.
local function check_frames(bytes, expected, close_code, role)
  local frames = raw.frames(bytes)
  for _, frame in ipairs(frames) do
    assert.is_true(frame.fin)
    assert.equal(role == "client", frame.masked)
  end
  local at = 0
  for _, event in ipairs(expected) do
    if event.type == "ping" then
      at = at + 1
      assert.same({ 10, event.data }, { frames[at].opcode, frames[at].payload })
    end
  end
  if close_code then
    at = at + 1
    assert.equal(8, frames[at].opcode)
    local payload = close_code == "none" and "" or raw.close_payload(close_code)
    assert.equal(payload, frames[at].payload:sub(1, 2))
  end
  assert.equal(at, #frames)
end

-- Replaying -------------------------------------------------------------------------------------

-- Sizes of pieces; 0: the first bytes come in one segment with the head of the handshake.
local function sizes_for(length)
  local sizes = { 0, length }
  for _, size in ipairs { 1, 6 } do
    if size < length and length <= 300 * size then sizes[#sizes + 1] = size end
  end
  return sizes
end

-- Tells a peer that has its handshake behind it what to do until the end; the numbers of the
-- commands whose answers matter.
local function begin(peer, close_code, role)
  local commands = {}
  local function tell(...)
    peer:tell(...)
    commands[#commands + 1] = peer.last
  end
  if not close_code then
    peer:half_close()
    tell "all"
    return commands
  end
  tell "until_close"
  if role == "client" then tell "quiet" end -- it leaves it to the server to end TCP
  local late = transcript.wire_of({ frames = too_late }, role)
  peer:send(late)
  if role == "client" then
    tell "quiet"
    peer:half_close()
  end
  tell "all"
  return commands
end

local function check_peer(peer, commands, expected, close_code, role)
  local bytes = {}
  for i, number in ipairs(commands) do
    local part, status = raw.answer_of(number)
    bytes[i] = part
    assert.equal(i == #commands and "eof" or "ok", status)
  end
  peer:close()
  check_frames(table.concat(bytes), expected, close_code, role)
end

local function check_record(key, expected)
  helper.wait_until(function()
    local events = records[key]
    return events and #events > 0 and events[#events].type == "close"
  end, "on_close")
  check_events(expected, records[key])
  records[key] = nil
end

local servers = {} -- [its options as text] = server
local paths = 0

local function server_for(case)
  local deflate = case.deflate and (case.deflate.peer_takeover and "takeover" or "deflate")
  local name = (case.max_message or "") .. (case.stream and "stream" or "") .. (deflate or "")
    .. (deflate and case.deflate.peer_bits or "")
  if not servers[name] then
    local options = options_of(case)
    options.port = 0
    servers[name] = assert(ws.serve(options))
  end
  return servers[name]
end

local function replay_to_server(case, wire, size, close_code)
  paths = paths + 1
  local path = ("/%d"):format(paths)
  local offer = "Sec-WebSocket-Extensions: permessage-deflate; client_max_window_bits\r\n"
  local request = raw.request(path, case.deflate and offer)
  local peer = raw.connect(server_for(case).port)
  peer:send(size == 0 and request .. wire or request):tell("until", raw.hex "\r\n\r\n")
  if size > 0 then peer:drip(wire, size, 0) end
  return path, peer, begin(peer, close_code, "server")
end

local listener

local function replay_to_client(case, wire, size, close_code)
  listener = listener or raw.listen()
  local takeover = case.deflate and case.deflate.peer_takeover
  local bits = case.deflate and case.deflate.peer_bits
  local agreed = "permessage-deflate" .. (takeover and "" or "; server_no_context_takeover")
    .. (bits and "; server_max_window_bits=" .. bits or "")
  local answer = raw.answer(case.deflate and "Sec-WebSocket-Extensions: " .. agreed .. "\r\n")
  local peer = listener:upgrade(answer, size == 0 and wire or "")
  if size > 0 then peer:drip(wire, size, 0) end
  local commands = begin(peer, close_code, "client")
  local conn = assert(ws.connect("ws://127.0.0.1:" .. listener.port, options_of(case)))
  records[conn] = {}
  return conn, peer, commands
end

local function check(case, role)
  local wire = transcript.wire_of(case, role)
  local expected, close_code = expectations(case)
  local replay = role == "server" and replay_to_server or replay_to_client
  local running = {}
  for i, size in ipairs(sizes_for(#wire)) do
    running[i] = { size, replay(case, wire, size, close_code) }
  end
  for _, run in ipairs(running) do
    local size, key, peer, commands = run[1], run[2], run[3], run[4]
    local ok, problem = pcall(function()
      check_peer(peer, commands, expected, close_code, role)
      check_record(key, expected)
    end)
    if not ok then error(("in pieces of %d: %s"):format(size, tostring(problem)), 0) end
  end
end

describe("docs/conformance.md", function()
  it("is what ./dev docs makes of the transcripts", function()
    local status, page, problems = helper.run { helper.lua, "tools/conformance.lua" }
    assert.equal("", problems)
    assert.equal(0, status)
    assert.is_true(page == helper.read "docs/conformance.md", "it is out of date: run ./dev docs")
  end)
end)

describe("over sockets,", function()
  teardown(function()
    for _, server in pairs(servers) do server:stop() end
    servers, records = {}, {}
    if listener then listener:close() end
    raw.wait_for_end()
    raw.stop()
    helper.check_leaks()
  end)

  transcript.each_file(function(path, cases)
    describe(path, function()
      transcript.each_role(cases, function(case, role)
        if case.max_message == 0 then return end -- no option of servers and clients
        it(transcript.title(case, role), function() check(case, role) end)
      end)
    end)
  end)

  it("leaves no connection behind", function()
    helper.wait_until(function() return core.leaks().connections == 0 end, "connections to end")
  end)
end)
