-- Plain HTTP and time: slow heads, bodies and readers, idle connections; and requests that come at
-- once.

local helper = require "spec.helper"
local http = require "spec.http_peer"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local get, post, hello, serve = http.get, http.post, http.hello, http.serve
local read_answer = http.read_answer

describe("time limits", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("end an idle connection silently", function()
    local peer = serve({ ["GET /"] = hello }, { keep_alive = 0.05 })
    read_answer(peer:send(get "/" .. "\r\n"))
    assert.same({ "", "eof" }, { peer:read_all() })
    peer:close()
  end)

  it("answer 408 to a later head that drips", function()
    helper.with_limit(function(limit)
      local peer = serve({ ["GET /"] = hello }, { handshake_timeout = limit })
      read_answer(peer:send(get "/"))
      peer:drip(get "/":sub(1, 20), 1, 0.2 * limit)
      local answer, ending = peer:read_all()
      assert.matches("^HTTP/1.1 408 ", answer)
      assert.equal("eof", ending)
      peer:close()
    end, http.stop)
  end)

  it("answer 408 to a body that drips or stops", function()
    for _, piece in ipairs { 1, 1000 } do
      local result
      local peer = serve({ ["POST /"] = function(req) result = { req:body() } end },
        { body_timeout = 0.1 })
      peer:send(post("/", 100, "")):drip(("x"):rep(50), piece, 0.02)
      local answer, ending = peer:read_all()
      assert.matches("^HTTP/1.1 408 .*the request's body came too slowly\n$", answer)
      assert.equal("eof", ending)
      helper.wait_until(function() return result end)
      assert.same({ nil, "the request's body came too slowly", "HTTP_BODY_TIMEOUT" },
        { result[1], result[2], result[3] })
      peer:close()
      http.stop()
    end
  end)

  it("do not count while the script holds the body back", function()
    local size = 0
    local peer = serve({ ["POST /"] = function(req, res)
      if not require "lunawire.task".iterators_wait then
        size = #req:body()
      else
        for chunk in req:chunks() do
          size = size + #chunk
          ws.sleep(0.15)
        end
      end
      res:send("done")
    end }, { body_timeout = 0.1 })
    assert.equal("200 done", (read_answer(peer:send(post("/", 3, "abc")))))
    assert.equal(3, size)
    peer:close()
  end)

  it("give up a client that does not read its answer", function()
    local code
    local peer = serve({ ["GET /"] = function(_, res)
      res:on_close(function(_, _, why) code = why end)
      repeat until not res:write(("x"):rep(100000))
    end }, { write_timeout = 0.1 })
    peer:close()
    peer = http.connect(65536):send(get "/")
    helper.wait_until(function() return code end)
    assert.equal("HTTP_SLOW_READER", code)
    peer:close()
  end)

  it("let a slow reader have its answer, as long as it reads", function()
    helper.with_limit(function(limit)
      local peer = serve({ ["GET /"] = function(_, res) res:send(("x"):rep(2000000)) end },
        { write_timeout = 3 * limit, close_timeout = 0.05 })
      peer:close()
      peer = http.connect(65536):send(get("/", "Connection: close\r\n"))
      local count = 0
      for _ = 1, 6 do
        count = count + peer:skip(200000)
        ws.sleep(0.5 * limit)
      end
      local rest, ending = peer:skip()
      assert.is_true(count + rest > 2000000)
      assert.equal("eof", ending)
      peer:close()
    end, http.stop)
  end)
end)

describe("pipelining", function()
  teardown(raw.end_specs)
  after_each(http.stop)

  it("of very many requests is answered in order, between others", function()
    local count = 0
    local peer = serve { ["GET /:n"] = function(req, res)
      count = count + 1
      res:send(req.params.n)
    end }
    local requests, wanted = {}, {}
    for n = 1, 2000 do requests[n], wanted[n] = get("/" .. n), tostring(n) end
    peer:send(table.concat(requests) .. get("/end", "Connection: close\r\n"))
    local bodies = {}
    local answers = peer:read_all()
    for body in answers:gmatch("\r\n\r\n(%d+)") do bodies[#bodies + 1] = body end
    assert.same(wanted, bodies)
    assert.equal(2001, count)
    peer:close()
  end)

  it("by a client that reads nothing is not answered for ever", function()
    local count = 0
    local peer = serve({ ["GET /"] = function(_, res)
      count = count + 1
      res:send(("x"):rep(10000))
    end }, { high_water = "64K" })
    peer:close()
    peer = http.connect(65536)
    local sent = peer:fill(get "/":rep(1000), 0.3)
    assert.is_true(sent > 0)
    assert.is_true(count < 2000) -- what the buffers of two sockets hold
    peer:close()
  end)

  it("goes on behind an answer that is given later", function()
    local kept = {}
    local peer = serve { ["GET /"] = function(_, res) kept[#kept + 1] = res end }
    peer:send(get "/":rep(3))
    for n = 1, 3 do
      helper.wait_until(function() return kept[n] end)
      assert.is_nil(kept[n + 1])
      kept[n]:send(tostring(n))
      assert.equal("200 " .. n, (read_answer(peer)))
    end
    peer:close()
  end)
end)
