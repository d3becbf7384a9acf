-- Compression over sockets: against ourselves and two other implementations, with a bomb, and what
-- an idle connection costs. Payloads are in vectors/deflate_frames.lua, the negotiation in
-- protocol_deflate_spec.lua.

local helper = require "spec.helper"
local protocol = require("lunawire.core").protocol
local ws = require "lunawire"

local function text(size)
  return ("some text, and some more; "):rep(math.floor(size / 26) + 1):sub(1, size)
end

local function url_of(server) return "ws://127.0.0.1:" .. server.port .. "/" end

local function echo_server(deflate)
  return assert(ws.serve {
    port = 0, deflate = deflate, max_message = "4M",
    on_message = function(conn, message, kind) conn:send(message, kind) end,
  })
end

local function converse(conn)
  for _ = 1, 2 do
    for _, size in ipairs { 0, 10, 300, 5000, 70000, 2000000 } do
      conn:send(text(size), "binary")
      assert.is_true(text(size) == conn:receive(30), size)
    end
    conn:send { text(500), "", text(500) }
    assert.equal(text(500):rep(2), (conn:receive(30)))
    local writer = conn:stream()
    writer:write(text(300))
    writer:write ""
    writer:finish "end"
    assert.equal(text(300) .. "end", (conn:receive(30)))
  end
end

-- Ours, with the names that a failure shows.
local wishes = {
  { "by default", true },
  { "with takeover", { takeover = true } },
  { "with takeover and large windows", { takeover = true, window_bits = 15,
    max_window_bits_of_peer = 15, level = 6, memory_level = 8 } },
  { "with takeover and small windows", { takeover = true, window_bits = 9,
    max_window_bits_of_peer = 9 } },
  { "with small windows", { window_bits = 9, max_window_bits_of_peer = 10, threshold = 0 } },
}

describe("compression between ourselves", function()
  teardown(helper.check_leaks)

  for _, server_wish in ipairs(wishes) do
    for _, client_wish in ipairs(wishes) do
      local wish = ("a server %s and a client %s"):format(server_wish[1], client_wish[1])
      it("works for " .. wish, function()
        local server = echo_server(server_wish[2])
        local conn = assert(ws.connect(url_of(server),
          { deflate = client_wish[2], max_message = "4M" }))
        assert.matches("^permessage%-deflate", conn.extensions)
        converse(conn)
        conn:close()
        assert.matches("^permessage%-deflate", conn.extensions)
        server:stop()
      end)
    end
  end

  it("is agreed on only where both want it", function()
    for _, both in ipairs { { true, false }, { false, true }, { nil, true }, { false, nil } } do
      local server = echo_server(both[1])
      local conn = assert(ws.connect(url_of(server), { deflate = both[2], max_message = "4M" }))
      assert.is_nil(conn.extensions)
      converse(conn)
      conn:close()
      server:stop()
    end
  end)

  it("delivers chunks, also to a reader that pauses", function()
    local received, size, final = {}, 0, nil
    local server = assert(ws.serve {
      port = 0, deflate = true,
      on_chunk = function(conn, chunk, _, last)
        received[#received + 1], size, final = chunk, size + #chunk, last
        conn:pause()
        ws.after(0.001, function() conn:resume() end)
      end,
    })
    local conn = assert(ws.connect(url_of(server), { deflate = true }))
    conn:send(text(1000000))
    helper.wait_until(function() return final end)
    assert.is_true(#received > 10)
    assert.is_true(table.concat(received) == text(1000000))
    conn:close()
    server:stop()
  end)

  it("rejects options that are not legal", function()
    local function raises(message, deflate)
      local ok, raised = pcall(ws.connect, "ws://127.0.0.1:1/", { deflate = deflate })
      assert.is_false(ok)
      assert.equal(message, (raised:gsub("^[^:]+:%d+: ", "")))
    end
    raises("deflate must be a boolean or a table, not 3", 3)
    raises("deflate has an unknown option 'levl': did you mean 'level'?", { levl = 1 })
    raises("deflate level must be a number between 1 and 9, not 10", { level = 10 })
    raises("deflate window_bits must be a number between 9 and 15, not 8", { window_bits = 8 })
    raises("deflate takeover must be a boolean, not 1", { takeover = 1 })
  end)

  it("can be left out for a message", function()
    local server = echo_server(true)
    local conn = assert(ws.connect(url_of(server), { deflate = true }))
    assert.is_true(conn:send(text(1000), "text", { compress = false }))
    assert.equal(text(1000), (conn:receive(30)))
    conn:stream("text", { compress = false }):finish(text(1000))
    assert.equal(text(1000), (conn:receive(30)))
    assert.error(function() conn:send("x", "text", { compres = false }) end)
    assert.error(function() conn:send("x", "text", "no") end)
    conn:close()
    server:stop()
  end)
end)

-- Other implementations -------------------------------------------------------------------------

local function json_of(options)
  local fields = {}
  for name, value in pairs(options) do fields[#fields + 1] = ('"%s":%s'):format(name, value) end
  return "{" .. table.concat(fields, ",") .. "}"
end

-- Every choice of a value for each name, as JSON; false leaves the name out. What comes of them is
-- the same bytes on every Lua: one sees all, the others every fifth.
local function combinations(names, values)
  local all = { {} }
  for i, name in ipairs(names) do
    local more = {}
    for _, options in ipairs(all) do
      for _, value in ipairs(values[i]) do
        local copy = {}
        for key, old in pairs(options) do copy[key] = old end
        if value ~= "" then copy[name] = value end
        more[#more + 1] = copy
      end
    end
    all = more
  end
  local some = {}
  for i = 1, #all, _VERSION == "Lua 5.4" and 1 or 5 do some[#some + 1] = json_of(all[i]) end
  return some
end

local function list(all) return "[" .. table.concat(all, ",") .. "]" end

local function describe_peer(name, program, client_options, server_options)
  describe("compression with " .. name, function()
    teardown(helper.check_leaks)

    local function command(role, ...)
      local words = { role, ... }
      for i = #program, 1, -1 do table.insert(words, 1, program[i]) end
      words.timeout = 240
      return words
    end

    for _, wish in ipairs(wishes) do
      it("works on our server " .. wish[1], function()
        local server = echo_server(wish[2])
        local status, out, err = helper.drive(command("client", url_of(server),
          list(client_options)))
        assert.equal("", err)
        assert.equal(0, status)
        local agreed, lines = 0, 0
        for line in out:gmatch "[^\n]+" do
          assert.matches("^ok", line)
          lines = lines + 1
          if line:lower():find "deflate" then agreed = agreed + 1 end
        end
        assert.equal(#client_options, lines)
        assert.equal(lines, agreed)
        server:stop()
      end)
    end

    it("works on our client", function()
      local process = helper.background(command("server", list(server_options)))
      local agreed = 0
      for i = 1, #server_options do
        local port = assert(process:read_line(), "it does not listen")
        for _, wish in ipairs(wishes) do
          local conn, message = ws.connect("ws://127.0.0.1:" .. port, { deflate = wish[2] })
          assert.is_truthy(conn, server_options[i] .. ": " .. tostring(message))
          if conn.extensions then agreed = agreed + 1 end
          for round = 1, 2 do
            for _, size in ipairs { 0, 10, 300, 5000, 70000 } do
              conn:send(text(size) .. round)
              assert.is_true(text(size) .. round == conn:receive(30))
            end
            local writer = conn:stream()
            writer:write(text(300))
            writer:finish()
            assert.equal(text(300), (conn:receive(30)))
          end
          conn:close()
        end
      end
      assert.is_true(agreed > #server_options * #wishes / 2)
      process:stop()
    end)
  end)
end

local flags, unset = { "true", "" }, ""

if helper.node_modules() then
  local names = { "serverNoContextTakeover", "clientNoContextTakeover", "serverMaxWindowBits",
    "clientMaxWindowBits" }
  describe_peer("node's ws", { "node", "spec/peers/deflate.mjs" },
    combinations(names, { flags, flags, { unset, 9, 12, 15 }, { unset, 9, 15 } }),
    -- It refuses who wants smaller windows than it is told to use.
    combinations(names, { flags, flags, { unset, 9 }, { unset, 9 } }))
else
  pending("node's ws is missing: npm ci in spec/peers installs it")
end

do
  local names = { "server_no_context_takeover", "client_no_context_takeover",
    "server_max_window_bits", "client_max_window_bits" }
  describe_peer("Python's websockets", { helper.python, "spec/peers/deflate.py" },
    combinations(names, { flags, flags, { unset, 9, 12, 15 }, { unset, "true", 9, 15 } }),
    combinations(names, { flags, flags, { unset, 9, 15 }, { unset, 10 } }))
end

-- Memory ----------------------------------------------------------------------------------------

describe("the memory of compression", function()
  teardown(helper.check_leaks)

  -- Kilobytes for each connection of a server and its client that have spoken once.
  local function cost(deflate)
    local count, server, conns = 200, echo_server(deflate), {}
    local before
    for i = 1, count + 20 do
      if i == 21 then before = helper.resident() end
      conns[i] = assert(ws.connect(url_of(server), { deflate = deflate }))
      conns[i]:send(text(1000))
      assert.equal(text(1000), (conns[i]:receive(30)))
    end
    collectgarbage()
    local after = helper.resident()
    for _, conn in ipairs(conns) do conn:terminate() end
    server:stop()
    helper.wait_until(function() return #server:connections() == 0 end)
    return (after - before) / count
  end

  it("is small for idle connections", function()
    if not helper.resident() then return end
    local plain, compressed = cost(false), cost(true)
    assert.is_true(compressed < plain + 8, ("%g kB"):format(compressed - plain)) -- for both ends
  end)

  -- Upgrades with compression and sends what is in a file.
  local bomber = [[
import socket, sys
peer = socket.create_connection(("127.0.0.1", int(sys.argv[1])), 60)
peer.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    b"Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n")
while not peer.recv(65536).endswith(b"\r\n\r\n"): pass
try:
    peer.sendall(open(sys.argv[2], "rb").read())
    while peer.recv(65536): pass
except ConnectionError: pass
]]

  -- 256 MiB in some 256 kB.
  local function bomb_file()
    local session = protocol.session { role = "client", deflate = { own_takeover = true } }
    local zeros, parts = ("\0"):rep(1048576), {}
    for i = 1, 256 do parts[i] = session:send(zeros, "binary", { final = i == 256 }) end
    local bomb = table.concat(parts)
    assert.is_true(#bomb < 2 * 1024 * 1024)
    return helper.file(bomb)
  end

  it("is bounded for a bomb", function()
    local file, code, received = bomb_file(), nil, nil
    local server = assert(ws.serve {
      port = 0, deflate = true,
      on_message = function() received = true end,
      on_error = function(_, _, error_code) code = error_code end,
    })
    collectgarbage()
    local before = helper.resident()
    helper.drive { helper.python, "-c", bomber, server.port, file }
    assert.equal("MESSAGE_TOO_BIG", code)
    assert.is_nil(received)
    if before then
      local more = helper.resident() - before
      assert.is_true(more < 2048, ("%d kB"):format(more))
    end
    server:stop()
  end)
end)
