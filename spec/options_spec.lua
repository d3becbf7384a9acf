-- The options table: defaults, kinds, and what people are told when they get one wrong.

local options = require "lunawire.options"

-- The message of the error that fn raises, without its position.
local function error_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

local function serve(given) return options.check("serve", given) end
local function connect(given) return options.check("connect", given) end

describe("options", function()
  it("have the defaults that the documentation promises", function()
    local o = serve { port = 80 }
    assert.equal("127.0.0.1", o.host)
    assert.equal(80, o.port)
    assert.equal(1024 * 1024, o.max_message)
    assert.equal(100000, o.max_connections)
    assert.equal(16 * 1024 * 1024, o.max_buffered)
    assert.equal(64 * 1024, o.high_water)
    assert.equal("close", o.on_slow)
    assert.equal(511, o.backlog)
    assert.equal(10, o.handshake_timeout)
    assert.equal(0, o.idle_timeout)
    assert.equal(20, o.ping_interval)
    assert.equal(5, o.close_timeout)
    assert.is_false(o.reuse_port)
    assert.is_false(o.proxy_protocol)
    assert.is_nil(o.protocols)
    assert.equal(10, connect({}).timeout)
    assert.is_nil(connect({}).host)
  end)

  it("are not changed in place", function()
    local given = { port = 80, protocols = { "chat" } }
    local o = serve(given)
    o.protocols[1] = "other"
    assert.same({ port = 80, protocols = { "chat" } }, given)
  end)

  it("take sizes as numbers and as strings", function()
    for given, bytes in pairs { ["64K"] = 65536, ["1M"] = 1048576, ["1.5K"] = 1536, ["10"] = 10,
        [10] = 10, ["1G"] = 1073741824 } do
      assert.equal(bytes, connect({ max_message = given, max_buffered = "4G" }).max_message)
    end
  end)

  for given, message in pairs {
    [-1] = 'max_message must be a number of bytes or a string like "64K", at most 1G, not -1',
    [0] = 'max_message must be a number of bytes or a string like "64K", at most 1G, not 0',
    ["64k"] = 'max_message must be a number of bytes or a string like "64K", at most 1G, not "64k"',
    ["2G"] = 'max_message must be a number of bytes or a string like "64K", at most 1G, not "2G"',
    [true] = 'max_message must be a number of bytes or a string like "64K", at most 1G, not true',
  } do
    it("refuse the size " .. tostring(given), function()
      assert.equal(message, error_of(serve, { max_message = given }))
    end)
  end

  it("tell a wrong type", function()
    assert.equal("port must be a number between 0 and 65535, not a string",
      error_of(serve, { port = "80" }))
    assert.equal("port must be a number between 0 and 65535, not 65536",
      error_of(serve, { port = 65536 }))
    assert.equal("on_open must be a function, not a string", error_of(serve, { on_open = "x" }))
    assert.equal("host must be a string, not a table", error_of(serve, { host = {} }))
    assert.equal("reuse_port must be a boolean, not 1", error_of(serve, { reuse_port = 1 }))
    assert.equal("close_timeout must be a number of seconds between 0.001 and 2592000, not 0",
      error_of(serve, { close_timeout = 0 }))
    assert.equal('on_slow must be "close" or "drop", not "wait"',
      error_of(serve, { on_slow = "wait" }))
    assert.equal("options must be a table, not a string", error_of(serve, "port"))
  end)

  it("refuse numbers that are none", function()
    for _, given in ipairs { 0 / 0, 1 / 0, -1 / 0, 1.5 } do
      assert.truthy(error_of(serve, { port = given }))
    end
    for _, given in ipairs { 0 / 0, 1 / 0, -1 / 0 } do
      assert.truthy(error_of(serve, { ping_interval = given }))
      assert.truthy(error_of(serve, { max_message = given }))
    end
  end)

  it("name the option that was meant", function()
    assert.equal("unknown option 'on_mesage': did you mean 'on_message'?",
      error_of(serve, { on_mesage = print }))
    assert.equal("unknown option 'prot': did you mean 'port'?", error_of(serve, { prot = 80 }))
    assert.equal("unknown option 'Port': did you mean 'port'?", error_of(serve, { Port = 80 }))
    assert.equal("unknown option 'xyzzy'", error_of(serve, { xyzzy = 1 }))
    assert.equal("unknown option 'port'", error_of(connect, { port = 1 }))
    assert.equal("unknown option 'names'", error_of(serve, { names = 1 }))
    assert.equal("options have names; 1 is not one", error_of(serve, { 80 }))
  end)

  it("say where a wrong option stands", function()
    assert.equal("route 'WS /': unknown option 'on_opn': did you mean 'on_open'?",
      error_of(options.check, "route", { on_opn = print }, "route 'WS /': "))
  end)

  it("take lists of subprotocols", function()
    assert.same({ "a", "b" }, serve({ protocols = { "a", "b" } }).protocols)
    assert.equal("protocols must be a list of names, not a string",
      error_of(serve, { protocols = "chat" }))
    assert.equal("protocols must be a list of names, not a table",
      error_of(serve, { protocols = { chat = true } }))
    local long = ("x"):rep(256)
    assert.equal(('protocols has "%s", which is repeated, not a token, or over 255 bytes')
      :format(long), error_of(serve, { protocols = { long } }))
    assert.equal('protocols has "a b", which is repeated, not a token, or over 255 bytes',
      error_of(serve, { protocols = { "a b" } }))
    assert.equal('protocols has "a", which is repeated, not a token, or over 255 bytes',
      error_of(serve, { protocols = { "a", "a" } }))
  end)

  it("take origins", function()
    local list = { "https://app.example", "http://localhost:8080", "null" }
    assert.same(list, serve({ origins = list }).origins)
    assert.equal("*", serve({ origins = "*" }).origins)
    assert.matches("is repeated or no origin",
      error_of(serve, { origins = { "https://app.example/" } }))
    assert.matches("is repeated or no origin", error_of(serve, { origins = { "app.example" } }))
    assert.equal('origins must be "*" or a list of origins, not "https://app.example"',
      error_of(serve, { origins = "https://app.example" }))
  end)

  it("do not contradict each other", function()
    assert.equal("high_water must not be above max_buffered",
      error_of(serve, { high_water = "2M", max_buffered = "1M" }))
    assert.equal("on_chunk takes the place of on_message: give one of them",
      error_of(serve, { on_message = print, on_chunk = print }))
  end)

  it("give their handlers away", function()
    local o = serve { port = 1, on_open = print, on_upgrade = type, on_slow = "drop" }
    assert.same({ on_open = print }, options.take_handlers(o))
    assert.is_nil(o.on_open)
    assert.equal(type, o.on_upgrade)
    assert.equal("drop", o.on_slow)
  end)
end)
