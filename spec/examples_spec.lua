-- Every example runs, and does what its first line says.

local helper = require "spec.helper"
local ws = require "lunawire"

-- Starts an example that listens on any free port; returns the process and that port.
local function start(path)
  local process = helper.background { helper.lua, path, "0" }
  local line = process:read_line()
  local port = line and line:match("^listening on ws://127%.0%.0%.1:(%d+)")
  assert(port, ("%s printed %s"):format(path, tostring(line)))
  return process, "ws://127.0.0.1:" .. port
end

local function receive(conn) return (assert(conn:receive(5))) end

describe("the example", function()
  teardown(helper.check_leaks)

  local process
  after_each(function()
    if process then process:stop() end
    process = nil
  end)

  it("echo_server sends back, and both clients talk to it", function()
    local url
    process, url = start("examples/echo_server.lua")
    local conn = assert(ws.connect(url))
    conn:send("\0\1", "binary")
    assert.same({ "\0\1", "binary" }, { conn:receive(5) })
    conn:close()

    local status, out, err = helper.run { helper.lua, "examples/echo_client.lua", url }
    assert.equal("", err)
    assert.equal("received hello\nreceived from\nreceived Lua\nclosed\t1000\t\n", out)
    assert.equal(0, status)

    status, out, err = helper.run { helper.lua, "examples/coroutine_client.lua", url }
    assert.equal("", err)
    assert.matches("received Ada 3\n", out)
    assert.matches("Grace: the connection is closed %(1000%)\n$", out)
    assert.equal(0, status)
  end)

  it("ticker tells the time", function()
    local url
    process, url = start("examples/ticker.lua")
    local conn = assert(ws.connect(url))
    local first = receive(conn)
    assert.matches("%d%d:%d%d:%d%d", first)
    assert.not_equal(first, receive(conn))
    conn:close()
  end)

  it("chat has rooms", function()
    local url
    process, url = start("examples/chat.lua")
    local a = assert(ws.connect(url .. "/room/one"))
    assert.equal("Guest 1 came in", receive(a))
    local b = assert(ws.connect(url .. "/room/two"))
    assert.equal("Guest 2 came in", receive(b))
    local c = assert(ws.connect(url .. "/room/one"))
    assert.equal("Guest 3 came in", receive(a))
    assert.equal("Guest 3 came in", receive(c))
    c:send("hello")
    assert.equal("Guest 3: hello", receive(a))
    c:close()
    assert.equal("Guest 3: hello", receive(c))
    assert.equal("Guest 3 went out", receive(a))
    b:send("alone")
    assert.equal("Guest 2: alone", receive(b))
    a:close()
    b:close()
  end)

  it("demo has a page and an echo", function()
    local url
    process, url = start("examples/demo/demo.lua")
    local conn = assert(ws.connect(url .. "/echo"))
    conn:send("hello")
    assert.equal("hello", receive(conn))
    conn:close()
  end)

  it("is short", function()
    for _, path in ipairs(helper.find "examples -name '*.lua'") do
      local _, lines = helper.read(path):gsub("\n", "")
      assert.is_true(lines < 60, path)
    end
  end)
end)
