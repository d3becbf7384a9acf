-- What a server keeps in Lua's memory. The collector looks at all of it in each of its rounds, and
-- a large message is enough garbage for one.

local helper = require "spec.helper"

-- KiB that may stay after a server was set up, by what it has: a tenth more than was measured on a
-- 64-bit system. Where Lua 5.1 has fibers of ours, they are part of it.
local budgets = {
  ["Lua 5.1"] = { handlers = 55, upgrades = 103, routes = 179 },
  ["Lua 5.2"] = { handlers = 46, upgrades = 81, routes = 167 },
  ["Lua 5.3"] = { handlers = 49, upgrades = 76, routes = 167 },
  ["Lua 5.4"] = { handlers = 47, upgrades = 76, routes = 160 },
  LuaJIT = { handlers = 42, upgrades = 67, routes = 131 },
}

local servers = {
  handlers = [[{ port = 0, on_message = function(conn, message) conn:send(message) end }]],
  upgrades = [[{ port = 0, routes = {
    ["WS /echo"] = { on_message = function(conn, message) conn:send(message) end },
    ["WS /count"] = { on_message = function(conn, message) conn:send(#message .. "") end },
  } }]],
  -- Pages and parameters need the files about requests, answers and waiting, which stay.
  routes = [[{ port = 0, routes = {
    ["GET /hello"] = function(_, res) res:send "hello" end,
    ["WS /echo"] = { on_message = function(conn, message) conn:send(message) end },
    ["WS /room/:id"] = { on_open = function(conn) conn:subscribe(conn.request.params.id) end },
  } }]],
}

local script = [[
  local function live()
    collectgarbage()
    collectgarbage()
    return collectgarbage("count")
  end
  if jit then jit.off() end -- what it makes of the script's code counts, too
  local before = live()
  local ws = require "lunawire"
  local server = assert(ws.serve %s)
  print(("%%.1f"):format(live() - before))
  server:stop()
  ws.run()
]]

describe("what stays in Lua's memory of a server", function()
  local budget = budgets[jit and "LuaJIT" or _VERSION]
  for name, options in pairs(servers) do
    it("with " .. name .. " is little", function()
      local out = helper.output_of(script:format(options))
      local kib = tonumber(out)
      assert.is_true(kib > 0 and kib <= budget[name],
        ("%.1f KiB, the budget is %d"):format(kib, budget[name]))
    end)
  end
end)

-- See lua/binding/ballast.c: a block that is counted and never touched.
local messages = [[
  local function live()
    collectgarbage()
    collectgarbage()
    return collectgarbage("count")
  end
  if jit then jit.off() end
  local ws = require "lunawire"
  local server = assert(ws.serve { port = 0, on_message = function(conn) conn:send "thanks" end })
  ws.spawn(function()
    local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
    local before
    for _, kib in ipairs { 16, 127, 128, 256 } do
      conn:send(("x"):rep(kib * 1024))
      assert(conn:receive() == "thanks")
      local after = live()
      if before then print(("%.0f"):format(after - before)) end
      before = after
    end
    conn:close()
    server:stop()
  end)
  ws.run()
]]

describe("the block that makes rounds seldom", function()
  it("is there from the first large message on, and only once", function()
    local out = helper.output_of(messages)
    local growth = {}
    for kib in out:gmatch "%-?%d+" do growth[#growth + 1] = tonumber(kib) end
    assert.equal(3, #growth)
    local most = 64 -- LuaJIT keeps the buffer in which it makes strings
    assert.is_true(growth[1] < most, out)
    assert.is_true(growth[2] > 512 - most and growth[2] < 512 + most, out)
    assert.is_true(growth[3] < most, out)
  end)

  -- From Lua 5.4 on errors in finalizers are warnings.
  it("hides no error of a finalizer that runs while it is made", function()
    local thrower = [[
      local core = require "lunawire.core"
      local finalizers = require "spec.finalizers"
      local ws = require "lunawire"
      local throws = not (warn or coroutine.close)
      local large = ("x"):rep(128 * 1024)
      local moment, count, errors = ...
      moment, count, errors = tonumber(moment), 0, 0
      core.set_hook("report", function() errors = errors + 1 end)
      local server = assert(ws.serve { port = 0, on_message = function() count = count + 1 end })
      local conn = assert(ws.connect("ws://127.0.0.1:" .. server.port))
      while server:stats().open < 1 do core.step() end
      conn:send(large)
      local has_thrown = false
      finalizers.set(moment, function()
        has_thrown = throws
        error "a finalizer's"
      end)
      while count + errors == 0 do core.step() end
      finalizers.stop()
      print(errors == (has_thrown and 1 or 0))
      conn:terminate()
      server:stop()
    ]]
    for moment = 1, 7 do
      local out = helper.output_of(thrower, { moment, timeout = 60 })
      assert.equal("true\n", out)
    end
  end)
end)
