local helper = require "spec.helper"
local ws = require "lunawire"

describe("helper", function()
  it("runs programs", function()
    local script = "echo 'a b'; cat; echo err >&2; exit 3"
    local status, out, err = helper.run{ "sh", "-c", script, input = "in" }
    assert.same({ 3, "a b\nin", "err\n" }, { status, out, err })
  end)

  it("ends what takes too long", function()
    assert.equal(124, (helper.run{ "sleep", "5", timeout = 0.1 }))
  end)

  it("passes arguments and environment as they are", function()
    local script = 'printf "%s|%s" "$1" "$X"'
    local _, out = helper.run{ "sh", "-c", script, "sh", "it's $HOME", env = { X = "a 'b'" } }
    assert.equal("it's $HOME|a 'b'", out)
  end)

  it("runs Lua scripts on the Lua that runs the specs", function()
    local script = "print(_VERSION, jit and jit.version, ...) os.exit(7)"
    local status, out = helper.run_lua(script, { "x" })
    assert.equal(7, status)
    assert.equal(_VERSION .. "\t" .. tostring(jit and jit.version) .. "\tx\n", out)
  end)

  it("talks to a process in the background", function()
    local process = helper.background{ "sh", "-c", "echo one; echo two; exec sleep 30" }
    assert.equal("one", process:read_line())
    assert.equal("two", process:read_line())
    assert.is_false(process:done())
    local status = process:stop()
    assert.equal(143, status)
    assert.is_true(process:done())
  end)

  it("kills a process that will not end", function()
    local script = "trap '' TERM; echo ready; while :; do sleep 0.1; done"
    local process = helper.background{ "sh", "-c", script }
    process:read_line()
    assert.equal(137, (process:stop(0.2)))
  end)

  it("waits for a process", function()
    local process = helper.background{ "sh", "-c", "echo one; exit 5", to_file = true }
    assert.same({ 5, "one\n", "" }, { process:wait() })
  end)

  it("tries longer time limits, and clean_up between, before it fails", function()
    local limits, cleaned = {}, 0
    local function clean_up() cleaned = cleaned + 1 end
    local function note(limit)
      limits[#limits + 1] = limit
      assert(limit > 1, "too short")
    end
    helper.with_limit(note, clean_up)
    assert.same({ 0.1, 0.5, 2.5 }, limits)
    assert.equal(2, cleaned)
    assert.has_error(function() helper.with_limit(function() error("wrong", 0) end) end, "wrong")
  end)

  it("finds ports that are free", function()
    local port = helper.free_port()
    local server = assert(ws.serve { port = port, on_message = print })
    assert.is_true(port >= 10000 and port < 30000)
    server:stop()
    helper.check_leaks()
  end)
end)
