-- Every example runs, and does what its first line says to peers that are not lunawire.

local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"

-- The program in spec/peers that talks to each server, and what it goes through.
local servers = {
  ["examples/echo_server.lua"] = { "client.mjs", "text", "binary", "utf8", "hundred connections" },
  ["examples/demo/demo.lua"] = { "client.mjs", "text", "binary", "thousand messages" },
  ["examples/chat.lua"] = { "examples.mjs", "chat" },
  ["examples/ticker.lua"] = { "examples.mjs", "ticker" },
}

-- What each client prints when it talks to an echo server, line by line.
local clients = {
  ["examples/echo_client.lua"] = {
    "received hello", "received from", "received Lua", "closed\t1000\tthat is all",
  },
  ["examples/stay_connected.lua"] = {
    "received hello 1", "closed\t1006\t0 unsent",
    "attempt 1: the connection is closed (1006: terminated)",
    "received hello 2", "closed\t1006\t0 unsent",
    "attempt 2: the connection is closed (1006: terminated)",
    "received hello 3", "closed\t1000\t0 unsent",
  },
  ["examples/coroutine_client.lua"] = {
    "received Ada 1", "received Ada 2", "received Ada 3",
    "received Grace 1", "received Grace 2", "received Grace 3",
    "Ada: the connection is closed (1000)", "Grace: the connection is closed (1000)",
  },
}

-- Starts an example that listens on any free port; returns the process and its address.
local function start(path)
  local process = helper.background { helper.lua, path, "0" }
  local line = process:read_line()
  local port = line and line:match("^listening on ws://127%.0%.0%.1:(%d+)")
  assert(port, ("%s printed %s"):format(path, tostring(line)))
  return process, "ws://127.0.0.1:" .. port
end

local function sorted_lines(text)
  local lines = {}
  for line in text:gmatch("[^\n]+") do lines[#lines + 1] = line end
  table.sort(lines)
  return lines
end

describe("the example", function()
  local process, url
  after_each(function()
    if process then process:stop() end
    process = nil
  end)

  for _, path in ipairs(helper.find "examples -name '*.lua'") do
    if not helper.node_modules() then
      pending(path .. ": its peer is missing: npm ci in spec/peers installs it")
    elseif servers[path] then
      it(path .. " serves node's ws", function()
        process, url = start(path)
        local names = servers[path]
        local command = { "node", "spec/peers/" .. names[1], url, timeout = 120 }
        for i = 2, #names do command[#command + 1] = names[i] end
        local results = scenarios.results(helper.run(command))
        for i = 2, #names do assert.equal("ok", results(names[i])) end
      end)
    else
      it(path .. " talks to node's ws", function()
        process, url = scenarios.start_server { "node", "spec/peers/server.mjs" }
        local status, out, err = helper.run { helper.lua, path, url .. "/echo" }
        assert.same({ 0, "" }, { status, err })
        local lines = sorted_lines(table.concat(clients[path], "\n"))
        assert.same(lines, sorted_lines(out))
      end)
    end

    it(path .. " is short", function()
      local _, lines = helper.read(path):gsub("\n", "")
      assert.is_true(lines < (path:find("^examples/demo/") and 300 or 60))
    end)
  end

  it("that listens ends at once with SIGTERM, and says when its port is taken", function()
    process, url = start("examples/echo_server.lua")
    local port = url:match("%d+$")
    local status, _, err = helper.run { helper.lua, "examples/echo_server.lua", port }
    assert.equal(1, status)
    assert.matches("address already in use", err)
    assert.equal(143, (process:stop()))
  end)

  it("demo ends with SIGINT", function()
    process = start("examples/demo/demo.lua")
    process:signal("INT")
    assert.equal(0, (process:wait()))
  end)
end)
