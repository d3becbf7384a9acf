-- Peers that reset, go, end only their direction, fall silent or drip, at every stage of a plain
-- connection and in both roles: each ends within its time limit, with one on_close if it was open,
-- with none or one error if not, and nothing is left of it.

local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

-- Seconds: what a test waits for, and what must not strike where another end comes first, however
-- slow the machine is.
local limit, far = 0.06, 60

local server, listener, events

local function note(name)
  return function(_, ...) events[#events + 1] = { name, ... } end
end

local function is_endless(fault) return fault == "silence" or fault == "drip" end

-- Adds handlers that note everything to the options of a test, and its close_timeout.
local function noting(options, fault)
  options.close_timeout = is_endless(fault) and limit or far
  for _, name in ipairs { "open", "message", "error", "close" } do
    options["on_" .. name] = options["on_" .. name] or note(name)
  end
  return options
end

local function serve(options, fault)
  options.port = 0
  server = assert(ws.serve(noting(options, fault)))
  return server
end

local function count(name)
  local times = 0
  for _, event in ipairs(events) do
    if event[1] == name then times = times + 1 end
  end
  return times
end

local function setup_file() listener = raw.listen() end
local function before() events = {} end

-- Waits until nothing is left; then nothing more may have been told than the test saw.
local function after()
  local told = #events
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
  assert.equal(told, #events)
end

local function end_file()
  listener:close()
  raw.end_specs()
end

-- Waits until the connection is gone, and a turn more for what may be told too often.
local function wait_for_end_of_connection()
  helper.wait_until(function() return core.leaks().connections == 0 end, "the end of it")
  core.step(0)
end

-- What a peer does. `dripped` is what it would have sent next; it never comes to the last byte.
local faults = {
  reset = function(peer) peer:reset() end,
  close = function(peer) peer:close() end,
  half_close = function(peer) peer:half_close() end,
  silence = function() end,
  drip = function(peer, dripped) peer:drip(dripped:sub(1, -2), 1, 0.02) end,
}
local names = { "reset", "close", "half_close", "silence", "drip" }

-- Ends the peer's side after it has seen that ours ended.
local function bury(peer, fault)
  if fault == "reset" or fault == "close" then return end
  if fault ~= "drip" then peer:read_all() end -- one that drips finds out by itself
  peer:close()
end

describe("before the upgrade, a client that", function()
  setup(setup_file)
  teardown(end_file)
  before_each(before)
  after_each(after)

  local request = raw.request()
  local long = raw.request("/", "X-Long: " .. ("x"):rep(1000) .. "\r\n")
  local stages = {
    { "before it sent anything", "", long },
    { "inside the request line", request:sub(1, 5), request:sub(6) .. long },
    { "inside a field", long:sub(1, -500), long:sub(-499) },
    { "before the last LF", long:sub(1, -2), "" },
  }
  local verbs = { reset = "resets", close = "goes", half_close = "ends its direction",
    silence = "falls silent", drip = "drips" }

  for _, stage in ipairs(stages) do
    for _, fault in ipairs(names) do
      it(("%s %s leaves nothing"):format(verbs[fault], stage[1]), function()
        serve({ handshake_timeout = is_endless(fault) and limit or far }, fault)
        local peer = raw.connect(server.port):send(stage[2])
        faults[fault](peer, stage[3])
        helper.wait_until(function() return server:stats().accepted == 1 end)
        wait_for_end_of_connection()
        bury(peer, fault)
        assert.same({}, events)
      end)
    end
  end

  for _, fault in ipairs(names) do
    it(verbs[fault] .. " while on_upgrade waits leaves nothing", function()
      local asked, decide, decided
      local told, told_code = 0, nil
      serve({ handshake_timeout = is_endless(fault) and limit or far, on_upgrade = function(req)
        req:on_close(function(_, _, code) told, told_code = told + 1, code end)
        asked = true
        repeat ws.sleep(0.001) until decide -- when nobody is there
        decided = true
        return true
      end }, fault)
      local peer = raw.connect(server.port):send(request)
      helper.wait_until(function() return asked end)
      faults[fault](peer, ("x"):rep(100))
      wait_for_end_of_connection()
      bury(peer, fault)
      decide = true
      helper.wait_until(function() return decided end)
      core.step(0)
      assert.same({}, events)
      assert.same({ 1, is_endless(fault) and "HTTP_TIMEOUT" or "HTTP_GONE" }, { told, told_code })
    end)

    it(verbs[fault] .. " before on_upgrade lets it in is closed as often as opened", function()
      local decide
      serve({
        ping_interval = fault == "silence" and limit / 2 or 0,
        idle_timeout = fault == "drip" and limit or 0,
        on_upgrade = function()
          repeat ws.sleep(0.001) until decide
          return true
        end,
      }, fault)
      local peer = raw.connect(server.port):send(request)
      helper.wait_until(function() return server:stats().connections == 1 end)
      faults[fault](peer, raw.client_frame(2, ("x"):rep(300)))
      if fault ~= "drip" and fault ~= "silence" then peer:wait() end
      decide = true
      wait_for_end_of_connection()
      bury(peer, fault)
      assert.is_true(count "open" <= 1)
      assert.equal(count "open", count "close")
    end)
  end
end)

-- Opens a connection; the role, "server" or "client", is ours. Returns the other side, and ours.
local function open(role, options, fault)
  local conn
  options.on_open = function(opened) conn = opened end
  local peer
  if role == "server" then
    peer = raw.open(serve(options, fault).port)
  else
    ws.connect("ws://127.0.0.1:" .. listener.port, noting(options, fault))
    peer = listener:upgrade()
  end
  helper.wait_until(function() return conn end)
  return peer, conn
end

-- How on_close tells of each, where no close frame came.
local ended = "the peer ended the connection without a close frame"
local reasons = {
  reset = "connection reset by peer (ECONNRESET)", close = ended, half_close = ended,
  silence = ("heartbeat: no sign of life for %g s"):format(limit),
  drip = "the closing handshake timed out",
}

-- The stages inside frames: what the peer has sent before, and what it sends next if it drips.
local function frame_stages(frame)
  local long = frame(2, ("x"):rep(300))
  local first, ping = frame(1, "a", true), frame(9, ("p"):rep(125))
  local close = frame(8, raw.close_payload(1000, ("r"):rep(123)))
  return {
    { "before any frame", "", long },
    { "inside the first two bytes of a frame", long:sub(1, 1), long:sub(2) },
    { "inside an extended length", long:sub(1, 3), long:sub(4) },
    { "behind an extended length", long:sub(1, 4), long:sub(5) },
    { "inside a payload", long:sub(1, 100), long:sub(101) },
    { "between fragments", first, frame(0, ("x"):rep(300)) },
    { "inside a fragment", first .. frame(0, ("x"):rep(300)):sub(1, 50), ("x"):rep(250) },
    { "inside a ping between fragments", first .. ping:sub(1, 3), ping:sub(4) },
    { "inside a close frame", close:sub(1, 3), close:sub(4) },
  }
end

for role, frame in pairs { server = raw.client_frame, client = raw.server_frame } do
  describe("to a " .. role .. ", a peer's", function()
    setup(setup_file)
    teardown(end_file)
    before_each(before)
    after_each(after)

    for _, stage in ipairs(frame_stages(frame)) do
      for _, fault in ipairs(names) do
        it(("%s %s is one on_close"):format(fault, stage[1]), function()
          local peer = open(role, {
            ping_interval = fault == "silence" and limit / 2 or 0,
            idle_timeout = fault == "drip" and limit or 0,
          }, fault)
          peer:send(stage[2])
          faults[fault](peer, stage[3])
          wait_for_end_of_connection()
          bury(peer, fault)
          assert.same({ { "close", 1006, reasons[fault] } }, events)
        end)
      end
    end

    for _, fault in ipairs(names) do
      it(fault .. " instead of answering a close frame is one on_close", function()
        local peer, conn = open(role, { ping_interval = 0 }, fault)
        conn:close(3000)
        assert.equal(8, (peer:frame()))
        faults[fault](peer, frame(8, raw.close_payload(3000, ("r"):rep(123))))
        wait_for_end_of_connection()
        bury(peer, fault)
        local reason = fault == "silence" and reasons.drip or reasons[fault]
        assert.same({ { "close", 1006, reason } }, events)
      end)

      it(fault .. " after both close frames adds nothing", function()
        local peer = open(role, { ping_interval = 0 }, fault)
        peer:send(frame(8, raw.close_payload(3001, "bye")))
        helper.wait_until(function() return events[1] end)
        assert.equal(8, (peer:frame()))
        faults[fault](peer, frame(2, ("x"):rep(300)))
        wait_for_end_of_connection()
        bury(peer, fault)
        assert.same({ { "close", 3001, "bye" } }, events)
      end)

      it(fault .. " after it broke a rule is one on_error and one on_close", function()
        local peer = open(role, { ping_interval = 0 }, fault)
        peer:send(frame(3, "x"))
        assert.equal(8, (peer:frame()))
        faults[fault](peer, frame(2, ("x"):rep(300)))
        wait_for_end_of_connection()
        bury(peer, fault)
        assert.equal(2, #events)
        assert.same({ "error", "the opcode is reserved", "RESERVED_OPCODE" }, events[1])
        assert.equal(1002, events[2][2])
      end)
    end
  end)
end

describe("a client that", function()
  setup(setup_file)
  teardown(end_file)
  before_each(before)
  after_each(after)

  -- Connects with handlers and waits for the one error; then without. Both must say the same.
  local function fails(url, options)
    events, options = {}, options or {}
    local function connect_with(more)
      for key, value in pairs(options) do more[key] = value end
      return ws.connect(url, more)
    end
    assert(connect_with(noting {}))
    wait_for_end_of_connection()
    assert.equal(1, #events)
    assert.equal("error", events[1][1])
    local conn, message, code = connect_with {}
    assert.is_nil(conn)
    assert.equal(events[1][3], code)
    return code, message
  end

  it("gets no answer to its SYN gives up in time", function()
    local hole = raw.hole()
    local code, message = fails("ws://127.0.0.1:" .. hole.port, { timeout = limit })
    assert.equal("ETIMEDOUT", code)
    assert.equal(("the server could not be reached in time: 127.0.0.1:%d: no answer")
      :format(hole.port), message)
    hole:close()
  end)

  it("is closed while it gets no answer to its SYN tells so once", function()
    local hole = raw.hole()
    local conn = assert(ws.connect("ws://127.0.0.1:" .. hole.port, noting {}))
    core.step(0)
    conn:close()
    wait_for_end_of_connection()
    assert.equal(1, #events)
    assert.equal("CLOSED", events[1][3])
    hole:close()
  end)

  it("asks for a name that cannot be tells it", function()
    local name = ("a"):rep(64) .. ".invalid" -- too long a label to reach a name server
    local code, message = fails("ws://" .. name .. "/")
    assert.matches("^EAI_", code)
    assert.matches(name, message, 1, true)
  end)

  it("gets an answer that drips gives up in time", function()
    local answer = "HTTP/1.1 101 Switching Protocols\r\nX-Long: " .. ("x"):rep(1000)
    local function drip() return listener:accept():drip(answer, 1, 0.02) end
    helper.with_limit(function(timeout)
      local first, second = drip(), drip()
      local code, message = fails("ws://127.0.0.1:" .. listener.port, { timeout = timeout })
      assert.equal("ETIMEDOUT", code)
      assert.equal("the server did not answer the handshake in time", message)
      first:close()
      second:close()
    end)
  end)
end)
