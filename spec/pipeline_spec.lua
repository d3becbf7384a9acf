-- Where one request of a connection follows another: upgrades behind plain requests, answers that
-- are still on their way, requests that cannot be answered as the script meant to.

local core = require "lunawire.core"
local raw = require "spec.raw_peer"
local helper = require "spec.helper"
local ws = require "lunawire"

local upgrade = "GET /ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" ..
  "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n%s\r\n"
local plain = "GET /plain HTTP/1.1\r\nHost: a\r\n\r\n"
local frame = "\129\133\0\0\0\0hello"
local close_frame = "\136\130\0\0\0\0\3\232"

describe("requests of one connection", function()
  local server
  local function start(options)
    options.port = 0
    server = assert(ws.serve(options))
    return raw.connect(server.port)
  end
  after_each(function()
    server:stop()
    raw.wait_for_end()
  end)
  teardown(raw.stop)
  teardown(helper.check_leaks)

  it("open a connection before its first message, though the upgrade had to wait", function()
    local events, held = {}, nil
    local peer = start { routes = {
      ["GET /plain"] = function(_, res) held = res end,
      ["WS /ws"] = {
        on_open = function(conn)
          events[#events + 1] = "open"
          conn:send("welcome")
        end,
        on_message = function(_, message) events[#events + 1] = message end,
      },
    } }
    peer:send(plain .. upgrade:format(""))
    helper.wait_until(function() return held end)
    core.step(0)
    held:send("plain")
    helper.wait_until(function() return events[1] end, "on_open")
    assert.equal("ok", select(2, peer:read_until("welcome")))
    peer:send(frame)
    helper.wait_until(function() return #events == 2 end)
    assert.same({ "open", "hello" }, events)
    peer:send(close_frame)
    peer:read_until_close()
    peer:close()
  end)

  for what, field in pairs {
    ["a body that cannot be framed"] = "Transfer-Encoding: gzip\r\n",
    ["both lengths"] = "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
    ["an expectation that nobody knows"] = "Expect: miracles\r\n",
  } do
    it("are refused with " .. what .. " in an upgrade", function()
      local peer = start { routes = {
        ["WS /ws"] = { on_upgrade = function() return nil, 403 end },
      } }
      peer:send(upgrade:format(field))
      local answer, status = peer:read_all()
      assert.matches("^HTTP/1%.1 4%d%d ", answer)
      assert.equal("eof", status)
      peer:close()
    end)
  end

  -- More than the kernel takes from a peer that does not read yet.
  local large = ("0123456789abcdef"):rep(1024 * 1024)

  local function ask_for_large(options)
    options.routes = {
      ["GET /plain"] = function(_, res) res:send("plain") end,
      ["GET /large"] = function(_, res) res:send(large) end,
    }
    local peer = start(options)
    peer:send((plain:gsub("/plain", "/large")))
    assert.equal("ok", select(2, peer:read_until("\r\n\r\n")))
    return peer
  end

  it("may be as far apart as keep_alive allows, though a head may take longer", function()
    local peer = start { keep_alive = 0.1, handshake_timeout = 600, routes = {
      ["GET /plain"] = function(_, res) res:send("plain") end,
    } }
    peer:send(plain)
    peer:read_until("\r\n\r\nplain")
    assert.equal("eof", select(2, peer:read_all()))
    peer:close()
  end)

  it("leave an answer that is still being read alone, however long that takes", function()
    local reader = ask_for_large { keep_alive = 0.3 }
    local idle = raw.connect(server.port)
    idle:send(plain)
    assert.equal("eof", select(2, idle:read_all())) -- so long the other one did not read
    idle:close()
    assert.equal(#large, (reader:skip(#large)))
    reader:close()
  end)

  it("may end, but not before the answer is read, when the server stops", function()
    local reader = ask_for_large {}
    server:stop()
    assert.same({ #large, "eof" }, { reader:skip() })
    reader:close()
  end)

  it("take the handlers of a reload that came between them", function()
    local peer = start { routes = { ["GET /plain"] = function(_, res) res:send("plain") end } }
    peer:send(plain)
    peer:read_until("\r\n\r\nplain")
    local said = {}
    server:reload { on_chunk = function(_, chunk) said[#said + 1] = chunk end }
    peer:send(upgrade:format(""))
    assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
    peer:send(frame)
    helper.wait_until(function() return said[1] end, "a message")
    assert.same({ "hello" }, said)
    peer:send(close_frame)
    peer:read_until_close()
    peer:close()
  end)
end)
