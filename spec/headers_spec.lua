-- Header fields that scripts write, and the response they are part of.

local headers = require "lunawire.headers"

local function error_of(fn, ...)
  local ok, message = pcall(fn, ...)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

describe("headers", function()
  it("become an array in the order of their names", function()
    assert.same({ "A", "1", "B", "x", "B", "y", "C", "3" },
      headers.to_array { C = 3, B = { "x", "y" }, A = "1" })
    assert.same({}, headers.to_array {})
  end)

  it("cannot carry a second field or another message", function()
    for _, value in ipairs { "a\r\nX: y", "a\nb", "a\rb", "a\0b" } do
      assert.equal("the value of the header field X has a control character",
        error_of(headers.to_array, { X = value }))
    end
    assert.equal('"X: y" is not the name of a header field',
      error_of(headers.to_array, { ["X: y"] = "" }))
    assert.equal('"" is not the name of a header field', error_of(headers.to_array, { [""] = "" }))
  end)

  it("leave to lunawire what is its own", function()
    for _, name in ipairs { "Connection", "upgrade", "Content-Length", "TRANSFER-ENCODING",
        "Host", "TE", "Trailer", "Keep-Alive", "Sec-WebSocket-Key", "Sec-WebSocket-Other" } do
      assert.equal(("the header field %s is written by lunawire"):format(name),
        error_of(headers.to_array, { [name] = "x" }))
    end
  end)

  it("must be strings", function()
    assert.equal("the header field X must be a string, not true",
      error_of(headers.to_array, { X = true }))
    assert.equal("the header field X must be a string, not a table",
      error_of(headers.to_array, { X = { {} } }))
    assert.equal("headers must be a table, not a string", error_of(headers.to_array, "X: y"))
    assert.equal('headers must be a table of names and values: { ["X-Name"] = "value" }',
      error_of(headers.to_array, { "X: y" }))
  end)

  it("are read with names in lower case", function()
    assert.same({ a = "1, 2", cookie = "x=1; y=2", ["set-cookie"] = "a=1, b\nc=2" },
      headers.to_table { "A", "1", "a", "2", "Cookie", "x=1", "cookie", "y=2",
        "Set-Cookie", "a=1, b", "Set-Cookie", "c=2" })
  end)
end)
