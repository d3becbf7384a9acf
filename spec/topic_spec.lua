-- Topics: who has subscribed to what.

local audience = require "spec.audience"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server

-- A server whose connections subscribe to nothing by themselves.
local function serve(options)
  options = options or {}
  options.on_open = function(conn) table.insert(audience.opened, conn) end
  server = audience.serve(options)
end

-- The server's connection with a new client, and the client.
local function connect()
  local client, conn = audience.connect()
  return conn, client
end

local function sorted(list)
  table.sort(list)
  return list
end

describe("a connection of a server", function()
  teardown(helper.check_leaks)
  after_each(audience.end_all)

  it("subscribes and unsubscribes", function()
    serve()
    local conn = connect()
    assert.same({}, conn:topics())
    assert.is_true(conn:subscribe("a"))
    assert.is_true(conn:subscribe("b"))
    assert.is_true(conn:subscribe("a"))
    assert.same({ "a", "b" }, sorted(conn:topics()))
    assert.equal(1, server:subscribers("a"))
    assert.is_true(conn:unsubscribe("a"))
    assert.is_false(conn:unsubscribe("a"))
    assert.is_false(conn:unsubscribe("never"))
    assert.same({ "b" }, conn:topics())
    assert.equal(0, server:subscribers("a"))
  end)

  it("takes any bytes for a topic", function()
    serve()
    local conn = connect()
    local topics = { "", "\0", "a\0b", "\255", ("x"):rep(255) }
    for _, topic in ipairs(topics) do assert.is_true(conn:subscribe(topic)) end
    assert.same(sorted(topics), sorted(conn:topics()))
    for _, topic in ipairs(topics) do assert.equal(1, server:subscribers(topic)) end
    assert.equal(0, server:subscribers("a\0c"))
  end)

  it("cannot subscribe to a topic that is too long", function()
    serve()
    local conn = connect()
    local long = ("x"):rep(256)
    local ok, message, code = conn:subscribe(long)
    assert.same({ "a topic or key must not be over 255 bytes", "TOPIC_TOO_LONG" },
      { message, code })
    assert.is_nil(ok)
    assert.is_false(conn:unsubscribe(long))
    assert.equal(0, server:subscribers(long))
  end)

  it("subscribes to max_topics at most", function()
    serve { max_topics = 3 }
    local conn = connect()
    for i = 1, 3 do assert.is_true(conn:subscribe("topic " .. i)) end
    local ok, message, code = conn:subscribe("one more")
    assert.is_nil(ok)
    assert.equal("the connection has as many topics as max_topics allows: unsubscribe from some",
      message)
    assert.equal("TOO_MANY_TOPICS", code)
    assert.is_true(conn:subscribe("topic 2"))
    conn:unsubscribe("topic 2")
    assert.is_true(conn:subscribe("one more"))
  end)

  it("leaves its topics when it closes, however it does", function()
    serve()
    for _, way in ipairs { "close", "terminate", "client" } do
      local conn, client = connect()
      conn:subscribe("a")
      conn:subscribe("b")
      assert.equal(1, server:subscribers("b"))
      if way == "client" then client:close() else conn[way](conn) end
      helper.wait_until(function() return conn.state ~= "open" end)
      assert.equal(0, server:subscribers("a"))
      assert.equal(0, server:subscribers("b"))
      assert.same({}, conn:topics())
      assert.equal("CLOSED", (select(3, conn:subscribe("a"))))
      assert.is_false(conn:unsubscribe("a"))
    end
  end)

  it("has left them in on_close", function()
    local seen
    serve {
      on_close = function(conn) seen = { conn:topics(), conn.server:subscribers("a") } end,
    }
    local first, client = connect()
    connect():subscribe("a")
    first:subscribe("a")
    client:close()
    helper.wait_until(function() return seen end)
    assert.same({ {}, 1 }, seen)
  end)

  it("says what is no topic", function()
    serve()
    local conn, client = connect()
    assert.error_matches(function() conn:subscribe(1) end, "string expected, got number")
    assert.error_matches(function() conn:subscribe() end, "string expected, got no value")
    assert.error_matches(function() server:subscribers {} end, "string expected, got table")
    for _, name in ipairs { "subscribe", "unsubscribe", "topics", "publish" } do
      assert.error_matches(function() client[name](client, "a", "b") end,
        name .. ": topics belong to a server; a client's connection has none")
    end
  end)
end)

describe("the topics", function()
  teardown(raw.end_specs)
  after_each(audience.end_all)

  it("of two servers have nothing to do with each other", function()
    serve()
    local other = assert(ws.serve { port = 0, on_message = print })
    connect():subscribe("a")
    assert.equal(0, other:subscribers("a"))
    assert.equal(0, other:publish("a", "x"))
    assert.equal(1, server:publish("a", "x"))
    other:stop()
  end)

  it("end with the connections when the loop is freed", function()
    local status, out, err = helper.run_lua [[
      local ws = require "lunawire"
      local server
      server = assert(ws.serve { port = 0, on_open = function(conn)
        for i = 1, 100 do conn:subscribe("topic " .. i) end
        server:publish("topic 1", "x")
        print(server:subscribers("topic 100"))
        os.exit(0, true)
      end })
      ws.connect("ws://127.0.0.1:" .. server.port)
    ]]
    assert.same({ 0, "1\n", "" }, { status, out, err })
    serve()
  end)

  it("may be a hundred thousand", function()
    serve { max_topics = 100000 }
    local conn, other = connect(), connect()
    for i = 1, 100000 do conn:subscribe("topic " .. i) end
    other:subscribe("topic 77777")
    assert.equal(100000, #conn:topics())
    assert.equal(2, server:publish("topic 77777", "x"))
    core.step(0)
    for i = 1, 99999, 2 do assert(conn:unsubscribe("topic " .. i)) end
    assert.equal(50000, #conn:topics())
    assert.equal(1, server:subscribers("topic 77777"))
    conn:terminate()
    assert.equal(0, server:subscribers("topic 2"))
    assert.equal(1, server:publish("topic 77777", "x"))
  end)
end)
