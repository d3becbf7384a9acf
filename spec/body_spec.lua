-- The body of a request: whole, in chunks, by a handler; and what happens to it when nobody asks.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local task = require "lunawire.task"
local ws = require "lunawire"

local server

local function serve(handler, options)
  options = options or {}
  options.port, options.routes = 0, { ["POST /"] = handler }
  server = assert(ws.serve(options))
  return raw.connect(server.port)
end

local function post(more, body)
  return "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n" .. more .. "\r\n" .. (body or "")
end

local function length(number) return "Content-Length: " .. number .. "\r\n" end

local function answer_to(peer, bytes)
  local answer = peer:send(bytes):read_all()
  peer:close()
  return answer:match("^HTTP/1.1 (%d+) .-\r\n\r\n(.*)$")
end

local function describe_bodies(name, fn)
  describe(name, function()
    teardown(raw.end_specs)
    after_each(function()
      if server then server:stop() end
      server = nil
      raw.wait_for_end()
    end)
    fn()
  end)
end

describe_bodies("req:body", function()
  it("is the whole body, at once or later", function()
    local peer = serve(function(req, res)
      if req.query.wait then ws.sleep(0.01) end
      res:send((req:body()))
    end)
    assert.same({ "200", "abc" }, { answer_to(peer, post(length(3), "abc")) })
    peer = raw.connect(server.port)
    local late = post(length(3), "abc"):gsub("POST /", "POST /?wait=1")
    assert.same({ "200", "abc" }, { answer_to(peer, late) })
  end)

  it("is held once, however small its pieces", function()
    local peer = serve(function(req, res) res:send(tostring(#req:body())) end)
    local chunks = ("1\r\nx\r\n"):rep(100000) .. "0\r\n\r\n"
    collectgarbage()
    local before = collectgarbage("count")
    assert.same({ "200", "100000" },
      { answer_to(peer, post("Transfer-Encoding: chunked\r\n", chunks)) })
    assert.is_true(collectgarbage("count") - before < 8000)
  end)

  it("has a limit: the server's, the route's, its own", function()
    local results = {}
    local function handler(limit)
      return function(req, res)
        results = { req:body(limit) }
        if results[1] then res:send("ok") end
      end
    end
    for _, case in ipairs {
      { handler(), { max_body = 10 }, 10 },
      { { handler = handler(), max_body = "1K" }, { max_body = 10 }, 1024 },
      { handler("2K"), { max_body = 10 }, 2048 },
    } do
      local peer = serve(case[1], case[2])
      assert.equal("200", (answer_to(peer, post(length(case[3]), ("x"):rep(case[3])))))
      peer = raw.connect(server.port)
      assert.equal("413", (answer_to(peer, post(length(case[3] + 1)))))
      assert.same({ nil, "the request's body is larger than max_body", "HTTP_BODY_TOO_LARGE" },
        { results[1], results[2], results[3] })
      server:stop()
      raw.wait_for_end()
    end
  end)

  it("cannot be had twice, nor when the answer is finished", function()
    local results, twice = {}, nil
    local peer = serve(function(req, res)
      if req.query.late then
        res:send("early")
        results = { req:body() }
        return
      end
      req:body()
      twice = select(2, pcall(req.body, req))
      res:send("ok")
    end)
    assert.equal("200", (answer_to(peer, post(length(1), "x"))))
    assert.matches("the body of this request was asked for before$", twice)
    local late = post(length(1), "x"):gsub("POST /", "POST /?late=1")
    answer_to(raw.connect(server.port), late)
    assert.equal("CLOSED", results[3])
  end)

  it("is not waited for behind the end of the answer", function()
    local why
    local peer = serve(function(req, res)
      if req.query.later then return res:send((req:body())) end
      ws.spawn(function() why = { req:body() } end)
      res:send "enough"
    end)
    peer:send((post(length(6), "abc"):gsub("Connection: close\r\n", "")))
    assert.equal("enough", peer:read_until("enough"):match("enough"))
    helper.wait_until(function() return why end)
    assert.same({ nil, "the request is over", "CLOSED" }, { why[1], why[2], why[3] })
    local later = post(length(3), "ghi"):gsub("POST /", "POST /?later=1")
    assert.same({ "200", "ghi" }, { answer_to(peer, "def" .. later) })
  end)

  it("tells when the client leaves before its end", function()
    for _, how in ipairs { "close", "reset" } do
      local result, asked
      local peer = serve(function(req)
        asked = true
        result = { req:body() }
      end)
      peer:send(post(length(10), "abc"))
      helper.wait_until(function() return asked end)
      peer[how](peer)
      helper.wait_until(function() return result end)
      assert.is_nil(result[1])
      assert.equal("HTTP_GONE", result[3])
      server:stop()
      raw.wait_for_end()
    end
  end)
end)

describe_bodies("req:on_body", function()
  it("hands it out as it comes", function()
    local peer = serve(function(req, res)
      local count = 0
      local same = req:on_body(function(chunk, final)
        count = count + #chunk
        if final then res:send(tostring(count)) end
      end, "1G")
      assert(same == req)
    end)
    local size = 128 * 65536
    peer:send(post(length(size))):send(("x"):rep(65536), 128)
    assert.matches("\r\n\r\n" .. size .. "$", (peer:read_all()))
    peer:close()
  end)

  it("gets no more when it has answered", function()
    local calls = 0
    local peer = serve(function(req, res)
      req:on_body(function(chunk)
        calls = calls + 1
        res:send("had " .. chunk)
      end)
    end)
    assert.same({ "200", "had abc" }, { answer_to(peer, post(length(6), "abc")) })
    assert.equal(1, calls)
  end)

  it("tells the end of no body, and why one ends early", function()
    local seen = {}
    local peer = serve(function(req, res)
      req:on_body(function(...)
        seen[#seen + 1] = { ... }
        if select(2, ...) == true then res:send("ok") end
      end, 5)
    end)
    assert.equal("200", (answer_to(peer, post(""))))
    assert.same({ { "", true } }, seen)
    assert.equal("413", (answer_to(raw.connect(server.port), post(length(6)))))
    assert.equal("HTTP_BODY_TOO_LARGE", seen[2][3])
    assert.equal("400", (answer_to(raw.connect(server.port),
      post("Transfer-Encoding: chunked\r\n", "x"))))
    assert.equal("HTTP_CHUNK", seen[3][3])
    assert.is_nil(seen[4])
  end)

  it("that throws answers 500, and is reported", function()
    local peer = serve(function(req) req:on_body(function() error("a secret") end) end)
    local status, body
    local reports = helper.reports_of(function()
      status, body = answer_to(peer, post(length(1), "x"))
    end)
    assert.equal("500", status)
    assert.is_nil(body:find("secret"))
    assert.matches("a secret", reports[1])
    assert.equal(1, #reports)
  end)
end)

if task.iterators_wait then
  describe_bodies("req:chunks", function()
    it("waits for each, and holds the client back meanwhile", function()
      local largest, size = 0, 0
      local peer = serve(function(req, res)
        for chunk in req:chunks("1G") do
          largest, size = math.max(largest, #chunk), size + #chunk
          if size % 3 == 0 then ws.sleep(0.001) end
        end
        res:send(tostring(size))
      end)
      local total = 64 * 65536
      peer:send(post(length(total))):send(("x"):rep(65536), 64)
      assert.matches("\r\n\r\n" .. total .. "$", (peer:read_all()))
      assert.is_true(largest < total)
      peer:close()
    end)

    it("ends early when the body does", function()
      local chunks, why = {}, nil
      local peer = serve(function(req)
        for chunk in req:chunks() do chunks[#chunks + 1] = chunk end
        why = req.body_error
      end)
      peer:send(post(length(10), "abc"))
      helper.wait_until(function() return chunks[1] end)
      peer:close()
      helper.wait_until(function() return why end)
      assert.same({ "abc" }, chunks)
      assert.equal("HTTP_GONE", why[2])
    end)

    it("is empty without a body", function()
      local peer = serve(function(req, res)
        for chunk in req:chunks() do error(chunk) end
        res:send(tostring(req.body_error))
      end)
      assert.same({ "200", "nil" }, { answer_to(peer, post("")) })
    end)
  end)
end
