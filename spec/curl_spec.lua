-- What a server says over plain HTTP, as curl sees it: refused handshakes and ordinary requests.

local helper = require "spec.helper"
local ws = require "lunawire"

local upgrade = {
  "-H", "Connection: Upgrade", "-H", "Upgrade: websocket",
  "-H", "Sec-WebSocket-Version: 13", "-H", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
}

-- Asks for a path. Returns the status, the body, the header fields and the HTTP version. Fails when
-- curl is not content with how the answer ended.
local function curl(server, path, arguments)
  local command = {
    "curl", "--silent", "--show-error", "--include", "--http1.1", "--noproxy", "*",
    "--max-time", "60", "--path-as-is", timeout = 90,
  }
  for _, argument in ipairs(arguments or {}) do command[#command + 1] = argument end
  command[#command + 1] = ("http://127.0.0.1:%d%s"):format(server.port, path)
  local status, out, err = helper.drive(command)
  assert.equal("", err)
  assert.equal(0, status)
  local version, code, fields, body = out:match("^HTTP/(%S+) (%d+)[^\r]*\r\n(.-\r\n)\r\n(.*)$")
  assert.is_string(version, out)
  local headers = {}
  for name, value in fields:gmatch("([^:\r\n]+): ([^\r\n]*)") do headers[name:lower()] = value end
  return tonumber(code), body, headers, version
end

-- The arguments of an upgrade request, with some of its header lines replaced or taken out.
local function upgrade_with(changes)
  local arguments = {}
  for i = 2, #upgrade, 2 do
    local name = upgrade[i]:match("^[^:]+")
    local line = changes[name] == nil and upgrade[i] or changes[name]
    if line then
      arguments[#arguments + 1] = "-H"
      arguments[#arguments + 1] = line
    end
  end
  for _, line in ipairs(changes) do
    arguments[#arguments + 1] = "-H"
    arguments[#arguments + 1] = line
  end
  return arguments
end

local function text(message) return message .. "\n" end

describe("curl, of a server with handlers,", function()
  local server
  setup(function() server = assert(ws.serve { port = 0, on_message = print }) end)
  teardown(function()
    server:stop()
    helper.check_leaks()
  end)

  local plain = text "this address speaks WebSocket; the request does not ask for it"

  it("learns that it must upgrade", function()
    for _, path in ipairs { "/", "/any/path?query", "/../%2e%2e/x" } do
      local status, body, headers = curl(server, path)
      assert.equal(426, status)
      assert.equal(plain, body)
      assert.equal("websocket", headers.upgrade)
      assert.equal("13", headers["sec-websocket-version"])
      assert.equal("text/plain; charset=utf-8", headers["content-type"])
      assert.matches("close", headers.connection)
      assert.matches("Upgrade", headers.connection)
    end
  end)

  it("learns it over HTTP/1.0, too", function()
    assert.equal(426, (curl(server, "/", { "--http1.0" })))
  end)

  it("learns it with HEAD, without a body", function()
    local status, body, headers = curl(server, "/", { "--head" })
    assert.equal(426, status)
    assert.equal("", body)
    assert.equal(tostring(#plain), headers["content-length"])
  end)

  it("learns it although it has much to say", function()
    local file = helper.file(("x"):rep(2 * 1024 * 1024))
    for _, expect in ipairs { "Expect:", "Expect: 100-continue" } do
      local arguments = { "-H", expect, "--data-binary", "@" .. file }
      assert.equal(426, (curl(server, "/", arguments)))
    end
  end)

  local refusals = {
    { "another version", 426, "Sec-WebSocket-Version is not 13",
      { ["Sec-WebSocket-Version"] = "Sec-WebSocket-Version: 8" } },
    { "no version", 426, "Sec-WebSocket-Version is not 13", { ["Sec-WebSocket-Version"] = false } },
    { "no key", 400, "Sec-WebSocket-Key is missing, repeated or not 16 bytes in base64",
      { ["Sec-WebSocket-Key"] = false } },
    { "a short key", 400, "Sec-WebSocket-Key is missing, repeated or not 16 bytes in base64",
      { ["Sec-WebSocket-Key"] = "Sec-WebSocket-Key: AAAA" } },
    { "no Connection", 400, "the Connection header does not list Upgrade",
      { ["Connection"] = false } },
    { "a malformed subprotocol", 400, "Sec-WebSocket-Protocol is malformed",
      { "Sec-WebSocket-Protocol: a b" } },
    { "a foreign page", 403, "this origin is not allowed", { "Origin: http://evil.example" } },
    { "a page of another port", 403, "this origin is not allowed", { "Origin: http://127.0.0.1" } },
    { "a page without origin", 403, "this origin is not allowed", { "Origin: null" } },
    { "a long head", 431, "the HTTP head is larger than 16 KiB",
      { "X-Long: " .. ("x"):rep(17000) } },
  }
  for _, row in ipairs(refusals) do
    local name, wanted, sentence, changes = row[1], row[2], row[3], row[4]
    it("is refused with " .. name, function()
      local status, body, headers = curl(server, "/", upgrade_with(changes))
      assert.equal(wanted, status)
      assert.equal(text(sentence), body)
      assert.equal(wanted == 426 and "13" or nil, headers["sec-websocket-version"])
    end)
  end
end)

describe("curl, of a server with routes,", function()
  local server
  setup(function()
    server = assert(ws.serve {
      port = 0,
      routes = {
        ["GET /page"] = function(req, res) res:send("page " .. (req.query_string or "")) end,
        ["POST /page"] = function(_, res) res:status(202):send("taken") end,
        ["GET /empty"] = function(_, res) res:status(204):send() end,
        ["WS /room/:id"] = {
          on_upgrade = function(req)
            if req.params.id == "silent" then return nil end
            if req.params.id == "broken" then error("nobody may read this") end
            ws.sleep(0.01)
            return nil, 401, "log in first", { ["WWW-Authenticate"] = 'Basic realm="x"' }
          end,
        },
      },
    })
  end)
  teardown(function()
    server:stop()
    helper.check_leaks()
  end)

  it("gets a page", function()
    local status, body, headers, version = curl(server, "/page?a=1")
    assert.same({ 200, "page a=1", "8", "1.1" },
      { status, body, headers["content-length"], version })
  end)

  it("gets nothing with 204", function()
    local status, body, headers = curl(server, "/empty")
    assert.same({ 204, "" }, { status, body })
    assert.is_nil(headers["content-length"])
  end)

  it("posts", function()
    local status, body = curl(server, "/page", { "--data", "x=1" })
    assert.same({ 202, "taken" }, { status, body })
  end)

  it("gets 404 where there is nothing", function()
    assert.equal(404, (curl(server, "/nothing")))
    assert.equal(404, (curl(server, "/nothing", upgrade)))
    assert.equal(404, (curl(server, "/page", upgrade)))
  end)

  it("gets 405 with the methods that there are", function()
    local status, _, headers = curl(server, "/page", { "--request", "DELETE" })
    assert.equal(405, status)
    assert.equal("GET, HEAD, OPTIONS, POST", headers.allow)
  end)

  it("gets 426 where only WebSocket is spoken", function()
    local status, _, headers = curl(server, "/room/1")
    assert.equal(426, status)
    assert.equal("websocket", headers.upgrade)
  end)

  it("gets the script's refusal, its body and header fields", function()
    local status, body, headers = curl(server, "/room/1", upgrade)
    assert.equal(401, status)
    assert.equal("log in first", body)
    assert.equal('Basic realm="x"', headers["www-authenticate"])
    assert.equal("close", headers.connection)
  end)

  it("gets 403 from a script that gives no reason", function()
    assert.equal(403, (curl(server, "/room/silent", upgrade)))
  end)

  it("gets 500 from a script that throws, and not its error", function()
    local core = require "lunawire.core"
    local report
    core.set_hook("report", function(message) report = message end)
    local status, body = curl(server, "/room/broken", upgrade)
    core.set_hook("report", nil)
    assert.equal(500, status)
    assert.not_matches("nobody may read this", body)
    assert.matches("nobody may read this", report)
  end)
end)
