-- A server answers from what was loaded when it was set up: its files may be out of reach since.

local helper = require "spec.helper"
local http = require "spec.http_peer"
local raw = require "spec.raw_peer"

-- Serves the options, loses sight of every file, and says its port.
local script = [[
  local ws = require "lunawire"
  local server
  server = assert(ws.serve %s)
  package.path, package.cpath = "", ""
  for name in pairs(package.preload) do package.preload[name] = nil end
  local searchers = package.searchers or package.loaders
  for i = #searchers, 1, -1 do searchers[i] = nil end
  collectgarbage()
  collectgarbage()
  io.write(server.port, "\n")
  io.flush()
  ws.run()
]]

-- { path, routes, answer, body = of a POST }.
local pages = {
  page = { "/?a=b", [[["GET /"] = function(req, res) res:send(req.query.a) end]], "200 b" },
  parameters = {
    "/p/1", [[["GET /p/:id"] = function(req, res) res:send(req.params.id) end]], "200 1",
  },
  ["look at the head"] = {
    "/", [[["GET /"] = function(req, res) res:send(req.headers.host) end]], "200 x",
  },
  ["handler that waits"] = {
    "/", [[["GET /"] = function(_, res) ws.sleep(0) res:send("slept") end]], "200 slept",
  },
  ["handler that throws"] = {
    "/", [[["GET /"] = function() error "no" end]], "500 something went wrong here\n",
  },
  ["whole body"] = {
    "/", [[["POST /"] = function(req, res) res:send(req:body()) end]], "200 abc", body = "abc",
  },
  ["body in pieces"] = {
    "/", [[["POST /"] = function(req, res)
      req:on_body(function(piece, final) if final then res:send("had " .. piece) end end)
    end]], "200 had abc", body = "abc",
  },
}

-- What is served, and what a client gets that opens "/1" and says "hi".
local upgrades = {
  ["coroutine route"] = [[{ port = 0, routes = {
    ["WS /1"] = function(conn) conn:send(conn:receive() .. conn.request.path) end,
  } }]],
  ["route with parameters"] = [[{ port = 0, routes = { ["WS /:id"] = {
    on_message = function(conn, text) conn:send(text .. "/" .. conn.request.params.id) end,
  } } }]],
  ["route that asks in on_open"] = [[{ port = 0, routes = { ["WS /1"] = {
    on_open = function(conn) conn.data = conn.request.path end,
    on_message = function(conn, text) conn:send(text .. conn.data) end,
  } } }]],
  ["route with protocols"] = [[{ port = 0, routes = { ["WS /1"] = {
    protocols = { "a" }, on_message = function(conn, text) conn:send(text .. "/1") end,
  } } }]],
  ["route with on_upgrade"] = [[{ port = 0, routes = { ["WS /1"] = {
    on_upgrade = function(req) ws.sleep(0) return req.path, { headers = { ["X-A"] = "b" } } end,
    on_message = function(conn, text) conn:send(text .. conn.data) end,
  } } }]],
  ["server with on_upgrade"] = [[{
    port = 0, on_upgrade = function(req) ws.sleep(0) return req.path end,
    on_message = function(conn, text) conn:send(text .. conn.data) end,
  }]],
  ["server that asks in on_open"] = [[{
    port = 0, on_open = function(conn) conn.data = conn.request.path end,
    on_message = function(conn, text) conn:send(text .. conn.data) end,
  }]],
  ["server that waits in messages"] = [[{
    port = 0, on_open = function(conn) conn.data = "/1" end,
    on_message = function(conn, text)
      ws.spawn(function() ws.sleep(0) conn:send(text .. conn.data) end)
    end,
  }]],
  ["server whose connections are read"] = [[{ port = 0, on_open = function(conn)
    ws.spawn(function() conn:send(conn:receive() .. "/1") end)
  end }]],
}

local upgrade = "GET /1 HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
  .. "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"

describe("a server that lost sight of its files", function()
  local process
  after_each(function()
    if process then process:stop() end
    process = nil
  end)
  teardown(raw.end_specs)

  local function serve(options)
    process = helper.background { helper.lua, helper.file(script:format(options)) }
    return (assert(tonumber(process:read_line()), "it does not listen"))
  end

  local function serve_routes(routes)
    return serve("{ port = 0, routes = { " .. routes .. " } }")
  end

  local function get(port, path)
    return (http.read_answer(raw.connect(port):send(http.get(path))))
  end

  for name, case in pairs(pages) do
    it("still has a " .. name, function()
      local path, routes, expected = case[1], case[2], case[3]
      local request = case.body and http.post(path, #case.body, case.body) or http.get(path)
      local peer = raw.connect(serve_routes(routes)):send(request)
      assert.equal(expected, (http.read_answer(peer)))
    end)
  end

  for name, options in pairs(upgrades) do
    it("still has a " .. name, function()
      local peer = raw.connect(serve(options)):send(upgrade)
      assert.matches("^HTTP/1.1 101 ", peer:read_until("\r\n\r\n"))
      peer:send("\129\130\0\0\0\0hi")
      assert.equal("\129\4hi/1", peer:read(6))
    end)
  end

  it("still refuses upgrades", function()
    local port = serve_routes [[["WS /1"] = { on_upgrade = function()
      return nil, 404, "nobody", { ["X-A"] = "b" }
    end }]]
    local answer, head = http.read_answer(raw.connect(port):send(upgrade))
    assert.equal("404 nobody", answer)
    assert.matches("\r\nX%-A: b\r\n", head)
  end)

  it("still serves files", function()
    local port = serve_routes [[["GET /*rest"] = ws.files("lua/lunawire")]]
    assert.equal("200 " .. helper.read "lua/lunawire/size.lua", get(port, "/size.lua"))
    assert.matches("^404 ", get(port, "/none"))
  end)

  it("stops", function()
    local port = serve_routes [[["GET /stop"] = function(_, res)
      res:send "stopping"
      server:stop()
    end]]
    assert.equal("200 stopping", get(port, "/stop"))
    assert.equal(0, (process:wait()))
  end)

  for _, call in ipairs { "reload { on_message = print }", "drain()" } do
    it("says clearly that it cannot " .. call:match("%l+") .. ", and goes on", function()
      local port = serve_routes([[["GET /"] = function(_, res)
        local _, message = pcall(function() server:]] .. call .. [[ end)
        res:send(message)
      end]])
      assert.matches("^200 lunawire needs its file %l+%.lua now: ", get(port, "/"))
      assert.matches("^200 lunawire needs its file %l+%.lua now: ", get(port, "/"))
    end)
  end
end)
