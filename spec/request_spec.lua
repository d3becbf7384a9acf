-- What scripts read from a request's head.

local helper = require "spec.helper"
local request = require "lunawire.request"

-- The request of a target and header fields { name, value, ... }.
local function new(target, fields)
  fields = fields or {}
  local lines = { "GET " .. target .. " HTTP/1.1" }
  if fields[1] ~= "Host" then lines[2] = "Host: x" end
  for i = 1, #fields, 2 do lines[#lines + 1] = fields[i] .. ": " .. fields[i + 1] end
  local head = table.concat(lines, "\r\n") .. "\r\n\r\n"
  return request.new { remote_address = "192.0.2.1", raw_request = head }
end

local function cookies(...)
  local fields = {}
  for _, value in ipairs { ... } do
    fields[#fields + 1] = "Cookie"
    fields[#fields + 1] = value
  end
  return new("/", fields).cookies
end

describe("a request", function()
  it("has its first line", function()
    local req = new("/a%20b?x=1&y")
    assert.equal("GET", req.method)
    assert.equal("/a%20b?x=1&y", req.target)
    assert.equal("/a%20b", req.path)
    assert.equal("x=1&y", req.query_string)
    assert.equal("1.1", req.version)
    assert.equal("192.0.2.1", req.remote_address)
    assert.same({}, req.params)
    assert.is_nil(req.something)
  end)

  it("cuts targets of every form", function()
    for target, parts in pairs {
      ["/"] = { "/" },
      ["/?"] = { "/", "" },
      ["/a?b?c"] = { "/a", "b?c" },
      ["http://host:80/a/b?c"] = { "/a/b", "c" },
      ["http://host"] = { "/" },
      ["http://host?q"] = { "/", "q" },
      ["//host/a"] = { "//host/a" },
    } do
      local req = new(target)
      assert.equal(parts[1], req.path)
      assert.equal(parts[2], req.query_string)
    end
  end)

  it("decodes the query", function()
    assert.same({ a = "1 2", b = "=", ["c d"] = "", e = "&" },
      new("/?a=1+2&b==&c%20d&e=%26").query)
    assert.same({ a = "2" }, new("/?a=1&a=2").query)
    assert.same({ a = "+" }, new("/?&&a=%2B&").query)
    assert.same({ a = "%zz" }, new("/?a=%zz").query)
    assert.same({}, new("/").query)
  end)

  it("joins header fields of one name", function()
    local headers = new("/", { "Host", "x", "Accept", "a", "X-A", "1", "ACCEPT", "b" }).headers
    assert.same({ host = "x", accept = "a, b", ["x-a"] = "1" }, headers)
  end)

  it("reads cookies", function()
    assert.same({ a = "1", b = "2=3" }, cookies("a=1; b=2=3"))
    assert.same({ a = "1", b = "" }, cookies("a=1;b=", "a=2"))
    assert.same({ a = "x y" }, cookies('a="x y"; ; junk'))
    assert.same({}, new("/").cookies)
  end)

  it("lists the subprotocols that the client offers", function()
    local fields = { "Sec-WebSocket-Protocol", "chat , v2", "sec-websocket-protocol", "v1," }
    assert.same({ "chat", "v2", "v1" }, new("/", fields).protocols)
    assert.same({}, new("/").protocols)
  end)

  it("computes a field once", function()
    local req = new("/?a=1")
    assert.equal(req.query, req.query)
    assert.equal(req.headers, req.headers)
  end)

  it("is nil for a connection that has none", function()
    assert.is_nil(request.of {})
  end)

  it("takes time in proportion to its size", function()
    for _, text in ipairs { "a%sb=c", "a=b%sc", "%s" } do
      helper.expect_linear(function(size)
        local value = text:format((" "):rep(size))
        local req = new("/", { "Cookie", value, "Sec-WebSocket-Protocol", value })
        return req.cookies, req.protocols
      end)
    end
  end)
end)
