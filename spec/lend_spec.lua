-- The coroutines that requests are handled in: lent for one after the other, kept by who waits.

local core = require "lunawire.core"
local helper = require "spec.helper"
local http = require "spec.http_peer"
local ws = require "lunawire"

local running = core.fiber and core.fiber.running or coroutine.running

describe("the coroutine of a request", function()
  after_each(http.stop)
  teardown(helper.check_leaks)

  it("is used again when its handler did not wait", function()
    local seen = {}
    local peer = http.serve {
      ["GET /"] = function(_, res)
        seen[#seen + 1] = running()
        res:send("ok")
      end,
    }
    for _ = 1, 3 do
      peer:send(http.get "/")
      assert.equal("200 ok", (http.read_answer(peer)))
    end
    assert.equal(3, #seen)
    assert.equal(seen[1], seen[2])
    assert.equal(seen[2], seen[3])
  end)

  -- More than are kept for later, and one of them answers when the others wait.
  it("belongs to a handler that waits", function()
    local MANY, waiting = 40, {}
    local first = http.serve {
      ["GET /wait"] = function(_, res)
        local thread = running()
        waiting[#waiting + 1] = thread
        while not waiting.over do ws.sleep(0.002) end
        assert(running() == thread)
        res:send("late")
      end,
      ["GET /now"] = function(_, res)
        for _, thread in ipairs(waiting) do assert(thread ~= running()) end
        res:send("now")
      end,
    }
    local peers = {}
    for i = 1, MANY do
      peers[i] = http.connect()
      peers[i]:send(http.get "/wait")
    end
    helper.wait_until(function() return #waiting == MANY end, "the requests")
    first:send(http.get "/now")
    assert.equal("200 now", (http.read_answer(first)))
    waiting.over = true
    for _, peer in ipairs(peers) do assert.equal("200 late", (http.read_answer(peer))) end
    for _, peer in ipairs(peers) do -- and again, in those that were given back
      peer:send(http.get "/wait")
      assert.equal("200 late", (http.read_answer(peer)))
    end
  end)

  it("is given up when its handler throws, at once or later", function()
    local peer = http.serve {
      ["GET /at_once"] = function() error("thrown") end,
      ["GET /later"] = function()
        ws.sleep(0.001)
        error("thrown")
      end,
      ["GET /table"] = function() error({}) end,
      ["GET /hello"] = http.hello,
    }
    for _, path in ipairs { "/at_once", "/later", "/table" } do
      local reports = helper.reports_of(function()
        peer:send(http.get(path))
        assert.matches("^500 ", (http.read_answer(peer)))
      end)
      assert.equal(1, #reports)
      assert.matches("error in route 'GET " .. path .. "'", reports[1], 1, true)
      if path ~= "/table" then assert.matches("lend_spec.lua:%d+: thrown", reports[1]) end
      peer:close()
      peer = http.connect()
      peer:send(http.get "/hello")
      assert.equal("200 hello", (http.read_answer(peer)))
    end
  end)

  it("takes one handler for another's never", function()
    local gate = { waiter = false }
    local task = require "lunawire.task"
    local slow = http.serve {
      ["GET /slow"] = function()
        gate.waiter = task.waiter()
        gate.waiter:wait()
        error("slow threw")
      end,
      -- Runs the other to its end inside of this one, which then throws as well.
      ["GET /quick"] = function()
        gate.waiter:wake()
        error("quick threw")
      end,
    }
    local quick = http.connect()
    slow:send(http.get "/slow")
    helper.wait_until(function() return gate.waiter end, "the slow one")
    local reports = helper.reports_of(function()
      quick:send(http.get "/quick")
      assert.matches("^500 ", (http.read_answer(quick)))
      assert.matches("^500 ", (http.read_answer(slow)))
      quick:close()
      slow:close()
    end)
    assert.equal(2, #reports)
    assert.matches("'GET /slow'.*slow threw", reports[1])
    assert.matches("'GET /quick'.*quick threw", reports[2])
  end)

  it("keeps nothing alive of what it was lent for", function()
    local kept = setmetatable({}, { __mode = "k" })
    local peer = http.serve {
      ["GET /"] = function(req, res)
        kept[req], kept[res] = true, true
        res:send("ok")
      end,
    }
    peer:send(http.get "/")
    assert.equal("200 ok", (http.read_answer(peer)))
    helper.wait_until(function()
      collectgarbage()
      return next(kept) == nil
    end, "the collector")
  end)

  it("hands out no request outside of it", function()
    assert.has_error(core.request)
    assert.has_error(function() core.set_metatables({}, {}, {}) end)
  end)
end)
