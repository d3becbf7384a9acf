-- Lists of connections and of topics, and what is told of TLS, while finalizers change all that.

local helper = require "spec.helper"

-- What a script prints that has a server and open(count), which connects so many clients, and how
-- many connections, servers and references are left behind it.
local function output_of(script)
  return helper.output_of([[
    local core = require "lunawire.core"
    local finalizers = require "spec.finalizers"
    local ws = require "lunawire"
    local before = core.leaks().references
    local server = assert(ws.serve { port = 0, on_message = function() end })
    local function open(count)
      local clients, opened = {}, 0
      for i = 1, count do
        clients[i] = assert(ws.connect("ws://127.0.0.1:" .. server.port, {
          on_open = function() opened = opened + 1 end,
          on_message = function() end,
        }))
      end
      while opened < count or server:stats().open < count do core.step() end
      return clients
    end
  ]] .. script .. [[
    server:stop()
    while core.step() do end
    server = nil
    collectgarbage()
    collectgarbage()
    local left = core.leaks()
    print(left.connections, left.servers, left.references - before)
  ]], { timeout = 120 })
end

describe("a list", function()
  -- The server hears that they ended while it makes the list, sooner or later.
  it("of connections may lose them meanwhile", function()
    local out = output_of [[
      local seen = {}
      for moment = 1, 20 do
        for _, client in ipairs(open(60)) do client:terminate() end
        finalizers.set(moment, function()
          while server:stats().connections > 0 do core.step() end
        end)
        local listed = server:connections()
        finalizers.stop()
        for _, conn in ipairs(listed) do seen[conn.state] = true end
        while server:stats().connections > 0 do core.step() end
      end
      print(seen.closed)
    ]]
    assert.equal("true\n0\t0\t0\n", out)
  end)

  it("of topics is as it was at one time", function()
    local out = output_of [[
      local seen = {}
      for moment = 1, 30 do
        local client = open(1)[1]
        local conn = server:connections()[1]
        for topic = 1, 100 do conn:subscribe("topic " .. topic) end
        finalizers.set(moment, function() conn:terminate() end)
        local topics = conn:topics()
        finalizers.stop()
        table.sort(topics)
        seen[("%d %s %s"):format(#topics, tostring(topics[1]), tostring(topics[100]))] = true
        client:terminate()
        while server:stats().connections > 0 do core.step() end
      end
      for what in pairs(seen) do
        if what ~= "0 nil nil" then print(what) end
      end
    ]]
    assert.equal("100 topic 1 topic 99\n0\t0\t0\n", out)
  end)

  -- The connection ends, and its TLS with it, while the table is made.
  it("of what is known about TLS is whole, or none is there", function()
    local out = output_of [[
      local certificates = require "spec.certificates"
      local secure = assert(ws.serve {
        port = 0, tls = certificates.server(), on_message = function() end,
      })
      local function tls_of(conn)
        local a, b, c, d, e, f, g, h, i, j, k, l -- nothing of the stack keeps the garbage
        return conn.tls, a, b, c, d, e, f, g, h, i, j, k, l
      end
      local seen = {}
      for moment = 1, 30 do
        local conn = assert(ws.connect("wss://localhost:" .. secure.port, {
          tls = certificates.client(),
        }))
        local has_ended = false
        finalizers.set(moment, function()
          has_ended = true
          conn:terminate()
          while secure:stats().connections > 0 do core.step() end
        end)
        local tls = tls_of(conn)
        finalizers.stop()
        if has_ended and tls then
          local peer = tls.peer
          seen[("%s %s %s"):format(tls.version, tostring(peer.verified), peer.names[1])] = true
        end
        conn:terminate()
        while secure:stats().connections > 0 do core.step() end
      end
      for what in pairs(seen) do print(what) end
      secure:stop()
    ]]
    assert.equal("TLSv1.3 true localhost\n0\t0\t0\n", out)
  end)
end)
