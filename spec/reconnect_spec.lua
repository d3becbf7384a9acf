-- ws.connect with the option `reconnect`: servers that die at every stage and come back, what ends a
-- link for good, and what its handlers are told.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local fast = { min = 0.001, max = 0.002 }

local function url_of(port) return ("ws://127.0.0.1:%d/"):format(port) end

-- A link whose handlers write down what they were called with: { open = count, close = { code, ... },
-- again = { { attempt, delay, why, code }, ... }, error = { { message, code, conn }, ... } }.
local links = {}

local function watch(port, options, more)
  local seen = { open = 0, close = {}, again = {}, error = {} }
  local each = {
    reconnect = options or fast, close_timeout = 0.1,
    on_open = function(conn)
      seen.open, seen.conn = seen.open + 1, conn
    end,
    on_close = function(_, code) table.insert(seen.close, code) end,
    on_reconnect = function(...) table.insert(seen.again, { ... }) end,
    on_error = function(conn, message, code) table.insert(seen.error, { message, code, conn }) end,
  }
  for name, value in pairs(more or {}) do each[name] = value end
  links[#links + 1] = seen
  seen.link = assert(ws.connect(type(port) == "string" and port or url_of(port), each))
  return seen
end

local function wait_for(seen, field, count)
  helper.wait_until(function()
    return (type(seen[field]) == "table" and #seen[field] or seen[field]) >= count
  end, ("%d of %s"):format(count, field))
end

-- It is closed, nothing is called any more, and nothing of it is left.
local function expect_over(seen)
  helper.wait_until(function() return seen.link.state == "closed" end, "the link's end")
  assert.is_nil(seen.link.conn)
  local before = { seen.open, #seen.close, #seen.again, #seen.error }
  helper.wait_until(function()
    local alive = core.leaks()
    return alive.connections == 0 and alive.timers == 0
  end, "what is left")
  assert.same(before, { seen.open, #seen.close, #seen.again, #seen.error })
end

local function expect_gives_up(seen, code, pattern)
  wait_for(seen, "error", 1)
  assert.equal(code, seen.error[1][2])
  assert.matches("^gave up: .*" .. pattern, seen.error[1][1])
  assert.is_userdata(seen.error[1][3])
  expect_over(seen)
  assert.equal(1, #seen.error)
end

local servers = {}
local function serve(options)
  options = options or {}
  options.port = options.port or 0
  options.on_message = options.on_message or print
  local server = assert(ws.serve(options))
  servers[#servers + 1] = server
  return server
end

-- After a spec that failed, so that the next ones do not.
local function close_links()
  for _, seen in ipairs(links) do
    if seen.link then seen.link:close() end
  end
  links = {}
end

local function stop_servers()
  close_links()
  for _, server in ipairs(servers) do
    if server.listening then server:stop() end
  end
  servers = {}
end

describe("a server that dies", function()
  local listener
  before_each(function() listener = raw.listen() end)
  after_each(function()
    close_links()
    listener:close()
  end)
  teardown(raw.end_specs)

  local function upgrade() return listener:upgrade() end

  for _, case in ipairs {
    { "when it has accepted", nil, function() return listener:accept():close() end },
    { "with a reset when it has accepted", nil, function()
      return listener:accept():tell("upgrade", "00", "", 1):reset()
    end },
    { "in the middle of its answer", "EOF", function()
      return listener:upgrade("HTTP/1.1 101 Switch"):close()
    end },
    { "and says nothing", "ETIMEDOUT", function() return listener:accept() end },
    { "and answers 503", "HTTP_STATUS", function()
      return listener:upgrade("HTTP/1.1 503 Later\r\nContent-Length: 0\r\n\r\n"):close()
    end },
    { "and answers nonsense", "HTTP_VERSION", function()
      return listener:upgrade("HTTP/9.1 200 OK\r\n\r\n"):close()
    end },
    { "when it is open", "CLOSED", function() return upgrade():close() end, close = 1006 },
    { "with a reset when it is open", "CLOSED", function() return upgrade():reset() end,
      close = 1006 },
    { "in the middle of a frame", "CLOSED", function() return upgrade():send("\129"):close() end,
      close = 1006 },
    { "going away", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1001, "bye")))
    end, close = 1001 },
    { "with a restart", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1012)))
    end, close = 1012 },
    { "with a normal close", "CLOSED", function()
      return upgrade():send(raw.server_frame(8, raw.close_payload(1000)))
    end, close = 1000 },
    { "and breaks the protocol", "CLOSED", function()
      return upgrade():send(raw.client_frame(1, "masked"))
    end, close = 1002, errors = 1 },
  } do
    it(case[1] .. " is connected to again", function()
      local peer = case[3]()
      local seen = watch(listener.port, nil, { timeout = case[2] == "ETIMEDOUT" and 0.05 or 5 })
      wait_for(seen, "again", 1)
      local attempt, delay, why, code = (table.unpack or unpack)(seen.again[1])
      assert.equal(1, attempt)
      assert.is_true(delay >= 0.001 and delay <= 0.002)
      assert.is_string(why)
      if case[2] then assert.equal(case[2], code) end
      assert.same({ case.close }, seen.close)
      assert.equal(case.errors or 0, #seen.error)
      local next_peer = upgrade()
      wait_for(seen, "open", case.close and 2 or 1)
      assert.equal("open", seen.link.state)
      assert.equal(seen.conn, seen.link.conn)
      assert.is_true(seen.link:send("hello"))
      assert.same({ 1, "hello", true }, { next_peer:frame() })
      assert.is_true(seen.link:close(4000))
      assert.equal("closing", seen.link.state)
      assert.same({ 8, raw.close_payload(4000), true }, { next_peer:frame() })
      next_peer:send(raw.server_frame(8, raw.close_payload(4000)))
      peer:close()
      next_peer:close()
      expect_over(seen)
      assert.equal(case.close and 2 or 1, #seen.close)
    end)
  end

  it("again and again is connected to with ever longer delays, and an end", function()
    local seen = watch(listener.port, { min = 0.001, max = 0.008, attempts = 3 })
    for number = 1, 4 do
      upgrade():close()
      wait_for(seen, "close", number)
    end
    wait_for(seen, "error", 1)
    for number, again in ipairs(seen.again) do
      assert.equal(number, again[1])
      assert.is_true(again[2] >= 0.001 and again[2] <= 0.001 * 2 ^ number)
    end
    assert.equal(3, #seen.again)
    assert.matches("^gave up after 3 attempts: the connection is closed %(1006", seen.error[1][1])
    assert.equal("CLOSED", seen.error[1][2])
    expect_over(seen)
  end)

  it("after a stable time is connected to as if for the first time", function()
    local seen = watch(listener.port, { min = 0.001, max = 0.002, stable = 0, attempts = 1 })
    for number = 1, 4 do
      upgrade():close()
      wait_for(seen, "again", number)
      assert.equal(1, seen.again[number][1])
      assert.equal(1, seen.link.attempt)
    end
    seen.link:close()
    expect_over(seen)
  end)

  it("is left alone for as long as Retry-After says", function()
    local peer = listener:upgrade(
      "HTTP/1.1 429 Slow down\r\nRetry-After: 100\r\nContent-Length: 0\r\n\r\n")
    local seen = watch(listener.port)
    wait_for(seen, "again", 1)
    assert.is_true(seen.again[1][2] >= 100.001 and seen.again[1][2] <= 100.002)
    assert.equal("waiting", seen.link.state)
    seen.link:close()
    expect_over(seen)
    peer:close()
  end)

  it("and refuses us for good ends it", function()
    local peer = listener:upgrade():send(raw.server_frame(8, raw.close_payload(1008, "banned")))
    local seen = watch(listener.port)
    expect_gives_up(seen, "CLOSED", "%(1008: banned%)")
    assert.same({ 1008 }, seen.close)
    assert.equal(0, #seen.again)
    peer:close()
  end)
end)

describe("a link", function()
  after_each(stop_servers)
  teardown(raw.end_specs)

  it("survives its server", function()
    local server = serve()
    local port = server.port
    local seen = watch(port)
    wait_for(seen, "open", 1)
    server:stop()
    wait_for(seen, "again", 3) -- nobody listens
    assert.equal("ECONNREFUSED", seen.again[3][4])
    assert.is_nil(seen.link.conn)
    assert.same({ nil, "CLOSED" }, { seen.link:send("x"), select(3, seen.link:send("x")) })
    serve { port = port }
    wait_for(seen, "open", 2)
    assert.same({ 1001 }, seen.close)
    seen.link:close(1000, "enough")
    wait_for(seen, "close", 2)
    expect_over(seen)
    assert.equal(0, #seen.error)
  end)

  it("gives up on 401, with the answer at hand", function()
    local server = serve { on_upgrade = function() return nil, 401, "log in first" end }
    local seen = watch(server.port)
    expect_gives_up(seen, "HTTP_STATUS", "401 Unauthorized: log in first")
    assert.equal(401, seen.error[1][3].response.status)
    assert.equal(0, #seen.again + #seen.close)
  end)

  it("gives up on a certificate that it does not trust", function()
    local server = serve { tls = certificates.server("self") }
    local seen = watch(("wss://127.0.0.1:%d/"):format(server.port))
    expect_gives_up(seen, "TLS_SELF_SIGNED", "self%-signed")
  end)

  it("goes on over TLS", function()
    local server = serve {
      tls = certificates.server(), on_open = function(conn) conn:terminate() end,
    }
    local url = ("wss://127.0.0.1:%d/"):format(server.port)
    local seen = watch(url, nil, { tls = certificates.client() })
    wait_for(seen, "again", 2)
    seen.link:close()
    expect_over(seen)
  end)

  it("tries what will not mend when it is told to", function()
    local server = serve { on_upgrade = function() return nil, 401 end }
    local asked = {}
    local seen = watch(server.port, {
      min = 0.001, max = 0.001,
      retry = function(_, code, response)
        asked[#asked + 1] = code .. response.status
        return #asked < 3
      end,
    })
    expect_gives_up(seen, "HTTP_STATUS", "401")
    assert.same({ "HTTP_STATUS401", "HTTP_STATUS401", "HTTP_STATUS401" }, asked)
    assert.equal(2, #seen.again)
  end)

  it("ends with conn:close, in any handler", function()
    for _, name in ipairs { "on_open", "on_message" } do
      local server = serve { on_open = function(conn) conn:send("x") end }
      local seen = watch(server.port, nil, { [name] = function(conn) conn:close(4001) end })
      wait_for(seen, "close", 1)
      assert.same({ 4001 }, seen.close)
      expect_over(seen)
      assert.equal(0, #seen.again + #seen.error)
    end
  end)

  it("does not end with conn:terminate", function()
    local seen = watch(serve().port)
    wait_for(seen, "open", 1)
    seen.conn:terminate()
    wait_for(seen, "open", 2)
    assert.matches("1006: terminated", seen.again[1][3])
    seen.link:close()
    expect_over(seen)
  end)

  it("ends with link:close while it connects", function()
    local listener = raw.listen()
    local peer = listener:accept()
    local seen = watch(listener.port)
    assert.equal("connecting", seen.link.state)
    core.step(0)
    seen.link:close()
    expect_over(seen)
    assert.equal(0, #seen.again + #seen.error + #seen.close + seen.open)
    assert.is_true(seen.link:close())
    peer:close()
    listener:close()
  end)

  it("ends with link:close in each of its handlers", function()
    local server = serve()
    local port = server.port
    local function closes(name, more, ...)
      local seen
      local handlers = { [name] = function() seen.link:close() end }
      for key, value in pairs(more or {}) do handlers[key] = value end
      seen = watch(port, ..., handlers)
      helper.wait_until(function() return seen.link.state == "closed" end, name)
      expect_over(seen)
      return seen
    end
    assert.same({ 1000 }, closes("on_open").close)
    local function terminate(conn) conn:terminate() end
    assert.equal(0, #closes("on_close", { on_open = terminate }).again)
    assert.same({ 1006 }, closes("on_reconnect", { on_open = terminate }).close)
    server:stop()
    closes("on_error", nil, { min = 0.001, max = 0.001, attempts = 1 })
  end)

  it("ends with link:close even when the connection is over and on_close still to come", function()
    local listener = raw.listen()
    local peer = listener:upgrade()
    local seen
    seen = watch(listener.port, nil, {
      on_error = function(_, _, code)
        assert.equal("MASKED", code)
        seen.link:close()
      end,
    })
    wait_for(seen, "open", 1)
    peer:send(raw.client_frame(1, "masked"))
    wait_for(seen, "close", 1)
    peer:close()
    listener:close()
    expect_over(seen)
    assert.equal(0, #seen.again)
  end)

  for _, name in ipairs { "on_open", "on_close", "on_reconnect" } do
    it("goes on when " .. name .. " throws", function()
      local server = serve { on_open = function(conn) conn:close(1012) end }
      local count, seen = 0, nil
      local reports = helper.reports_of(function()
        seen = watch(server.port, nil, {
          [name] = function()
            count = count + 1
            error("on purpose")
          end,
        })
        helper.wait_until(function() return count == 3 end)
        seen.link:close()
        expect_over(seen)
      end)
      -- Of a connection's handlers on_error hears; on_reconnect belongs to none.
      assert.is_true(#seen.error >= 2 or #reports == 3)
      for _, err in ipairs(seen.error) do assert.equal("HANDLER", err[2]) end
      for _, report in ipairs(reports) do assert.matches("on purpose\nstack", report) end
    end)
  end

  it("that gives up without on_error is not silent", function()
    local server = serve { on_upgrade = function() return nil, 403 end }
    local reports = helper.reports_of(function(reports)
      assert(ws.connect(url_of(server.port), { reconnect = fast, on_open = print }))
      helper.wait_until(function() return #reports > 0 end)
    end)
    assert.equal(1, #reports)
    assert.matches("^gave up: .*403.*%(HTTP_STATUS%)$", reports[1])
  end)

  it("tells in on_close what was not sent", function()
    local listener = raw.listen()
    local peer, unsent = listener:upgrade(), nil
    local seen = watch(listener.port, nil, {
      on_open = function(conn)
        repeat until not conn:send(("x"):rep(65536))
        conn:terminate()
      end,
      on_close = function(conn) unsent = conn.unsent end,
    })
    helper.wait_until(function() return unsent end)
    seen.link:close()
    assert.is_true(unsent > 0)
    peer:close()
    listener:close()
    expect_over(seen)
  end)

  it("keeps ws.run running while it waits, and nothing when it is closed", function()
    local status, out, err = helper.run_lua [[
      local ws = require "lunawire"
      local link = ws.connect("ws://127.0.0.1:1/", {
        reconnect = { min = 0.001, max = 0.001 },
        on_reconnect = function(attempt)
          io.write(attempt, " ")
          if attempt == 3 then ws.stop() end
        end,
      })
      ws.run()
      ws.after(0, function() link:close() end)
      ws.run()
      print(link.state)
    ]]
    assert.same({ 0, "" }, { status, err })
    assert.matches("^1 2 3 .*closed\n$", out)
  end)

  it("may be left behind in any state when the script ends", function()
    local server = serve()
    local script = [[
      local ws = require "lunawire"
      local function handlers(more)
        local t = { reconnect = { min = 10, max = 10 }, on_open = function() end }
        for name, value in pairs(more or {}) do t[name] = value end
        return t
      end
      local function stop() ws.stop() end
      ws.connect("ws://127.0.0.1:1/", handlers { on_reconnect = stop })
      ws.run()
      ws.connect(arg[1], handlers { on_open = stop })
      ws.run()
      ws.connect(arg[1], handlers())
      ws.connect(arg[1], handlers { on_open = function(conn) conn:terminate() end,
        on_close = stop })
      ws.run()
    ]]
    local process = helper.background { helper.lua, helper.file(script), url_of(server.port) }
    helper.wait_until(function() return process:done() end)
    assert.same({ 0, "", "" }, { process:wait() })
  end)
end)

describe("ws.connect with reconnect", function()
  local url = url_of(1)
  teardown(helper.check_leaks)

  it("says at once what is wrong with the URL", function()
    assert.equal("URL_SCHEME",
      (select(3, ws.connect("http://x/", { reconnect = true, on_open = print }))))
    assert.equal("TLS_CA_FILE", (select(3, ws.connect("wss://x/", {
      reconnect = true, on_open = print, tls = { ca = "/nowhere/ca.pem" },
    }))))
  end)

  it("raises on misuse", function()
    assert.has_error(function() ws.connect(url, { reconnect = true }) end,
      "reconnect needs handlers; without any write "
        .. "`for conn in ws.connections(url, options) do ... end`")
    assert.has_error(function() ws.connect(url, { on_reconnect = print }) end,
      "on_reconnect needs the option reconnect")
    assert.has_error(function() ws.connect(url, { reconnect = { mn = 1 }, on_open = print }) end,
      "reconnect has an unknown option 'mn': did you mean 'min'?")
    assert.has_error(function() ws.connect(url, { reconnect = 5, on_open = print }) end,
      "reconnect must be true or a table, not 5")
  end)

  it("= false connects once", function()
    local code
    ws.connect(url, { reconnect = false, on_error = function(_, _, c) code = c end })
    helper.wait_until(function() return code end)
    assert.equal("ECONNREFUSED", code)
  end)
end)
