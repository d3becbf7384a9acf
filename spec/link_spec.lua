-- The link that ws.connect returns with the option `reconnect`: what ends it, what its handlers are
-- told, and what it leaves behind.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local links = require "spec.links"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local fast, url_of, watch = links.fast, links.url_of, links.watch
local wait_for, expect_over = links.wait_for, links.expect_over
local expect_gives_up = links.expect_gives_up

local servers = {}
local function serve(options)
  options = options or {}
  options.port = options.port or 0
  options.on_message = options.on_message or print
  local server = assert(ws.serve(options))
  servers[#servers + 1] = server
  return server
end

local function stop_servers()
  links.close()
  for _, server in ipairs(servers) do
    if server.listening then server:stop() end
  end
  servers = {}
end

describe("a link", function()
  after_each(stop_servers)
  teardown(raw.end_specs)

  it("survives its server", function()
    local port = helper.free_port()
    local server = serve { port = port }
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
