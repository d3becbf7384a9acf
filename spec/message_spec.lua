-- What is being sent, while finalizers of the script change it.

local helper = require "spec.helper"

-- What a script prints that has `finalizers`, a server, one client `conn` of it, which the server
-- knows as `peer`, and empty(), which leaves nothing on the stack that could keep garbage.
local function output_of(script)
  return helper.output_of([[
    local finalizers = require "spec.finalizers"
    local ws = require "lunawire"
    local peer
    local server = assert(ws.serve {
      port = 0, high_water = 100, on_message = function() end,
      on_open = function(opened)
        peer = opened
        peer:subscribe "news"
      end,
    })
    local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    while not peer do ws.step() end
    local function empty(fn, ...)
      local a, b, c, d, e, f, g, h, i, j, k, l
      return fn(...), a, b, c, d, e, f, g, h, i, j, k, l
    end
  ]] .. script .. [[
    conn:terminate()
    server:stop()
    ws.run()
  ]], { timeout = 120 })
end

describe("a message that changes while it is sent", function()
  -- Numbers would become strings that nothing keeps.
  it("is the array of strings that it was, or refused", function()
    local out = output_of [[
      local seen = {}
      for moment = 1, 5 do
        local parts = {}
        for i = 1, 200 do parts[i] = ("%d"):format(i):rep(100) end
        local whole = table.concat(parts)
        finalizers.set(moment, function()
          for i = 1, 200 do parts[i] = i + 0.5 end
        end)
        local ok = empty(pcall, peer.send, peer, parts)
        finalizers.stop()
        seen[ok and conn:receive() == whole and "whole" or ok and "other" or "refused"] = true
      end
      print(seen.whole, seen.other)
    ]]
    assert.equal("true\tnil\n", out)
  end)

  -- The key that was taken away takes part in what is replaced, and nothing else does.
  it("has the key that it had", function()
    local out = output_of [[
      local function key() return ("key"):rep(20) end
      local function options() return { key = key() } end
      for moment = 1, 3 do
        local parts, others, given = {}, {}, options()
        for i = 1, 200 do parts[i] = "old" end
        server:publish("news", ("x"):rep(20000))
        finalizers.set(moment, function()
          given.key = nil
          collectgarbage()
          for i = 1, 1000 do others[i] = ("%03d"):format(i % 1000):rep(20) .. i end
        end)
        empty(server.publish, server, "news", parts, "text", given)
        finalizers.stop()
        server:publish("news", "new", "text", options())
        print(#conn:receive(), (conn:receive():sub(1, 3)))
      end
    ]]
    assert.equal(("20000\tnew\n"):rep(3), out)
  end)
end)
