-- proxy_protocol: connections that begin with a PROXY header, and with everything else.
-- reverse_proxy_spec.lua has the real proxies.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local signature = "\r\n\r\n\0\r\nQUIT\n"

-- A header of version 2: its command and family, and what stands behind its length.
local function header_2(command_and_family, block)
  return signature .. command_and_family .. string.char(math.floor(#block / 256), #block % 256)
    .. block
end

local addresses = "\192\0\2\1\198\51\100\7\16\225\0\80"
local line = "PROXY TCP4 192.0.2.1 198.51.100.7 4321 80\r\n"
local binary = header_2("\33\17", addresses)

local server, opened, closes

local function serve(options)
  if not options.path then options.port = 0 end
  if options.proxy_protocol == nil then options.proxy_protocol = true end
  options.on_open = function(conn) opened[#opened + 1] = conn end
  options.on_message = function(conn, message, kind) conn:send(message, kind) end
  options.on_close = function(conn, code)
    closes[#closes + 1] = { code, conn.remote_address, conn.remote_port }
  end
  server = assert(ws.serve(options))
  return server
end

local function before() opened, closes = {}, {} end

local function after()
  if server then server:stop() end
  server, opened = nil, nil
  raw.wait_for_end()
end

-- What a connection is that begins so: address, port.
local function remote_of(header)
  local peer = raw.connect(server.port):send(header .. raw.request() .. raw.client_frame(1, "x"))
  assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
  assert.same({ 1, "x", true }, { peer:frame() })
  local conn = table.remove(opened)
  peer:close()
  return conn.remote_address, conn.remote_port
end

local function refused(bytes)
  local peer = raw.connect(server.port):send(bytes)
  local answer, ended = peer:read_all()
  peer:close()
  assert.equal("eof", ended)
  return answer
end

describe("a PROXY header", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("tells the client's address", function()
    serve {}
    local zeros = ("\0"):rep(15)
    local ip6 = header_2("\33\33",
      "\32\1\13\184" .. zeros:sub(5) .. "\1" .. zeros .. "\1" .. "\1\187\0\80")
    for header, expected in pairs {
      [line] = { "192.0.2.1", 4321 },
      [binary] = { "192.0.2.1", 4321 },
      [ip6] = { "2001:db8::1", 443 },
      ["PROXY TCP6 2001:DB8:0::1 ::1 443 80\r\n"] = { "2001:db8::1", 443 },
      ["PROXY TCP6 ::ffff:192.0.2.1 ::1 1 80\r\n"] = { "192.0.2.1", 1 },
      [header_2("\33\49", "/run/client" .. ("\0"):rep(205))] = { "/run/client", 0 },
      [header_2("\33\49", ("\0"):rep(216))] = { "", 0 },
      [header_2("\33\17", addresses .. "\1\0\4xxxx")] = { "192.0.2.1", 4321 },
    } do
      assert.same(expected, { remote_of(header) })
    end
  end)

  it("without an address leaves that of the connection", function()
    serve {}
    for _, header in ipairs { "PROXY UNKNOWN\r\n", header_2("\32\0", ""), header_2("\33\0", ""),
        header_2("\32\17", addresses) } do
      local address, port = remote_of(header)
      assert.equal("127.0.0.1", address)
      assert.is_true(port > 0)
    end
  end)

  it("is in req.remote_address, and still there after on_close", function()
    local seen
    serve { on_upgrade = function(req)
      seen = req.remote_address
      return true
    end }
    local peer = raw.connect(server.port):send(line .. raw.request())
    peer:read_until("\r\n\r\n")
    peer:reset()
    helper.wait_until(function() return closes[1] end)
    assert.equal("192.0.2.1", seen)
    assert.same({ 1006, "192.0.2.1", 4321 }, closes[1])
  end)

  it("may come in any pieces", function()
    serve {}
    for _, header in ipairs { line, binary } do
      for size = 1, #header + 1 do
        local peer = raw.connect(server.port):drip(header .. raw.request(), size)
        assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
        peer:close()
      end
    end
    helper.wait_until(function() return #opened == #line + #binary + 2 end)
    for _, conn in ipairs(opened) do assert.equal("192.0.2.1", conn.remote_address) end
  end)

  it("comes before TLS, in the same segment or not", function()
    serve { tls = certificates.server() }
    for _, wait in ipairs { "0", "0.02" } do
      for _, header in ipairs { line, binary } do
        local status, out, err = helper.drive { helper.python, "spec/peers/proxied_tls.py",
          server.port, raw.hex(header), wait, certificates.path "ca.crt" }
        assert.equal("", err)
        assert.equal(0, status)
        assert.matches("^HTTP/1.1 101 ", out)
        helper.wait_until(function() return #opened == 1 end)
        local conn = table.remove(opened)
        assert.equal("192.0.2.1", conn.remote_address)
      end
    end
    assert.matches("^HTTP/1.1 400 .*\r\n\r\nthis port speaks TLS", refused(line .. raw.request()))
  end)

  it("comes over a unix socket, too", function()
    local path = helper.file()
    os.remove(path)
    serve { path = path }
    local script = [[
import socket, sys
peer = socket.socket(socket.AF_UNIX)
peer.connect(sys.argv[1])
peer.sendall(bytes.fromhex(sys.argv[2]))
print(peer.recv(100).decode("latin-1"))
]]
    local status, out = helper.drive { helper.python, "-c", script, path,
      raw.hex(binary .. raw.request()) }
    assert.equal(0, status)
    assert.matches("^HTTP/1.1 101 ", out)
    assert.same({ "192.0.2.1", 4321 }, { opened[1].remote_address, opened[1].remote_port })
  end)
end)

describe("with proxy_protocol, a connection", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  local text = "\r\n\r\nthis port asks for a PROXY protocol header before all else\n$"

  it("without a valid header is answered and closed", function()
    serve {}
    local cases = {
      raw.request(), "\22\3\1\2\0\1\0\1\252\3\3", "PROXY\r\n", "PROXY TCP4 1.2.3.4\r\n",
      "PROXY TCP4 1.2.3.256 1.2.3.4 1 2\r\n", "PROXY UNKNOWN" .. ("x"):rep(94), "\r\nGET / HTTP",
      header_2("\33\17", addresses:sub(2)), header_2("\34\17", addresses), header_2("\33\65", ""),
      signature .. "\32\0\15\241", signature .. "\32\0\255\255",
    }
    for _, bytes in ipairs(cases) do
      local answer = refused(bytes)
      assert.matches("^HTTP/1.1 400 Bad Request\r\n", answer)
      assert.matches(text, answer)
    end
    assert.equal(#cases, server:stats().refused)
    assert.same({}, opened)
  end)

  it("has one header, not two", function()
    serve {}
    assert.matches("^HTTP/1.1 400 .*\r\n\r\nthe HTTP head is malformed\n$",
      refused(line .. line .. raw.request()))
  end)

  it("may bring a long header, but not too long a one", function()
    serve {}
    local function header(length) return header_2("\32\0", ("x"):rep(length)) end
    assert.equal("127.0.0.1", (remote_of(header(4080))))
    assert.matches(text, refused(header(4081)))
  end)

  it("is refused before TLS in plain text", function()
    serve { tls = certificates.server() }
    assert.matches(text, refused(raw.request()))
    assert.matches(text, refused("\22\3\1\2\0\1\0\1\252\3\3"))
  end)

  it("that sends none, or a part of one, ends after handshake_timeout", function()
    helper.with_limit(function(limit)
      serve { handshake_timeout = limit, tls = certificates.server() }
      local silent, cut = raw.connect(server.port), raw.connect(server.port):send(line:sub(1, 20))
      local slow = raw.connect(server.port):drip(line, 1, 0.1 * limit)
      assert.same({ "", "eof" }, { silent:read_all() })
      local answer, ended = cut:read_all()
      assert.matches("^HTTP/1.1 408 ", answer)
      assert.equal("eof", ended)
      slow:read_all()
      for _, peer in ipairs { silent, cut, slow } do peer:close() end
      assert.same({}, opened)
    end, function() server:stop() end)
  end)

  it("that ends within it leaves nothing", function()
    serve {}
    for size = 0, #binary do
      local bytes = binary:sub(1, size)
      raw.connect(server.port):send(bytes):close()
      raw.connect(server.port):send(bytes):reset()
      local peer = raw.connect(server.port):send(bytes):half_close()
      assert.same({ "", "eof" }, { peer:read_all() })
      peer:close()
    end
    helper.wait_until(function() return server:stats().accepted == 3 * (#binary + 1) end)
    helper.wait_until(function() return server:stats().connections == 0 end)
    assert.same({}, opened)
  end)

  it("above max_connections gets 503 at once", function()
    serve { max_connections = 1 }
    local first = raw.connect(server.port):send(line .. raw.request())
    first:read_until("\r\n\r\n")
    assert.matches("^HTTP/1.1 503 ", refused(line .. raw.request()))
    first:close()
  end)

  it("that waits for a header ends when the server stops", function()
    serve {}
    local silent = raw.connect(server.port)
    local cut = raw.connect(server.port):send(line:sub(1, 20))
    cut:wait()
    helper.wait_until(function() return server:stats().connections == 2 end)
    core.step(0)
    server:stop()
    assert.same({ "", "eof" }, { silent:read_all() })
    cut:read_all()
    silent:close()
    cut:close()
  end)
end)

describe("without proxy_protocol, a PROXY header", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("is answered by saying what to set, however it comes", function()
    serve { proxy_protocol = false }
    for _, header in ipairs { line, binary, "PROXY UNKNOWN\r\n", header_2("\32\0", "") } do
      local all = header .. raw.request()
      for _, size in ipairs { 1, 2, 3, 7, #all } do
        local peer = raw.connect(server.port):drip(all, size)
        assert.matches("^HTTP/1.1 400 Bad Request\r\n", (peer:read_until("\r\n\r\n")))
        assert.equal("this seems to be a PROXY header: proxy_protocol = true accepts it\n",
          (peer:read(66)))
        peer:close()
      end
    end
    assert.same({}, opened)
  end)

  it("is answered so by a server with TLS", function()
    serve { proxy_protocol = false, tls = certificates.server() }
    for _, header in ipairs { line, binary } do
      local answer = refused(header)
      assert.matches("^HTTP/1.1 400 Bad Request\r\n", answer)
      assert.matches("PROXY protocol header needs proxy_protocol = true", answer)
    end
  end)
end)
