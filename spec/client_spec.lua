-- ws.connect: what it takes, and its two styles.

local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local function fails(url, options)
  local conn, message, code = ws.connect(url, options)
  assert.is_nil(conn)
  assert.is_string(message)
  return code, message
end

describe("connect", function()
  local server, url, request
  setup(function()
    server = assert(ws.serve {
      port = 0,
      routes = {
        ["WS /"] = {
          protocols = { "v2", "v1" },
          on_upgrade = function(req)
            request = req
            return true, { headers = { ["X-Answer"] = "yes" } }
          end,
        },
        ["WS /refused"] = { on_upgrade = function() return nil, 401, "log in first" end },
      },
    })
    url = ("ws://127.0.0.1:%d/"):format(server.port)
  end)
  teardown(function()
    server:stop()
    helper.check_leaks()
  end)

  it("returns an open connection", function()
    local conn = assert(ws.connect(url .. "?a=1", { protocols = { "v1", "v2" } }))
    assert.equal("open", conn.state)
    assert.equal("v2", conn.protocol)
    assert.is_false(conn.is_server)
    assert.equal(101, conn.response.status)
    assert.equal("yes", conn.response.headers["x-answer"])
    assert.is_nil(conn.request)
    assert.equal("1", request.query.a)
    conn:close()
  end)

  it("does the same in a task", function()
    local state
    local task = ws.spawn(function()
      local conn = assert(ws.connect(url))
      state = conn.state
      conn:close()
    end)
    task:join(30)
    assert.equal("open", state)
  end)

  it("with handlers returns at once", function()
    local events = {}
    local conn = ws.connect(url, {
      on_open = function(conn)
        events[#events + 1] = "open"
        conn:close(4000)
      end,
      on_close = function(_, code) events[#events + 1] = code end,
    })
    assert.equal("connecting", conn.state)
    helper.wait_until(function() return #events == 2 end)
    assert.same({ "open", 4000 }, events)
  end)

  it("with handlers may be called in a handler", function()
    local opened
    ws.after(0, function()
      assert(ws.connect(url, { on_open = function(conn)
        opened = true
        conn:close()
      end }))
    end)
    helper.wait_until(function() return opened end)
  end)

  it("without handlers cannot be called in a handler", function()
    local message
    ws.after(0, function() message = select(2, pcall(ws.connect, url)) end)
    helper.wait_until(function() return message end)
    assert.matches("a handler cannot wait: .*ws%.spawn", message)
  end)

  it("sends header fields", function()
    local conn = assert(ws.connect(url, {
      headers = { Authorization = "Bearer x", ["X-Two"] = { "1", "2" }, HOST = "example.test" },
    }))
    assert.equal("Bearer x", request.headers.authorization)
    assert.equal("1, 2", request.headers["x-two"])
    assert.equal("example.test", request.headers.host)
    conn:close()
  end)

  it("says who it is", function()
    local with_user = url:gsub("://", "://me:sec%%72et@")
    local function sent(to, options)
      assert(ws.connect(to, options)):close()
      return request.headers.authorization
    end
    assert.is_nil(sent(url))
    assert.equal("Basic bWU6c2VjcmV0", sent(with_user))
    assert.equal("Basic YTpi", sent(with_user, { auth = { user = "a", password = "b" } }))
    assert.equal("Bearer t", sent(url, { auth = { bearer = "t" } }))
    assert.equal("Own x", sent(with_user, { headers = { authorization = "Own x" } }))
    assert.has_error(function()
      ws.connect(url, { headers = { Authorization = "x" }, auth = { bearer = "t" } })
    end, "give auth or the header field Authorization, not both")
  end)

  it("connects from a local address", function()
    local conn = assert(ws.connect(url, { local_address = "127.0.0.2" }))
    assert.equal("127.0.0.2", request.remote_address)
    conn:close()
    local code, message = fails(url, { local_address = "192.0.2.1" })
    assert.equal("EADDRNOTAVAIL", code)
    assert.matches("address not available", message)
    assert.equal("EAFNOSUPPORT", fails(url, { local_address = "::1" }))
    code, message = fails(url, { local_address = "localhost" })
    assert.same({ "EINVAL", 'local_address must be a numeric address, such as "127.0.0.2"' },
      { code, message })
  end)

  it("refuses header fields that are lunawire's", function()
    for _, name in ipairs { "Upgrade", "TE", "Keep-Alive", "Sec-WebSocket-Key" } do
      assert.has_error(function() ws.connect(url, { headers = { [name] = "x" } }) end,
        ("the header field %s is written by lunawire"):format(name))
    end
    assert.has_error(function() ws.connect(url, { headers = { X = "a\r\nb" } }) end,
      "the value of the header field X has a control character")
  end)

  it("tells what is wrong with a URL", function()
    assert.equal("URL_SCHEME", fails("http://127.0.0.1/"))
    assert.equal("URL_SCHEME", fails("127.0.0.1"))
    assert.equal("URL_USER", fails("ws://me:%0d%0a@127.0.0.1/"))
    assert.equal("URL_CHARACTER", fails("ws+unix:///tmp/a%00b:/"))
    assert.has_error(function() ws.connect(80) end, "the URL must be a string, not 80")
    assert.has_error(function() ws.connect(url, "x") end, "options must be a table, not a string")
  end)

  it("tells that nobody listens", function()
    local other = assert(ws.serve { port = 0, on_message = print })
    local port = other.port
    other:stop()
    core.step(0)
    assert.equal("ECONNREFUSED", fails(("ws://127.0.0.1:%d/"):format(port)))
  end)

  it("tells that the server refused", function()
    local code, message = fails(url .. "refused")
    assert.equal("HTTP_STATUS", code)
    assert.matches("401", message)
    assert.equal("HTTP_STATUS", fails(url .. "nothing"))
  end)

  it("with handlers tells it to on_error, once", function()
    local errors, status = {}, nil
    assert(ws.connect(url .. "refused", {
      on_error = function(conn, _, code)
        errors[#errors + 1] = code
        status = conn.response.status
      end,
      on_close = function() errors[#errors + 1] = "on_close" end,
    }))
    helper.wait_until(function() return #errors > 0 end)
    core.step(0)
    assert.same({ "HTTP_STATUS" }, errors)
    assert.equal(401, status)
  end)

  it("with handlers but no on_error is not silent when it fails", function()
    local reports = {}
    core.set_hook("report", function(message) reports[#reports + 1] = message end)
    assert(ws.connect(url .. "refused", { on_open = print }))
    helper.wait_until(function() return #reports > 0 end)
    assert(ws.connect(url, { on_open = function() error("on purpose") end }))
    helper.wait_until(function() return #reports > 1 end)
    core.set_hook("report", nil)
    assert.matches("401 .*%(HTTP_STATUS%)$", reports[1])
    assert.matches("on purpose\nstack traceback", reports[2])
  end)

  it("that is not open cannot be read", function()
    local conn = assert(ws.connect(url, { on_open = function(conn) conn:close() end }))
    assert.has_error(function() conn:receive() end,
      "the connection is not open yet: receive in on_open, or connect without handlers")
    helper.wait_until(function() return conn.state == "closed" end)
    assert.equal("CLOSED", (select(3, conn:receive())))
  end)

  it("gives up after its timeout", function()
    local over
    local silent = assert(ws.serve {
      port = 0,
      routes = { ["WS /"] = { on_upgrade = function() repeat ws.sleep(0.01) until over end } },
    })
    local code = fails(("ws://127.0.0.1:%d/"):format(silent.port), { timeout = 0.05 })
    over = true
    assert.equal("ETIMEDOUT", code)
    silent:stop()
  end)
end)
