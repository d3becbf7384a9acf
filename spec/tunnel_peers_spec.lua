-- Clients behind real proxies: tinyproxy for HTTP CONNECT, microsocks for SOCKS 5.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local function has(program)
  return helper.run { "sh", "-c", "command -v " .. program } == 0
end

-- Waits until somebody listens there.
local function wait_for_port(port)
  helper.wait_until(function()
    local peer = raw.connect(port)
    return pcall(peer.quiet, peer) and peer:close() -- without a connection it raises
  end, "the proxy to listen")
end

describe("through", function()
  local servers = {}
  setup(function()
    local function on_message(conn, message, kind) conn:send(message, kind) end
    servers.ws = assert(ws.serve { port = 0, on_message = on_message })
    servers.wss = assert(ws.serve {
      port = 0, tls = certificates.server(), on_message = on_message,
    })
  end)
  teardown(function()
    servers.ws:stop()
    servers.wss:stop()
    raw.end_specs()
  end)

  local function check(proxy)
    for scheme, server in pairs(servers) do
      local conn = assert(ws.connect(("%s://127.0.0.1:%d/"):format(scheme, server.port),
        { proxy = proxy, tls = certificates.client() }))
      for _, size in ipairs { 0, 1, 1000, 300000 } do
        local message = ("x"):rep(size)
        conn:send(message, "binary")
        assert.is_true(message == conn:receive(30))
      end
      conn:close(1000)
      assert.equal(1000, (select(4, conn:receive(30))))
    end
  end

  local function refusal(url, proxy)
    local _, message, code = ws.connect(url, { proxy = proxy })
    return code .. ": " .. message
  end

  -- Runs fn(port) while the program of the command listens at that port.
  local function with(command, fn)
    local process = helper.background(command)
    wait_for_port(command.port)
    local ok, message = pcall(fn, command.port)
    process:stop()
    if not ok then error(message, 0) end
  end

  local function tinyproxy(more)
    local port = helper.free_port()
    local config = helper.file(("Port %d\nListen 127.0.0.1\nTimeout 20\nAllow 127.0.0.1\n%s\n")
      :format(port, more))
    return { "tinyproxy", "-d", "-c", config, port = port, to_file = true }
  end

  it("tinyproxy", function()
    if not has "tinyproxy" then return pending "tinyproxy is not installed" end
    with(tinyproxy "", function(port)
      check("http://127.0.0.1:" .. port)
      assert.matches("^PROXY: the proxy refused to connect to the server: 5",
        refusal("ws://127.0.0.1:" .. helper.free_port(), "http://127.0.0.1:" .. port))
    end)
    with(tinyproxy "BasicAuth me secret", function(port)
      check("http://me:secret@127.0.0.1:" .. port)
      local url = "ws://127.0.0.1:" .. servers.ws.port
      assert.matches("^PROXY_AUTH: the proxy asks for a user name and a password: 407 ",
        refusal(url, "http://127.0.0.1:" .. port))
      -- This is how it refuses a wrong one.
      assert.matches("^PROXY: the proxy refused to connect to the server: 401 ",
        refusal(url, "http://me:wrong@127.0.0.1:" .. port))
    end)
  end)

  it("microsocks", function()
    if not has "microsocks" then return pending "microsocks is not installed" end
    local function microsocks(...)
      local port = helper.free_port()
      return { "microsocks", "-i", "127.0.0.1", "-p", port, port = port, to_file = true, ... }
    end
    with(microsocks(), function(port)
      check("socks5://127.0.0.1:" .. port)
      check("socks5h://127.0.0.1:" .. port)
      assert.matches("^PROXY: ",
        refusal("ws://127.0.0.1:" .. helper.free_port(), "socks5h://127.0.0.1:" .. port))
    end)
    local command = microsocks()
    for _, word in ipairs { "-u", "me", "-P", "secret" } do command[#command + 1] = word end
    with(command, function(port)
      check("socks5h://me:secret@127.0.0.1:" .. port)
      local url = "ws://127.0.0.1:" .. servers.ws.port
      assert.matches("^PROXY_AUTH: ", refusal(url, "socks5h://127.0.0.1:" .. port))
      assert.matches("^PROXY_AUTH: ", refusal(url, "socks5h://me:wrong@127.0.0.1:" .. port))
    end)
  end)
end)
