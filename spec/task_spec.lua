-- Tasks: spawning, sleeping, joining, and errors that must not be lost.

local core = require "lunawire.core"
local helper = require "spec.helper"
local task = require "lunawire.task"
local ws = require "lunawire"

-- Runs fn with reports collected instead of printed; returns them.
local function reports_of(fn)
  local reports = {}
  core.set_hook("report", function(message) reports[#reports + 1] = message end)
  fn(reports)
  core.set_hook("report", nil)
  return reports
end

local function run_until(done) helper.wait_until(done, "the task") end

describe("a task", function()
  teardown(helper.check_leaks)

  it("runs at once until it first waits", function()
    local steps = {}
    local spawned = ws.spawn(function(...)
      steps[#steps + 1] = table.concat({ ... }, " ")
      ws.sleep(0.001)
      steps[#steps + 1] = "slept"
    end, "a", "b")
    assert.same({ "a b" }, steps)
    assert.equal("running", spawned.state)
    run_until(function() return spawned.state == "done" end)
    assert.same({ "a b", "slept" }, steps)
  end)

  it("sleeps beside others", function()
    local order = {}
    local function sleeper(name, seconds)
      return ws.spawn(function()
        ws.sleep(seconds)
        order[#order + 1] = name
      end)
    end
    local slow, quick = sleeper("slow", 0.04), sleeper("quick", 0.001)
    run_until(function() return slow.state == "done" and quick.state == "done" end)
    assert.same({ "quick", "slow" }, order)
  end)

  it("is known while it runs", function()
    assert.is_nil(task.current())
    local inside
    local spawned = ws.spawn(function() inside = task.current() end)
    assert.equal(spawned, inside)
  end)

  it("gives its results to who joins it, early or late", function()
    local spawned = ws.spawn(function()
      ws.sleep(0.001)
      return 1, nil, 3
    end)
    local early
    local joiner = ws.spawn(function() early = { n = 3, spawned:join() } end)
    assert.same({ n = 3, 1, nil, 3 }, { n = 3, spawned:join() }) -- runs the loop
    run_until(function() return joiner.state == "done" end)
    assert.same({ n = 3, 1, nil, 3 }, early)
    assert.same({ n = 3, 1, nil, 3 }, { n = 3, spawned:join() })
  end)

  it("can be joined for a limited time", function()
    local spawned = ws.spawn(function() ws.sleep(0.05) end)
    local ok, message, code = spawned:join(0.001)
    assert.is_nil(ok)
    assert.equal("TIMEOUT", code)
    assert.is_string(message)
    spawned:join()
    assert.equal("done", spawned.state)
  end)

  it("that throws is reported with its traceback and does not stop the others", function()
    local failed, other
    local reports = reports_of(function(reports)
      failed = ws.spawn(function()
        ws.sleep(0.001)
        error("on purpose")
      end)
      other = ws.spawn(function() ws.sleep(0.01) end)
      run_until(function() return other.state == "done" and #reports > 0 end)
    end)
    assert.equal(1, #reports)
    assert.matches("task_spec%.lua:%d+: on purpose", reports[1])
    assert.matches("stack traceback", reports[1])
    assert.equal("failed", failed.state)
    local ok, message, code = failed:join()
    assert.is_nil(ok)
    assert.matches("on purpose$", message)
    assert.equal("FAILED", code)
  end)

  it("that throws what is no text fails as others do", function()
    for _, tell in ipairs { function() return nil end, function() error "never" end } do
      for _, pause in ipairs { false, true } do
        local bad, result = setmetatable({}, { __tostring = tell }), nil
        local reports = helper.reports_of(function()
          local failing = ws.spawn(function()
            if pause then ws.sleep(0) end
            error(bad)
          end)
          ws.spawn(function() result = { failing:join() } end)
          helper.wait_until(function() return result end)
        end)
        assert.is_nil(result[1])
        assert.is_string(result[2])
        assert.equal(1, #reports)
      end
    end
  end)

  it("that throws at once does not throw at who spawned it", function()
    local reports = reports_of(function(reports)
      ws.spawn(error, { "not a string" })
      run_until(function() return #reports > 0 end)
    end)
    assert.matches("table", reports[1])
  end)

  it("may be any coroutine of the script", function()
    local done
    coroutine.wrap(function()
      ws.sleep(0.001)
      done = true
    end)()
    run_until(function() return done end)
  end)

  it("is not confused by being spawned from another", function()
    local order = {}
    local outer = ws.spawn(function()
      local inner = ws.spawn(function()
        ws.sleep(0.001)
        order[#order + 1] = "inner"
        return "result"
      end)
      order[#order + 1] = "outer"
      local result = inner:join()
      order[#order + 1] = result
    end)
    run_until(function() return outer.state == "done" end)
    assert.same({ "outer", "inner", "result" }, order)
  end)

  it("may wait inside pcall and inside an iterator, on every Lua", function()
    local order = {}
    local spawned = ws.spawn(function()
      local ok, problem = pcall(function()
        ws.sleep(0.001)
        error("caught", 0)
      end)
      order[#order + 1] = tostring(ok) .. " " .. problem
      local function count_slowly(last, i)
        ws.sleep(0.001)
        if i < last then return i + 1 end
      end
      for i in count_slowly, 3, 0 do order[#order + 1] = i end
    end)
    spawned:join(30)
    assert.same({ "false caught", 1, 2, 3 }, order)
  end)

  it("leaves no timer behind when it is woken early", function()
    local waiter = task.waiter()
    local got
    ws.spawn(function() got = { waiter:wait(1000) } end)
    waiter:wake("early")
    waiter:wake("late")
    assert.same({ "early" }, got)
  end)
end)

describe("waiting", function()
  teardown(helper.check_leaks)

  it("runs the loop on the main thread", function()
    local started = core.now()
    ws.sleep(0.01)
    assert.is_true(core.now() - started >= 0.009)
  end)

  it("returns at once when it was woken before", function()
    local waiter = task.waiter()
    waiter:wake(1, nil, 3)
    assert.same({ n = 3, 1, nil, 3 }, { n = 3, waiter:wait() })
  end)

  it("ends when nothing is left to wait for", function()
    local ok, _, code = task.waiter():wait()
    assert.is_nil(ok)
    assert.equal("IDLE", code)
  end)

  it("in a handler raises and says what to do", function()
    local ok, message
    ws.after(0, function() ok, message = pcall(ws.sleep, 1) end)
    run_until(function() return ok ~= nil end)
    assert.is_false(ok)
    assert.matches("a handler cannot wait: .*ws%.spawn", message)
  end)

  it("takes times only", function()
    for _, wrong in ipairs { "1", -1, 0 / 0, 1 / 0 } do
      assert.is_false((pcall(ws.sleep, wrong)))
    end
    assert.has_error(function() ws.spawn("x") end,
      "the function to spawn must be a function, not a string")
  end)
end)
