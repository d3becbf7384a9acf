-- Plain HTTP on a server: the head of an answer, answers in pieces, clients that leave, the upgrade
-- behind ordinary requests, and what scripts may not do. The rules of the wire are in
-- http_conformance_spec.lua.

local helper = require "spec.helper"
local http = require "spec.http_peer"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local get, post, hello, serve = http.get, http.post, http.hello, http.serve
local read_answer = http.read_answer

describe("the head of an answer", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("is exactly this", function()
    local before = os.time()
    local peer = serve { ["GET /"] = function(_, res) res:header("X-A", 1):send("hello") end }
    local answer, head = read_answer(peer:send(get "/"))
    assert.equal("200 hello", answer)
    local date = head:match("\r\nDate: (%a%a%a, %d%d %a%a%a %d%d%d%d %d%d:%d%d:%d%d GMT)\r\n")
    assert.equal("HTTP/1.1 200 OK\r\nX-A: 1\r\nDate: " .. tostring(date) .. "\r\n"
      .. "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 5\r\n\r\n", head)
    local is_now
    for time = before - 1, os.time() do
      is_now = is_now or os.date("!%a, %d %b %Y %H:%M:%S GMT", time) == date
    end
    assert.is_true(is_now)
    peer:close()
  end)

  it("answers HEAD as GET, without the body", function()
    local peer = serve {
      ["GET /"] = hello,
      ["GET /stream"] = function(_, res)
        for _ = 1, 3 do assert(res:write("piece")) end
        res:finish()
      end,
    }
    peer:send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\nHEAD /stream HTTP/1.1\r\nHost: x\r\n\r\n")
    assert.matches("\r\nContent%-Length: 5\r\n", (peer:read_until("\r\n\r\n")))
    assert.matches("^HTTP/1.1 200 OK\r\n", (peer:read_until("\r\n\r\n")))
    assert.equal("200 hello", (read_answer(peer:send(get "/"))))
    peer:close()
  end)

  it("cannot be split by what a script puts into it", function()
    local problems = {}
    local peer = serve { ["GET /"] = function(req, res)
      for _, field in ipairs {
        { "X", "a\r\nSet-Cookie: evil=1" }, { "X", "a\nb" }, { "X", "a\rb" }, { "X", "a\0b" },
        { "X\r\nY", "a" }, { "X Y", "a" }, { "X:", "a" }, { "", "a" }, { "X", req.query.x },
        { "Transfer-Encoding", "chunked" }, { "Upgrade", "h2c" }, { "Keep-Alive", "1" },
        { "Connection", "keep-alive" }, { "Content-Length", "5, 6" }, { "Content-Length", -1 },
      } do
        local ok, message = pcall(res.header, res, field[1], field[2])
        problems[#problems + 1] = ok and field[1] or nil
        assert(ok or type(message) == "string")
      end
      res:send("ok")
    end }
    local answer, head = read_answer(peer:send(get "/?x=a%0d%0aSet-Cookie:%20evil"))
    assert.same({}, problems)
    assert.equal("200 ok", answer)
    assert.is_nil(head:lower():find("evil", 1, true))
    peer:close()
  end)
end)

describe("an answer in pieces", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("is as long as the script said", function()
    local results = {}
    local peer = serve {
      ["GET /right"] = function(_, res)
        res:header("Content-Length", 6):write("abc")
        res:finish("def")
      end,
      ["GET /long"] = function(_, res)
        res:header("Content-Length", 3):write("abc")
        results = { res:write("d") }
        res:finish()
      end,
      ["GET /short"] = function(_, res)
        res:header("Content-Length", 5):write("abc")
        results = { res:finish() }
      end,
    }
    assert.equal("200 abcdef", (read_answer(peer:send(get "/right"))))
    assert.equal("200 abc", (read_answer(peer:send(get "/long"))))
    assert.equal("EXCESS", results[3])
    peer:send(get "/short")
    local bytes, ending = peer:read_all()
    assert.matches("\r\n\r\nabc$", bytes)
    assert.equal("eof", ending)
    assert.equal("CLOSED", results[3])
    peer:close()
  end)

  it("may be begun in the handler and finished later", function()
    local kept
    local peer = serve { ["GET /"] = function(_, res)
      res:write("first")
      kept = res
    end }
    peer:send(get "/" .. get "/")
    assert.matches("\r\n\r\n5\r\nfirst\r\n$", (peer:read_until("first\r\n")))
    assert.is_true(kept.sent)
    assert.is_false(kept.finished)
    local before = kept
    assert.is_true(kept:finish("last"))
    assert.equal("4\r\nlast\r\n0\r\n\r\n", (peer:read(14)))
    assert.matches("first\r\n$", (peer:read_until("first\r\n"))) -- the request behind it
    assert.has_error(function() before:write("x") end, "this answer is finished")
    kept:finish()
    peer:close()
  end)

  it("is held back while the client does not read", function()
    local results, drained = {}, 0
    local peer = serve({ ["GET /"] = function(_, res)
      res:on_drain(function(same)
        assert(same == res)
        drained = drained + 1
        res:finish("end")
      end)
      ws.after(0, function() -- where nothing can wait
        repeat results[#results + 1] = res:write(("x"):rep(100000)) until not results[#results]
      end)
    end }, { high_water = "64K" })
    peer:close()
    peer = http.connect(65536):send(get "/")
    helper.wait_until(function() return results[#results] == false end)
    assert.equal(0, drained)
    while drained == 0 do assert.equal("ok", (select(2, peer:read(50000)))) end
    assert.equal(1, drained)
    peer:close()
  end)

  it("waits by itself in a coroutine, and ends when the client goes", function()
    local result, gone
    local peer = serve { ["GET /"] = function(_, res)
      res:on_close(function(_, message, code) gone = { message, code } end)
      repeat result = { res:write(("x"):rep(100000)) } until not result[1]
    end }
    peer:close()
    peer = http.connect(65536):send(get "/")
    peer:read(1000)
    peer:reset()
    helper.wait_until(function() return result and result[1] == nil end)
    assert.equal("CLOSED", result[3])
    assert.equal("HTTP_GONE", gone[2])
  end)

  it("breaks off when the handler throws, and tells nobody why", function()
    local peer = serve { ["GET /"] = function(_, res)
      res:write("first")
      ws.sleep(0.001)
      error("a secret")
    end }
    local answer, ending
    local reports = helper.reports_of(function()
      answer, ending = peer:send(get "/"):read_all()
    end)
    assert.matches("first\r\n$", answer)
    assert.is_nil(answer:find("secret"))
    assert.equal("eof", ending)
    assert.equal(1, #reports)
    assert.matches("error in route 'GET /': .*a secret", reports[1])
    peer:close()
  end)

  it("that is large and finished reaches a client that ended its side", function()
    local size = 4 * 1024 * 1024
    local peer = serve { ["GET /"] = function(_, res) res:send(("x"):rep(size)) end }
    peer:close()
    peer = http.connect(65536):send(get "/"):half_close()
    local count, ending = peer:skip()
    assert.is_true(count > size)
    assert.equal("eof", ending)
    peer:close()
  end)
end)

describe("long polling", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("answers when there is something, past handshake_timeout", function()
    helper.with_limit(function(limit)
      local peer = serve({ ["GET /"] = function(_, res)
        ws.sleep(2 * limit)
        res:send("news")
      end }, { handshake_timeout = limit })
      assert.equal("200 news", (read_answer(peer:send(get "/"))))
      peer:close()
    end, http.stop)
  end)

  it("notices that the client leaves", function()
    for _, how in ipairs { "close", "reset" } do
      local left, waiting
      local peer = serve { ["GET /"] = function(_, res)
        waiting = res:on_close(function(_, _, code) left = code end)
      end }
      peer:send(get "/")
      helper.wait_until(function() return waiting end)
      peer[how](peer)
      helper.wait_until(function() return left end)
      assert.equal("CLOSED", (select(3, waiting:send("too late"))))
      http.stop()
    end
  end)
end)

describe("an upgrade", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("may come behind ordinary requests", function()
    local address
    local peer = serve {
      ["GET /"] = hello,
      ["POST /"] = function(req, res) res:send((req:body())) end,
      ["WS /ws"] = {
        on_open = function(conn) address = conn.request.path .. conn.remote_address end,
        on_message = function(conn, message) conn:send(message) end,
      },
    }
    peer:send(get "/" .. post("/", 3, "abc") .. raw.request("/ws") .. raw.client_frame(1, "hi"))
    assert.equal("200 hello", (read_answer(peer)))
    assert.equal("200 abc", (read_answer(peer)))
    assert.matches("^HTTP/1.1 101 ", (peer:read_until("\r\n\r\n")))
    assert.same({ 1, "hi", true }, { peer:frame() })
    assert.equal("/ws127.0.0.1", address)
    peer:close()
  end)

  it("with a body, or refused, ends the connection", function()
    local peer = serve { ["WS /ws"] = {}, ["GET /"] = hello }
    read_answer(peer:send(get "/"))
    peer:send(raw.request("/ws", "Content-Length: 3\r\n") .. "abc")
    local answer, ending = peer:read_all()
    assert.matches("^HTTP/1.1 400 .*must not have a body", answer)
    assert.equal("eof", ending)
    peer:close()
    peer = http.connect()
    answer, ending = peer:send(raw.request("/nothing")):read_all()
    assert.matches("^HTTP/1.1 404 .*\r\nConnection: close\r\n", answer)
    assert.equal("eof", ending)
    peer:close()
  end)
end)

describe("a server that stops", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("ends idle connections, and answers 503 to what waits", function()
    local waiting
    local idle = serve { ["GET /"] = hello, ["GET /wait"] = function(_, res) waiting = res end }
    read_answer(idle:send(get "/"))
    local asking = http.connect():send(get "/wait")
    helper.wait_until(function() return waiting end)
    http.server:stop()
    assert.same({ "", "eof" }, { idle:read_all() })
    assert.matches("^HTTP/1.1 503 .*the server is stopping\n$", (asking:read_all()))
    assert.is_nil((waiting:send("x")))
    idle:close()
    asking:close()
  end)

  it("by and by lets answers be finished, and no request follows them", function()
    local waiting
    local idle = serve { ["GET /"] = hello, ["GET /wait"] = function(_, res) waiting = res end }
    read_answer(idle:send(get "/"))
    local asking = http.connect():send(get "/wait" .. get "/")
    helper.wait_until(function() return waiting end)
    http.server:drain { over = 0.1 }
    assert.same({ "", "eof" }, { idle:read_all() })
    waiting:send("at last")
    assert.matches("\r\nConnection: close\r\n\r\nat last$", (asking:read_all()))
    idle:close()
    asking:close()
  end)
end)
