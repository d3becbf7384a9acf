-- What lunawire and another implementation say to each other, in both directions.
--
-- A peer is a client and a server program. Both sides' servers have the same paths:
--
--   /echo         sends each message back
--   /fragments    sends each message back in three fragments, one of them empty
--   /ping         pings "from the server" and sends "pong <payload>" when the pong has come
--   /close        closes with the code and the reason of the first message, "4000 reason"
--   /terminate    ends TCP with a reset after the first message
--   /vanish       ends TCP without a close frame after the first message
--   /headers      answers X-Ask with X-Reply and a message
--   /protocols    speaks "v2" and "v1" and sends the one that was chosen
--   /ended?id=x   sends the code and the reason with which the server saw /...?id=x end
--   /refused      answers 401 "log in first"
--
-- The peer's client is run once; it goes through all its scenarios and prints a line for each. Our
-- client talks to the peer's server, with a test for each scenario.

local assert = require "luassert"
local busted = require "busted" -- describe and its kin are globals in specs only
local helper = require "spec.helper"
local ws = require "lunawire"

local scenarios = {}

local sizes = { 0, 1, 125, 126, 65535, 65536, 1024 * 1024 }
local multibyte = ("a\195\169\226\130\172\240\159\152\128"):rep(5000)
local long_reason = ("\195\169"):rep(61)

-- The names of what the peer's client goes through.
scenarios.names = {
  "text", "binary", "utf8", "fragments sent", "fragments received", "ping sent", "ping received",
  "closing", "being closed", "subprotocol", "headers", "refusal", "hundred connections",
  "thousand messages", "vanishing", "being left",
}

-- Options of both our server and our client, such as { deflate = true }, and the option `tls` of
-- each, { server =, client = }; set by scenarios.describe.
local shared_options, tls = {}, {}

local function with_shared(options, role)
  for name, value in pairs(shared_options) do options[name] = value end
  options.tls = tls[role]
  return options
end

local function url_of(port)
  if tls.server then return "wss://localhost:" .. port end
  return "ws://127.0.0.1:" .. port
end

-- Our server ------------------------------------------------------------------------------------

local function echo(conn, message, kind) conn:send(message, kind) end
local function terminate(conn) conn:terminate() end

local function send_fragments(conn, message, kind)
  local third = math.floor(#message / 3)
  local writer = conn:stream(kind)
  writer:write(message:sub(1, third))
  writer:write("")
  writer:finish(message:sub(third + 1))
end

local function close_as_told(conn, message)
  local code, reason = message:match("^(%d+) (.*)$")
  conn:close(tonumber(code), reason)
end

function scenarios.serve()
  local ended, asking = {}, {}

  local function on_close(conn, code, reason)
    local id, text = conn.request.query.id, ("%d %s"):format(code, reason)
    if not id then return end
    ended[id] = text
    if asking[id] then asking[id]:send(text) end
  end

  local function tell_end(conn)
    local id = conn.request.query.id
    if ended[id] then conn:send(ended[id]) else asking[id] = conn end
  end

  return assert(ws.serve(with_shared({
    port = 0,
    protocols = { "v2", "v1" },
    routes = {
      ["WS /echo"] = { on_message = echo, on_close = on_close },
      ["WS /fragments"] = { on_message = send_fragments },
      ["WS /ping"] = {
        on_open = function(conn) conn:ping("from the server") end,
        on_pong = function(conn, payload) conn:send("pong " .. payload) end,
      },
      ["WS /close"] = { on_message = close_as_told },
      ["WS /terminate"] = { on_message = terminate },
      ["WS /vanish"] = { on_message = terminate },
      ["WS /headers"] = {
        on_upgrade = function(req)
          return true, { headers = { ["X-Reply"] = req.headers["x-ask"] } }
        end,
        on_open = function(conn) conn:send(conn.request.headers["x-ask"]) end,
      },
      ["WS /protocols"] = { on_open = function(conn) conn:send(conn.protocol) end },
      ["WS /ended"] = { on_open = tell_end },
      ["WS /refused"] = { on_upgrade = function() return nil, 401, "log in first" end },
    },
  }, "server")))
end

-- What a program reported that prints "ok name" and "failed name: why" lines (helper.drive's
-- results): a function from a scenario's name to "ok" or to what went wrong.
function scenarios.results(_, out, err)
  local results = {}
  for name in out:gmatch("ok ([^\n]+)") do results[name] = "ok" end
  for name, problem in out:gmatch("failed ([^\n:]+): ([^\n]+)") do
    results[name] = problem:gsub("\t", "\n")
  end
  return function(name) return results[name] or "did not run\n" .. err end
end

-- Runs the peer's client against our server.
function scenarios.run_client(command)
  local server = scenarios.serve()
  local line = { timeout = 240, env = command.env, url_of(server.port) }
  for i = #command, 1, -1 do table.insert(line, 1, command[i]) end
  local results = scenarios.results(helper.drive(line))
  server:stop()
  return results
end

-- Our client ------------------------------------------------------------------------------------

local function open(url, options)
  return assert(ws.connect(url, with_shared(options or {}, "client")))
end

local function receive(conn)
  local message, kind = conn:receive(30)
  if not message then error("nothing came: " .. tostring(kind), 2) end
  return message, kind
end

-- What receive says at the end: "code reason".
local function end_of(conn)
  local message, _, code, close_code, reason = conn:receive(30)
  assert.is_nil(message)
  assert.equal("CLOSED", code)
  return ("%d %s"):format(close_code, reason)
end

local function close(conn)
  conn:close(1000)
  assert.matches("^1000 ", end_of(conn))
end

-- Not assert.equal: a megabyte makes a bad report.
local function same(wanted, got)
  assert.is_true(wanted == got, ("%d bytes, %d came back"):format(#wanted, #got))
end

local function expect_echo(conn, message, kind)
  conn:send(message, kind)
  local got, got_kind = receive(conn)
  same(message, got)
  assert.equal(kind, got_kind)
end

local function expect_echo_of_sizes(base, bytes, kind)
  local conn = open(base .. "/echo")
  for _, size in ipairs(sizes) do
    expect_echo(conn, bytes:rep(math.ceil(size / #bytes)):sub(1, size), kind)
  end
  close(conn)
end

local function end_seen_by_peer(base, id)
  local conn = open(base .. "/ended?id=" .. id)
  local message = receive(conn)
  close(conn)
  return message
end

local our = {}

our["text"] = function(base) expect_echo_of_sizes(base, "x", "text") end
our["binary"] = function(base) expect_echo_of_sizes(base, "\0\1\254\255", "binary") end

our["utf8"] = function(base)
  local conn = open(base .. "/echo")
  expect_echo(conn, multibyte, "text")
  close(conn)
end

our["fragments sent"] = function(base)
  local conn = open(base .. "/echo")
  local writer = conn:stream("text")
  for i = 1, #multibyte, 997 do writer:write(multibyte:sub(i, i + 996)) end -- cuts characters, too
  writer:finish()
  same(multibyte, receive(conn))
  close(conn)
end

our["fragments received"] = function(base)
  local conn = open(base .. "/fragments")
  for _, message in ipairs { "", "abc", multibyte } do expect_echo(conn, message, "text") end
  expect_echo(conn, ("\255"):rep(70000), "binary")
  close(conn)
end

our["ping sent"] = function(base)
  local pongs = {}
  local conn = open(base .. "/echo", {
    on_open = function(conn)
      conn:ping("from the client")
      conn:ping(("x"):rep(125))
    end,
    on_pong = function(_, payload) pongs[#pongs + 1] = payload end,
  })
  helper.wait_until(function() return #pongs == 2 end, "pongs")
  assert.same({ "from the client", ("x"):rep(125) }, pongs)
  close(conn)
end

our["ping received"] = function(base)
  local ping, answer
  local conn = open(base .. "/ping", {
    on_ping = function(_, payload) ping = payload end,
    on_message = function(_, message) answer = message end,
  })
  helper.wait_until(function() return answer end, "the pong's arrival")
  assert.same({ "from the server", "pong from the server" }, { ping, answer })
  conn:close()
end

our["closing"] = function(base)
  for i, seen in ipairs { "1000 bye", "4999 " .. long_reason } do
    local code, reason = seen:match("^(%d+) (.*)$")
    local conn = open(base .. "/echo?id=close-" .. i)
    conn:close(tonumber(code), reason)
    assert.matches("^" .. code .. " ", end_of(conn))
    assert.equal(seen, end_seen_by_peer(base, "close-" .. i))
  end
end

our["being closed"] = function(base)
  for _, seen in ipairs { "1000 ", "1013 come later", "3000 " .. long_reason } do
    local conn = open(base .. "/close")
    conn:send(seen)
    assert.equal(seen, end_of(conn))
  end
end

our["subprotocol"] = function(base)
  for _, offered in ipairs { { "v1", "v2" }, { "v1" } } do
    local conn = open(base .. "/protocols", { protocols = offered })
    assert.equal(offered[2] or offered[1], conn.protocol)
    assert.equal(conn.protocol, receive(conn))
    close(conn)
  end
end

our["headers"] = function(base)
  local conn = open(base .. "/headers",
    { headers = { ["X-Ask"] = "a value, with comma" } })
  assert.equal("a value, with comma", conn.response.headers["x-reply"])
  assert.equal("a value, with comma", receive(conn))
  close(conn)
end

our["refusal"] = function(base)
  local conn, message, code = ws.connect(base .. "/refused", with_shared({}, "client"))
  assert.is_nil(conn)
  assert.matches("401", message)
  assert.equal("HTTP_STATUS", code)
end

our["hundred connections"] = function(base)
  local conns, wanted, got, answers, closed = {}, {}, {}, 0, 0
  for i = 1, 100 do
    wanted[i] = tostring(i)
    conns[i] = open(base .. "/echo", {
      on_open = function(conn) conn:send(wanted[i]) end,
      on_message = function(_, message) got[i], answers = message, answers + 1 end,
      on_close = function() closed = closed + 1 end,
    })
  end
  helper.wait_until(function() return answers == 100 end, "a hundred answers")
  assert.same(wanted, got)
  for _, conn in ipairs(conns) do conn:close() end
  helper.wait_until(function() return closed == 100 end, "a hundred ends")
end

our["thousand messages"] = function(base)
  local conn = open(base .. "/echo")
  for i = 1, 1000 do conn:send("message " .. i) end
  for i = 1, 1000 do assert.equal("message " .. i, receive(conn)) end
  close(conn)
end

our["vanishing"] = function(base)
  local conn = open(base .. "/echo?id=vanish")
  conn:terminate()
  assert.matches("^1006 ", end_of(conn))
  assert.matches("^1006 ", end_seen_by_peer(base, "vanish"))
end

our["being left"] = function(base)
  for path, reason in pairs { terminate = "ECONNRESET", vanish = "without a close frame" } do
    local conn = open(base .. "/" .. path)
    conn:send("x")
    assert.matches("^1006 .*" .. (tls.client and "" or reason), end_of(conn))
  end
end

-- Starts the peer's server; returns the process and its address.
function scenarios.start_server(command)
  local process = helper.background(command)
  local port = process:read_line()
  if not port then error(select(3, process:wait())) end
  return process, url_of(port)
end

-- Both directions -------------------------------------------------------------------------------

-- A command may be made late, by a function.
local function command_of(command)
  return type(command) == "function" and command() or command
end

-- Describes a peer, { client = command, server = command }, with more options for both our sides,
-- and the option `tls` of each, if there is to be any, from a function.
function scenarios.describe(name, peer, more, make_tls)
  local function use_options()
    shared_options = more or {}
    tls = make_tls and make_tls() or {}
  end

  busted.describe("a client on " .. name, function()
    local results
    busted.setup(function()
      use_options()
      results = scenarios.run_client(command_of(peer.client))
    end)
    busted.teardown(helper.check_leaks)
    for _, scenario in ipairs(scenarios.names) do
      busted.it("and our server: " .. scenario, function()
        assert.equal("ok", results(scenario))
      end)
    end
  end)

  busted.describe("our client and a server on " .. name, function()
    local process, base
    busted.setup(function()
      use_options()
      process, base = scenarios.start_server(command_of(peer.server))
    end)
    busted.teardown(function()
      process:stop()
      helper.check_leaks()
    end)
    for _, scenario in ipairs(scenarios.names) do
      busted.it(scenario, function() our[scenario](base) end)
    end
  end)
end

return scenarios
