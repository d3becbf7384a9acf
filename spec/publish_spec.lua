-- Publishing: what reaches whom, and in which order. Those who read too slowly are in
-- publish_slow_spec.lua.

local audience = require "spec.audience"
local certificates = require "spec.certificates"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"

local server

local function serve(options) server = audience.serve(options) end
local connect, open_raw, received = audience.connect, audience.open_raw, audience.received

describe("publish", function()
  teardown(raw.end_specs)
  after_each(audience.end_all)

  it("reaches all subscribers and says how many", function()
    serve()
    local clients = {}
    for i = 1, 10 do clients[i] = connect() end
    audience.opened[1]:unsubscribe("t")
    audience.opened[1]:subscribe("other")
    assert.equal(9, server:publish("t", "hello"))
    assert.equal(1, server:publish("other", "only you"))
    assert.equal(0, server:publish("nobody", "x"))
    assert.same({ "only you", "text" }, { clients[1]:receive(30) })
    for i = 2, 10 do assert.same({ "hello", "text" }, { clients[i]:receive(30) }) end
    assert.equal(10, server:stats().messages_out)
    assert.equal(9 * 5 + 8, server:stats().bytes_out)
  end)

  it("of a connection reaches all others, whether it has subscribed or not", function()
    serve()
    local ada, a = connect()
    local grace, g = connect()
    assert.equal(1, a:publish("t", "from ada"))
    a:unsubscribe("t")
    assert.equal(1, a:publish("t", "again"))
    assert.equal(0, g:publish("t", "nobody else"))
    assert.same({ "from ada", "again" }, received(grace, 2))
    assert.equal("TIMEOUT", (select(3, ada:receive(0.02))))
  end)

  it("takes what send takes", function()
    serve()
    local client = connect()
    assert.equal(1, server:publish("t", { "a", "b", "c" }, "binary"))
    assert.equal(1, server:publish("t", ""))
    assert.equal(1, server:publish("t", {}))
    local many = {}
    for i = 1, 1000 do many[i] = ("x"):rep(i % 7) end
    assert.equal(1, server:publish("t", many))
    assert.same({ "abc", "binary" }, { client:receive(30) })
    assert.same({ "", "text" }, { client:receive(30) })
    assert.same({ "", "text" }, { client:receive(30) })
    assert.equal(table.concat(many), (client:receive(30)))
  end)

  it("checks text once, and says what is wrong", function()
    serve()
    connect()
    assert.equal("INVALID_UTF8", (select(3, server:publish("t", "\255"))))
    assert.equal("INVALID_UTF8", (select(3, server:publish("nobody", { "\195", "x" }))))
    assert.equal(1, server:publish("t", { "\195", "\182" }))
    assert.equal(1, server:publish("t", "\255", "binary"))
    assert.equal("TOPIC_TOO_LONG", (select(3, server:publish(("x"):rep(256), "x"))))
    assert.equal("TOPIC_TOO_LONG",
      (select(3, server:publish("t", "x", "text", { key = ("x"):rep(256) }))))
    assert.error_matches(function() server:publish("t", "x", "text", { kee = 1 }) end,
      "the options of what is published are compress and key")
    assert.error_matches(function() server:publish("t", "x", "text", { key = 1 }) end,
      "key must be a string")
    assert.error_matches(function() server:publish("t", { "x", 1 }) end,
      "element 2 of the message must be a string")
    assert.error_matches(function() server:publish("t", "x", "txt") end, "kind must be")
  end)

  it("leaves in the order of the calls, with what else is sent, whatever the sizes", function()
    serve { max_message = "16M" }
    local client, conn = connect({ max_message = "16M" })
    local expected = {}
    for i, size in ipairs { 5, 100, 4090, 5000, 3, 70000, 1, 16000, 4096, 200, 300000, 7, 9 } do
      local text = (i .. " "):rep(size):sub(1, size)
      for _, how in ipairs { "publish", "send", "publish", "publish" } do
        expected[#expected + 1] = text
        if how == "send" then conn:send(text) else server:publish("t", text) end
      end
    end
    local messages = received(client, #expected)
    for i = 1, #expected do assert.equal(#expected[i], #messages[i]) end
    assert.same(expected, messages)
  end)

  it("mixes topics in the order of the calls", function()
    serve()
    local ada, a = connect()
    local grace, g = connect()
    a:subscribe("a")
    g:subscribe("g")
    local of_ada, of_grace = {}, {}
    for i = 1, 300 do
      local topic = i % 3 == 0 and "t" or i % 3 == 1 and "a" or "g"
      server:publish(topic, topic .. i)
      if topic ~= "g" then of_ada[#of_ada + 1] = topic .. i end
      if topic ~= "a" then of_grace[#of_grace + 1] = topic .. i end
    end
    assert.same(of_ada, received(ada, #of_ada))
    assert.same(of_grace, received(grace, #of_grace))
  end)

  it("leaves before the close frame, and after the batch before it", function()
    serve()
    local peer, conn = open_raw()
    server:publish("t", "one")
    conn:send("two")
    server:publish("t", "three")
    conn:close(1000)
    assert.equal(0, server:publish("t", "too late"))
    local frames = raw.frames(peer:read_until_close())
    local payloads = {}
    for i, frame in ipairs(frames) do payloads[i] = frame.payload end
    assert.same({ "one", "two", "three", raw.close_payload(1000) }, payloads)
    peer:close()
  end)

  it("waits for the end of a streamed message, in order", function()
    serve()
    local client, conn = connect()
    local writer = conn:stream()
    writer:write("str")
    assert.equal(1, server:publish("t", "a"))
    assert.equal(1, server:publish("t", "b", "text", { key = "k" }))
    assert.is_true(conn.buffered > 0)
    writer:write("ea")
    assert.equal(1, server:publish("t", "c"))
    assert.equal(1, server:publish("t", "d", "text", { key = "k" }))
    writer:finish("m")
    assert.equal(1, server:publish("t", "e"))
    assert.same({ "stream", "a", "d", "c", "e" }, received(client, 5))
  end)

  it("may subscribe, unsubscribe, close and publish in any handler", function()
    serve {
      on_message = function(conn, message)
        if message == "out" then conn:unsubscribe("t") end
        conn:publish("t", message)
        if message == "close" then conn:close(1000) end
        if message == "throw" then error("on purpose") end
      end,
      on_error = function() end,
      on_close = function(conn) conn:publish("t", "gone") end,
    }
    local ada = connect()
    local grace = connect()
    local mary = connect()
    grace:send("hi")
    assert.same({ "hi" }, received(ada, 1))
    assert.same({ "hi" }, received(mary, 1))
    mary:send("out")
    assert.same({ "out" }, received(ada, 1))
    assert.same({ "out" }, received(grace, 1))
    grace:send("close")
    assert.same({ "close", "gone" }, received(ada, 2))
    mary:send("throw")
    assert.same({ "throw", "gone" }, received(ada, 2))
    assert.equal(1, server:subscribers("t"))
  end)

  it("from on_open of a connection that has just opened", function()
    serve {
      on_open = function(conn)
        conn:subscribe("t")
        server:publish("t", "welcome")
        audience.opened[#audience.opened + 1] = conn
      end,
    }
    local ada, grace = connect(), connect()
    assert.same({ "welcome", "welcome" }, received(ada, 2))
    assert.same({ "welcome" }, received(grace, 1))
  end)

  it("is encrypted for each", function()
    serve { tls = certificates.server() }
    local clients = {}
    for i = 1, 3 do clients[i] = connect { tls = certificates.client() } end
    local large = ("x"):rep(100000)
    for _, text in ipairs { "a", large, "b" } do assert.equal(3, server:publish("t", text)) end
    for _, client in ipairs(clients) do assert.same({ "a", large, "b" }, received(client, 3)) end
  end)

  it("after the server stopped reaches nobody", function()
    serve()
    connect()
    local gone, conn = server, audience.opened[1]
    server:stop()
    assert.equal(0, gone:publish("t", "x"))
    raw.wait_for_end()
    assert.equal(0, gone:publish("t", "x"))
    assert.equal(0, gone:subscribers("t"))
    assert.equal(0, conn:publish("t", "x"))
    serve()
  end)

  it("to peers that have just gone is no error", function()
    serve()
    local client = connect()
    for _ = 1, 5 do
      local peer = open_raw()
      peer:reset():wait()
    end
    for i = 1, 20 do server:publish("t", tostring(i)) end
    assert.equal("20", received(client, 20)[20])
    helper.wait_until(function() return server:subscribers("t") == 1 end)
  end)
end)

describe("publish to a thousand", function()
  teardown(raw.end_specs)

  it("while most of them go", function()
    serve { on_message = function(conn) conn:publish("t", ("x"):rep(1000)) end }
    local head = raw.request()
    local result, status = raw.crowd(server.port, 300, head, "\r\n\r\n",
      raw.client_frame(1, "go") .. raw.client_frame(8, raw.close_payload(1000)))
    assert.same({ "", "ok" }, { result, status })
    assert.equal(0, server:subscribers("t"))
    audience.end_all()
  end)
end)

describe("what is published and compressed", function()
  teardown(raw.end_specs)
  after_each(audience.end_all)

  local text = ('{"instrument":"EURUSD","bid":1.0712,"ask":1.0714}'):rep(40)

  it("is understood whatever was agreed on", function()
    serve { deflate = { takeover = true } }
    local clients = {}
    for i, deflate in ipairs {
      false, true, { takeover = true }, { takeover = true, max_window_bits_of_peer = 9 },
      { takeover = false, max_window_bits_of_peer = 10 }, { max_window_bits_of_peer = 8 },
    } do
      clients[i] = connect { deflate = deflate }
    end
    for round = 1, 5 do
      for i, conn in ipairs(audience.opened) do conn:send(round .. " of your own " .. i .. text) end
      assert.equal(#clients, server:publish("t", round .. text))
      assert.equal(#clients, server:publish("t", "short"))
      assert.equal(#clients, server:publish("t", round .. text, "binary", { compress = false }))
    end
    for i, client in ipairs(clients) do
      for round = 1, 5 do
        local all = round .. text
        assert.same({ round .. " of your own " .. i .. text, all, "short", all },
          received(client, 4))
      end
    end
  end)

  it("is compressed once", function()
    serve { deflate = true }
    local offer = "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    local peers = { open_raw(offer), open_raw(offer), open_raw() }
    server:publish("t", text)
    local first, second = peers[1]:read(60), peers[2]:read(60)
    assert.equal(first, second)
    assert.equal(0xC1, first:byte(1)) -- RSV1
    assert.is_true(first:byte(2) < 126)
    assert.same({ 1, text, true }, { peers[3]:frame() })
    for _, peer in ipairs(peers) do peer:close() end
  end)

  it("waits for a compressed stream to end", function()
    serve { deflate = { takeover = true } }
    local client, conn = connect { deflate = { takeover = true } }
    local writer = conn:stream()
    writer:write(text)
    server:publish("t", text)
    writer:write(text)
    server:publish("t", text, "text", { compress = false })
    writer:finish()
    conn:send(text)
    assert.same({ text .. text, text, text, text }, received(client, 4))
  end)
end)
