-- The Lua object of a server's connection, which most get with the first call that needs one.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"

local serve = raw.serve

describe("the object of a connection", function()
  teardown(raw.end_specs)
  after_each(raw.stop_servers)

  it("is the same for everybody who asks", function()
    local sender
    local handlers = { on_message = function(conn) sender = conn end }
    local server = serve { routes = { ["WS /"] = handlers } }
    local peer = raw.open(server.port)
    helper.wait_until(function() return server:connections()[1] end)
    local listed = server:connections()[1]
    assert.equal("open", listed.state)
    assert.equal("127.0.0.1", listed.remote_address)
    listed.name = "kept"
    peer:send(raw.client_frame(1, "x"))
    helper.wait_until(function() return sender end)
    assert.equal(listed, sender)
    assert.equal("kept", sender.name)
    peer:close()
  end)

  it("outlives its server and that one's object", function()
    local out = helper.output_of [[
      local ws = require "lunawire"
      local kept = {}
      do
        local server = assert(ws.serve { port = 0, on_message = function(conn)
          kept[1] = conn
          conn.server:stop()
        end })
        local client = assert(ws.connect("ws://127.0.0.1:" .. server.port))
        client:send "x"
        client:receive()
      end
      ws.run()
      for i = 2, 100 do
        collectgarbage()
        kept[i] = ("x"):rep(i) -- takes the place of what was collected
      end
      print(kept[1].state, kept[1].server)
    ]]
    assert.equal("closed\tnil\n", out)
  end)

  it("need not exist", function()
    local server = serve { routes = { ["WS /"] = { on_message = function() end } } }
    local close, pong = raw.client_frame(8, "\3\232"), raw.client_frame(10, "x")
    for _, bytes in ipairs { close, pong, "broken", "" } do
      local peer = raw.open(server.port):send(bytes)
      peer:half_close()
      peer:read_until_close()
      peer:close()
    end
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.equal(4, server:stats().opened)
  end)

  it("keeps the handlers that were the server's when it opened", function()
    local got = {}
    local function collect(name)
      return { ["WS /"] = { on_message = function() got[#got + 1] = name end } }
    end
    local server = serve { routes = collect "old" }
    local peer = raw.open(server.port)
    helper.wait_until(function() return server:stats().open == 1 end)
    assert.is_true(server:reload { routes = collect "new" })
    collectgarbage()
    local other = raw.open(server.port):send(raw.client_frame(1, "x"))
    helper.wait_until(function() return got[1] end)
    peer:send(raw.client_frame(1, "x"))
    helper.wait_until(function() return got[2] end)
    assert.same({ "new", "old" }, got)
    peer:close()
    other:close()
  end)

  it("knows what a script asks after the only message", function()
    local conn
    local server = serve { on_message = function(sender) conn = sender end }
    raw.open(server.port):send(raw.client_frame(1, "x") .. raw.client_frame(8, "\3\232"))
    helper.wait_until(function() return conn and conn.state == "closed" end)
    assert.equal("127.0.0.1", conn.remote_address)
    assert.equal("/", conn.request.path)
  end)

  it("is one, also when a finalizer asks for it while it is made", function()
    local out = helper.output_of([[
      local core = require "lunawire.core"
      local finalizers = require "spec.finalizers"
      local ws = require "lunawire"
      local before, got = core.leaks().references, 0
      local server = assert(ws.serve { port = 0, on_message = function() got = got + 1 end })
      for moment = 1, 30 do
        local client = assert(ws.connect("ws://127.0.0.1:" .. server.port))
        while server:stats().open == 0 do core.step() end
        finalizers.set(moment, function() server:connections() end)
        for _ = 1, 3 do client:send("x") end
        client:close()
        while server:stats().connections > 0 do core.step() end
        finalizers.stop()
      end
      server:stop()
      while core.step() do end
      server = nil
      collectgarbage()
      collectgarbage()
      print(got, core.leaks().references - before)
    ]], { timeout = 120 })
    assert.equal("90\t0\n", out)
  end)
end)
