-- Peers that break off at every stage of the TLS handshake: each connection ends within its time
-- limit, is told of once, and nothing is left.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local path = certificates.path

describe("a server with TLS", function()
  teardown(helper.check_leaks)

  for _, act in ipairs { "reset", "end", "silent", "drip" } do
    local server

    local function break_off(limit)
      local opened, closed = 0, 0
      local is_endless = act == "silent" or act == "drip"
      server = assert(ws.serve {
        port = 0, tls = certificates.server(), handshake_timeout = is_endless and 3 * limit or 60,
        on_open = function() opened = opened + 1 end,
        on_close = function() closed = closed + 1 end,
      })
      local status, out, err = helper.drive { helper.python, "spec/peers/tls_cut.py", "client",
        server.port, path "ca.crt", act }
      assert.equal("", err)
      assert.equal(0, status)
      local stages = 0
      for at, how in out:gmatch("(%d+) (%l+)\n") do
        stages = stages + 1
        assert.is_true(how ~= "timeout", ("%s after %d bytes did not end"):format(act, at))
      end
      assert.is_true(stages > 10, out)
      assert.equal(1, opened) -- the first one, which shows how much a client says in all
      helper.wait_until(function() return server:stats().connections == 0 end)
      assert.equal(1, closed)
    end

    it("ends with clients whose handshake breaks off: " .. act, function()
      finally(function() server:stop() end)
      helper.with_limit(break_off, function() server:stop() end)
    end)
  end
end)

describe("a client with TLS", function()
  teardown(helper.check_leaks)

  -- Inside its hello; between its records; in its certificate; behind the whole handshake.
  local stages = { 0, 1, 5, 60, 127, 140, 400, 700, 100000 }

  -- Connects. The only call that there was.
  local function outcome(port, timeout)
    local calls = {}
    local function call(name)
      return function(_, _, code) calls[#calls + 1] = name .. " " .. tostring(code) end
    end
    assert(ws.connect("wss://localhost:" .. port, {
      tls = certificates.client(), timeout = timeout,
      on_open = call "on_open", on_close = call "on_close", on_error = call "on_error",
    }))
    helper.wait_until(function() return calls[1] end)
    for _ = 1, 5 do core.step(0) end
    assert.equal(1, #calls)
    return calls[1]
  end

  for _, case in ipairs {
    { "reset", 60, "on_error ECONNRESET", "on_error EOF" },
    { "end", 60, "on_error EOF", "on_error EOF" },
    { "silent", 0.1, "on_error ETIMEDOUT", "on_error ETIMEDOUT" },
    { "drip", 0.1, "on_error ETIMEDOUT", "on_error ETIMEDOUT" },
  } do
    it("says what became of a server that breaks off: " .. case[1], function()
      local process = helper.background { helper.python, "spec/peers/tls_cut.py", "server",
        path "server.crt", path "server.key", case[1], (table.unpack or unpack)(stages) }
      finally(function() process:stop() end)
      local port = assert(process:read_line())
      for _, at in ipairs(stages) do
        local found = outcome(port, case[2])
        assert.is_true(found == case[3] or found == case[4],
          ("%s at %d: %s"):format(case[1], at, found))
      end
    end)
  end
end)
