-- server:reload: new handlers for new connections; certificates are in tls_spec.lua.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local function answer(text)
  return function(conn, message) conn:send(text .. " " .. message) end
end

describe("server:reload", function()
  local server
  local function start(options)
    options.port = 0
    server = assert(ws.serve(options))
  end
  after_each(function() server:stop() end)
  teardown(raw.end_specs)

  local function open(options)
    return assert(ws.connect("ws://127.0.0.1:" .. server.port .. "/", options))
  end

  local function ask(conn)
    conn:send("?")
    return (conn:receive(30))
  end

  local function asked(options)
    local conn = open(options)
    local said = ask(conn)
    conn:close()
    conn:receive(30)
    return said
  end

  it("gives new connections new handlers, and leaves the others theirs", function()
    local closed = {}
    start { on_message = answer "old", on_close = function() closed[#closed + 1] = "old" end }
    local before = open()
    assert.is_true(server:reload {
      on_message = answer "new", on_close = function() closed[#closed + 1] = "new" end,
    })
    local after = open()
    assert.equal("old ?", ask(before))
    assert.equal("new ?", ask(after))
    before:close()
    before:receive(30)
    after:close()
    after:receive(30)
    helper.wait_until(function() return #closed == 2 end)
    assert.same({ "old", "new" }, closed)
  end)

  it("goes from handlers to routes and back", function()
    start { on_message = answer "handlers" }
    assert.equal("handlers ?", asked())
    assert.is_true(server:reload { routes = { ["WS /"] = { on_message = answer "routes" } } })
    assert.equal("routes ?", asked())
    assert.is_true(server:reload { routes = { ["WS /elsewhere"] = print } })
    local conn, _, code = ws.connect("ws://127.0.0.1:" .. server.port .. "/")
    assert.is_nil(conn)
    assert.equal("HTTP_STATUS", code)
    assert.is_true(server:reload {
      on_upgrade = function() return { name = "decided" } end,
      on_message = function(peer, message) peer:send(peer.data.name .. " " .. message) end,
    })
    assert.equal("decided ?", asked())
    assert.is_true(server:reload { on_chunk = function(peer, chunk, _, final)
      if final then peer:send("chunks " .. chunk) end
    end })
    assert.equal("chunks ?", asked())
    assert.is_true(server:reload { on_message = answer "handlers" })
    assert.equal("handlers ?", asked())
  end)

  it("decides about requests that were not complete", function()
    start { on_message = answer "old" }
    local request = raw.request()
    local peer = raw.connect(server.port):send(request:sub(1, 30))
    helper.wait_until(function() return server:stats().accepted == 1 end)
    assert.is_true(server:reload { on_message = answer "new" })
    peer:send(request:sub(31))
    assert.matches("^HTTP/1.1 101 ", peer:read_until("\r\n\r\n"))
    peer:send(raw.client_frame(1, "?"))
    assert.same({ 1, "new ?", true }, { peer:frame() })
    peer:close()
  end)

  it("lets an on_upgrade that waits finish with the handlers it belongs to", function()
    local waiting
    start {
      on_upgrade = function()
        waiting = true
        while waiting do ws.sleep(0.005) end
        return {}
      end,
      on_message = answer "old",
    }
    local peer = raw.connect(server.port):send(raw.request())
    helper.wait_until(function() return waiting end)
    assert.is_true(server:reload { on_message = answer "new" })
    waiting = false
    assert.matches("^HTTP/1.1 101 ", peer:read_until("\r\n\r\n"))
    peer:send(raw.client_frame(1, "?"))
    assert.same({ 1, "old ?", true }, { peer:frame() })
    peer:close()
    assert.equal("new ?", asked())
  end)

  it("keeps the server's subprotocols", function()
    local function protocol() return asked { protocols = { "v2", "v1" } } end
    local function tell(conn) conn:send(tostring(conn.protocol)) end
    start { protocols = { "v1", "v2" }, on_message = tell }
    assert.equal("v1", protocol())
    assert.is_true(server:reload { routes = { ["WS /"] = { on_message = tell } } })
    assert.equal("v1", protocol())
    assert.is_true(server:reload {
      routes = { ["WS /"] = { protocols = { "v2" }, on_message = tell } },
    })
    assert.equal("v2", protocol())
    assert.is_true(server:reload { on_message = tell })
    assert.equal("v1", protocol())
  end)

  it("answers the next request of a connection anew", function()
    local function page(text)
      return { ["POST /"] = function(req, res)
        local body = req:body()
        if body then res:send(text .. body) end
      end }
    end
    start { routes = page "old ", max_body = 8 }
    local head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: "
    local peer = raw.connect(server.port):send(head .. "3\r\n\r\nabc")
    assert.matches("old abc", peer:read_until("old abc"))
    assert.is_true(server:reload { routes = page "new " })
    peer:send(head .. "3\r\n\r\ndef")
    assert.matches("new def", peer:read_until("new def"))
    peer:send(head .. "9\r\n\r\n012345678") -- max_body is as it was
    assert.matches("^HTTP/1.1 413 ", peer:read_until("\r\n\r\n"))
    peer:close()
  end)

  it("works inside a handler, and forgets what it replaced", function()
    local old = setmetatable({}, { __mode = "k" })
    local function again(number)
      local handler = function(conn, message)
        assert.is_true(server:reload { on_message = again(number + 1) })
        conn:send(number .. " " .. message)
      end
      old[handler] = true
      return handler
    end
    start { on_message = again(1) }
    for i = 1, 20 do assert.equal(i .. " ?", asked()) end
    local count = 0
    helper.wait_until(function()
      collectgarbage()
      count = 0
      for _ in pairs(old) do count = count + 1 end
      return count <= 2 or jit -- which keeps what its traces are specialized to
    end)
  end)

  it("changes nothing on a server that has ended", function()
    start { on_message = print }
    server:stop()
    helper.wait_until(function() return not server.listening end)
    assert.is_true(server:reload { on_message = print })
  end)

  it("raises on what it cannot mean, and changes nothing", function()
    start { on_message = answer "old" }
    local needs = "reload needs something new: tls, routes, or handlers such as on_message"
    assert.has_error(function() server:reload {} end, needs)
    assert.has_error(function() server:reload { port = 1 } end, "unknown option 'port'")
    assert.has_error(function() server:reload { routes = {}, on_open = print } end,
      "reload takes routes or handlers, not both: put the handlers into a route like \"WS /path\"")
    assert.has_error(function() server:reload { routes = { x = print } } end,
      "route 'x' must be a method, a space and a path, like 'GET /page'")
    assert.has_error(function()
      server:reload { on_message = print, tls = "self-signed" }
    end, "reload cannot give TLS to a server without it")
    assert.equal("old ?", asked())
  end)
end)
