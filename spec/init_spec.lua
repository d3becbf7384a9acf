-- The module itself: the loop, timers, signals, and what it loads when.

local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local function raises(message, fn, ...)
  local ok, raised = pcall(fn, ...)
  assert.is_false(ok)
  assert.equal(message, (raised:gsub("^[^:]+:%d+: ", "")))
end

describe("the loop", function()
  teardown(helper.check_leaks)

  it("runs until nothing is left to wait for", function()
    local order = {}
    ws.after(0.001, function()
      order[#order + 1] = "a"
      ws.after(0.005, function() order[#order + 1] = "c" end)
    end)
    ws.after(0.002, function() order[#order + 1] = "b" end)
    ws.run()
    assert.same({ "a", "b", "c" }, order)
    assert.is_false(ws.step())
  end)

  it("stops when told", function()
    local timer = ws.every(0.001, ws.stop)
    ws.run()
    timer:stop()
  end)

  it("repeats until the timer is stopped, also from inside", function()
    local count, timer = 0, nil
    timer = ws.every(0.001, function()
      count = count + 1
      if count == 3 then timer:stop() end
    end)
    ws.run()
    assert.equal(3, count)
    timer:stop()
  end)

  it("goes on after an error in a timer", function()
    local reports, ran = {}, false
    core.set_hook("report", function(message) reports[#reports + 1] = message end)
    ws.after(0, function() error("on purpose") end)
    ws.after(0.001, function() ran = true end)
    ws.run()
    core.set_hook("report", nil)
    assert.is_true(ran)
    assert.equal(1, #reports)
    assert.matches("on purpose\nstack traceback", reports[1])
  end)

  it("cannot run inside itself", function()
    local messages = {}
    ws.after(0, function()
      messages[1] = select(2, pcall(ws.run))
      messages[2] = select(2, pcall(ws.step))
    end)
    ws.run()
    assert.matches("ws%.run cannot wait inside a handler", messages[1])
    assert.matches("ws%.step cannot wait inside a handler", messages[2])
  end)

  it("takes signals, which do not keep it running", function()
    local status, out = helper.run_lua [[
      local ws = require "lunawire"
      ws.on_signal("SIGHUP", print)
      assert(select(3, ws.on_signal("SIGNONSENSE", print)))
      ws.run()
      local timer = ws.after(5, print)
      ws.on_signal("SIGTERM", function(name) print(name) timer:stop() ws.stop() end)
      os.execute("kill -TERM $PPID")
      ws.run()
    ]]
    assert.equal("SIGTERM\n", out)
    assert.equal(0, status)
  end)

  it("knows the time", function()
    local before = ws.now()
    ws.sleep(0.01)
    assert.is_true(ws.now() >= before + 0.009)
  end)

  it("tells what is wrong", function()
    raises("the time must be a number, not a string", ws.after, "1", print)
    raises("the time must be a number of seconds from 0 to 1e9, not -1", ws.after, -1, print)
    raises("the handler must be a function, not nothing", ws.after, 1)
    raises("ws.every needs a time above 0", ws.every, 0, print)
    raises("the handler must be a function, not a string", ws.every, 1, "x")
    raises("the signal must be a string, not 2", ws.on_signal, 2, print)
    raises("the handler must be a function, not nothing", ws.on_signal, "SIGINT")
  end)
end)

describe("the module", function()
  it("has a version", function() assert.matches("^%d+%.%d+%.%d+$", ws.version) end)

  it("loads only what a script uses, and makes no globals", function()
    local status, out, err = helper.run_lua [[
      local globals = {}
      for name in pairs(_G) do globals[name] = true end
      local function loaded()
        local names = {}
        for name in pairs(package.loaded) do
          names[#names + 1] = name:match("^lunawire%.(.*)$")
        end
        table.sort(names)
        print(table.concat(names, " "))
      end
      local ws = require "lunawire"
      loaded()
      ws.serve({ port = 0, on_message = print }):stop()
      loaded()
      ws.serve({ port = 0, routes = { ["WS /"] = { on_message = print } } }):stop()
      loaded()
      ws.serve({ port = 0, routes = {
        ["GET /"] = print, ["WS /"] = {}, ["WS /:name"] = { on_message = print },
      } }):stop()
      loaded()
      ws.run()
      for name in pairs(_G) do if not globals[name] then print(name) end end
    ]]
    assert.equal("", err)
    local lines = {}
    for line in out:gmatch("[^\n]+") do lines[#lines + 1] = line end
    local fibers = core.fiber and " task" or "" -- where all that may wait runs in one
    assert.same({
      "core later load misuse",
      "core inbox later load misuse passing server",
      "core dispatch inbox later load misuse passing server" .. fibers,
      "body core dispatch form_parts headers inbox later load misuse parameters passing "
        .. "receive request request_end response server size task trim",
    }, lines)
    assert.equal(0, status)
  end)

  it("has a type for every function and option", function()
    local meta = ""
    for _, path in ipairs(helper.find "lua/lunawire -name 'meta*.lua'") do
      meta = meta .. helper.read(path)
    end
    local types = {}
    for name in meta:gmatch("function ws%.([%w_]+)") do types[name] = true end
    for name in meta:gmatch("function Connection:([%w_]+)") do types["conn:" .. name] = true end
    for name in meta:gmatch("function Server:([%w_]+)") do types["server:" .. name] = true end
    for name in meta:gmatch("%-%-%-@field ([%w_]+)") do types["field " .. name] = true end
    for name, value in pairs(ws) do
      assert.is_true(types[type(value) == "function" and name or "field " .. name], name)
    end
    for name in pairs(core.methods) do assert.is_true(types["conn:" .. name], name) end
    for name in pairs(core.server_methods) do assert.is_true(types["server:" .. name], name) end
    for _, option in ipairs(require "lunawire.schema".rows()) do
      assert.is_true(types["field " .. option.name], option.name)
    end
  end)
end)
