-- Upgrades that a script decides about later: what the client does meanwhile. What it decides is in
-- server_spec.lua, how peers fail at each stage in faults_spec.lua.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server

local function serve(options)
  options.port = 0
  server = assert(ws.serve(options))
end

local function after()
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
end

describe("the method WS, which stands for upgrades in routes,", function()
  teardown(raw.end_specs)
  after_each(after)

  it("is none that a client could ask for", function()
    serve { routes = { ["WS /a"] = { on_message = print }, ["WS /b/:c"] = { on_message = print } } }
    assert.same({}, helper.reports_of(function()
      for _, path in ipairs { "/a", "/b/c" } do
        local answers = {}
        for i, method in ipairs { "WS", "PUT" } do
          local peer = raw.connect(server.port)
          peer:send(("%s %s HTTP/1.1\r\nHost: x\r\n\r\n"):format(method, path))
          answers[i] = peer:read_until("\r\n\r\n"):match("^HTTP/1.1 (%d+) ")
          peer:close()
        end
        assert.equal(answers[2], answers[1])
      end
    end))
  end)
end)

describe("an on_upgrade that waits", function()
  teardown(raw.end_specs)
  after_each(after)

  -- A server whose on_upgrade lets in when it is told to; what happened is in `seen`.
  local seen, decide, result, decided
  local function serve_waiting(options)
    seen, decide, result, decided = {}, false, true, false
    options.on_upgrade = function(req)
      assert(req == req:on_close(function(it, message, code)
        assert(it == req and message:find "client has gone")
        seen[#seen + 1] = code
      end))
      seen[#seen + 1] = "asked"
      repeat ws.sleep(0.001) until decide
      decided = true
      if result then return true end
      return nil, 401
    end
    options.on_message = function(conn, message, kind) conn:send(message, kind) end
    options.on_open = function() seen[#seen + 1] = "open" end
    options.on_close = function() seen[#seen + 1] = "close" end
    serve(options)
  end

  local function wait_for(count)
    helper.wait_until(function() return #seen >= count end, count .. " events")
  end

  -- Lets it decide when nobody is there any more.
  local function decide_in_vain()
    decide = true
    helper.wait_until(function() return decided end, "the decision")
    after()
  end

  it("keeps what follows the request for the connection", function()
    serve_waiting { max_message = "2M" }
    local large = ("0123456789abcdef"):rep(65536)
    local peer = raw.connect(server.port):send(raw.request() .. raw.client_frame(1, "first"))
    wait_for(1)
    peer:send(raw.client_frame(1, "second")):send(raw.client_frame(2, large))
    peer:send(raw.client_frame(1, "last"))
    decide = true
    assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
    for _, text in ipairs { "first", "second", large, "last" } do
      assert.is_true(text == select(2, peer:frame()))
    end
    peer:close()
    wait_for(3)
    assert.same({ "asked", "open", "close" }, seen)
  end)

  it("is told that its client has gone, whatever that sent", function()
    for _, ending in ipairs { "close", "half_close", "reset" } do
      for _, more in ipairs { "", raw.client_frame(1, "first"), ("x"):rep(5000) } do
        serve_waiting { handshake_timeout = 60 }
        local peer = raw.connect(server.port):send(raw.request() .. more)
        wait_for(1)
        peer[ending](peer)
        wait_for(2)
        helper.wait_until(function() return server:stats().connections == 0 end, "its end")
        decide_in_vain()
        assert.same({ "asked", "HTTP_GONE" }, seen)
        peer:close()
      end
    end
  end)

  it("is not told so when it decided", function()
    for _, answer in ipairs { true, false } do
      serve_waiting {}
      result, decide = answer, true
      local peer = raw.connect(server.port):send(raw.request())
      assert.matches(answer and "^HTTP/1.1 101 " or "^HTTP/1.1 401 ",
        (peer:read_until("\r\n\r\n")))
      peer:close()
      after()
      assert.same(answer and { "asked", "open", "close" } or { "asked" }, seen)
    end
  end)

  it("is told when the server stops", function()
    serve_waiting {}
    local peer = raw.connect(server.port):send(raw.request())
    wait_for(1)
    server:stop()
    assert.matches("^HTTP/1.1 503 ", (peer:read_all()))
    peer:close()
    decide_in_vain()
    assert.same({ "asked", "HTTP_GONE" }, seen)
  end)

  -- Another connection's message decides, behind one that takes long: all comes in one turn.
  local function decide_in_one_turn(act, last)
    local teller, asked
    seen = {}
    local function note(name) return function() seen[#seen + 1] = name end end
    serve { routes = {
      ["WS /tell"] = { on_open = function(conn) teller = conn end },
      ["WS /busy"] = { on_message = function()
        local over = os.clock() + 0.3
        repeat until os.clock() > over
      end },
      ["WS /x"] = {
        on_upgrade = function(req)
          req:on_close(note "gone")
          asked = true
          teller:receive()
          return true
        end,
        on_open = note "open", on_close = note "close",
        on_message = function(_, message) seen[#seen + 1] = message end,
      },
    } }
    local tell, busy = raw.open(server.port, "/tell"), raw.open(server.port, "/busy")
    local peer = raw.connect(server.port):send(raw.request("/x") .. raw.client_frame(1, "one"))
    helper.wait_until(function() return teller and asked end)
    busy:send(raw.client_frame(1, "x"))
    tell:send(raw.client_frame(1, "x"))
    act(peer)
    helper.wait_until(function() return seen[#seen] == "gone" or seen[#seen] == last end, last)
    for _, one in ipairs { tell, busy, peer } do one:close() end
    return seen
  end

  it("opens before what comes in the turn of its decision", function()
    assert.same({ "open", "one", "two" }, decide_in_one_turn(function(peer)
      peer:send(raw.client_frame(1, "two"))
    end, "two"))
  end)

  it("opens before an end that comes in the turn of its decision", function()
    local events = decide_in_one_turn(function(peer) peer:half_close() end, "close")
    -- On a slow machine the end may come first.
    assert.same(events[1] == "gone" and { "gone" } or { "open", "one", "close" }, events)
  end)

  it("is for upgrades", function()
    local reports = helper.reports_of(function()
      serve { routes = { ["GET /"] = function(req) req:on_close(print) end } }
      local peer = raw.connect(server.port):send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
      assert.matches("^HTTP/1.1 500 ", (peer:read_until("\r\n\r\n")))
      peer:close()
    end)
    assert.matches("req:on_close is for on_upgrade", reports[1], 1, true)
  end)
end)
