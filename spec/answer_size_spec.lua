-- res:bytes(): what an answer takes on the wire, held against what comes over the wire.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

describe("res:bytes", function()
  local server, sizes

  teardown(raw.end_specs)

  -- Serves one handler for all paths; what it returns is remembered at its end.
  local function serve(handler)
    sizes = {}
    local routes = {}
    for _, method in ipairs { "GET", "POST" } do
      routes[method .. " /*rest"] = function(req, res)
        handler(req, res)
        sizes[#sizes + 1] = res:bytes() or "nil"
      end
    end
    server = assert(ws.serve { port = 0, routes = routes })
    return raw.connect(server.port)
  end

  after_each(function()
    server:stop()
    raw.wait_for_end()
  end)

  -- Sends a request that ends its connection. Returns how many bytes came.
  local function size_of_answer(peer, line, more)
    peer:send(line .. "\r\nHost: x\r\nConnection: close\r\n" .. (more or "\r\n"))
    local bytes, status = peer:read_all()
    assert.equal("eof", status)
    peer:close()
    return #bytes
  end

  local function expect_exact(handler, line, more)
    local size = size_of_answer(serve(handler), line, more)
    assert.is_true(size > 50)
    assert.same({ size }, sizes)
  end

  local function pieces(_, res)
    for _, size in ipairs { 1, 0, 9, 16, 255, 4096, 100000 } do res:write(("x"):rep(size)) end
    res:finish("the end")
  end

  it("counts a whole answer with its head", function()
    expect_exact(function(_, res) res:header("X-A", "b"):send("hello") end, "GET / HTTP/1.1")
  end)

  it("counts the head alone where there is no body", function()
    expect_exact(function(_, res) res:send("hello") end, "HEAD / HTTP/1.1")
    server:stop()
    expect_exact(function(_, res) res:status(204):send() end, "GET / HTTP/1.1")
  end)

  it("counts what frames the pieces", function() expect_exact(pieces, "GET / HTTP/1.1") end)

  it("counts pieces until the end of the connection", function()
    expect_exact(pieces, "GET / HTTP/1.0")
  end)

  it("counts a body of a given length", function()
    expect_exact(function(_, res)
      res:header("Content-Length", 5)
      res:write("he")
      res:finish("llo")
    end, "GET / HTTP/1.1")
  end)

  it("counts 100 Continue", function()
    expect_exact(function(req, res) res:send(req:body()) end, "POST / HTTP/1.1",
      "Content-Length: 3\r\nExpect: 100-continue\r\n\r\nabc")
  end)

  it("tells of one answer, not of the connection, also when the next one is under way", function()
    local kept, later = nil, {}
    local peer = serve(function(_, res)
      later[#later + 1] = kept and kept:bytes()
      kept = res
      res:send(("x"):rep(1000 * (#sizes + 1)))
      later[#later + 1] = res:bytes()
    end)
    peer:send(("GET / HTTP/1.1\r\nHost: x\r\n\r\n"):rep(2))
    local total = size_of_answer(peer, "GET / HTTP/1.1")
    assert.equal(3, #sizes)
    assert.equal(total, sizes[1] + sizes[2] + sizes[3])
    assert.equal(sizes[1] + 1000, sizes[2])
    assert.same({ sizes[1], sizes[1], sizes[2], sizes[2], sizes[3] }, later)
  end)

  it("tells how far an answer is", function()
    local answer
    local peer = serve(function(_, res)
      assert.equal(0, res:bytes())
      answer = res
      res.events_of_spec = res:events()
    end)
    peer:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    local head = peer:read_until("\r\n\r\n")
    assert.equal(#head, answer:bytes())
    answer.events_of_spec:send("news")
    local event = peer:read_until("\n\n\r\n")
    assert.equal(#head + #event, answer:bytes())
    answer.events_of_spec:close()
    assert.equal("0\r\n\r\n", (peer:read(5)))
    assert.equal(#head + #event + 5, answer:bytes())
    peer:close()
  end)

  it("is nil when the answer broke off", function()
    local answer
    local peer = serve(function(_, res)
      answer = res
      res:header("Content-Length", 10)
      res:write("short")
      res:finish()
    end)
    peer:send("GET / HTTP/1.1\r\nHost: x\r\n\r\n")
    peer:read_all()
    peer:close()
    assert.is_nil(answer:bytes())
    assert.same({ "nil" }, sizes)
  end)

  it("is known of what ws.files has in memory", function()
    local path = helper.file("hello")
    local files = ws.files(path:match("^(.*)/"))
    expect_exact(function(req, res) files(req, res, path:match("[^/]*$")) end, "GET / HTTP/1.1")
  end)
end)
