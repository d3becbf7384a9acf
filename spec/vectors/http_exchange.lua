-- Requests of plain HTTP, as bytes, and what comes back. http_conformance_spec.lua replays them in
-- pieces of many sizes on a server whose routes it lists. Each case:
--
--   name, section   of RFC 9112 or 9110
--   request         what the client sends on one connection
--   answers         "status body" of each answer, chunks taken together
--   error           the rule that is broken; its status and text are the last answer
--   ends            true: the server ends the connection then. Else it answers one more request.

local host = "Host: x\r\n"
local chunked = "Transfer-Encoding: chunked\r\n"

local function get(path, more)
  return "GET " .. path .. " HTTP/1.1\r\n" .. host .. (more or "") .. "\r\n"
end

local function post(path, more, body)
  return "POST " .. path .. " HTTP/1.1\r\n" .. host .. more .. "\r\n" .. (body or "")
end

local function length(number) return "Content-Length: " .. number .. "\r\n" end

local cases = {
  -- the connection goes on
  { name = "one request", section = "9112 9.3", request = get "/", answers = { "200 hello" } },
  { name = "requests one after the other", section = "9112 9.3.2",
    request = get "/" .. get "/echo/a" .. get "/stream",
    answers = { "200 hello", "200 a", "200 abc" } },
  { name = "sixteen at once", section = "9112 9.3.2", request = get("/"):rep(16),
    answers = { "200 hello", "200 hello", "200 hello", "200 hello", "200 hello", "200 hello",
      "200 hello", "200 hello", "200 hello", "200 hello", "200 hello", "200 hello", "200 hello",
      "200 hello", "200 hello", "200 hello" } },
  { name = "answers that take their time come in order", section = "9112 9.3.2",
    request = get "/slow" .. get "/", answers = { "200 slow", "200 hello" } },
  { name = "an empty line between requests", section = "9112 2.2",
    request = get "/" .. "\r\n" .. get "/", answers = { "200 hello", "200 hello" } },
  { name = "Connection: close", section = "9112 9.6",
    request = get("/", "Connection: close\r\n") .. get "/", answers = { "200 hello" },
    ends = true },
  { name = "Connection: close in a list", section = "9112 9.6",
    request = get("/", "Connection: x, Close\r\n"), answers = { "200 hello" }, ends = true },
  { name = "the handler closes", section = "9112 9.6",
    request = get "/close" .. get "/", answers = { "200 bye" }, ends = true },
  { name = "HTTP/1.0", section = "9112 9.3", request = "GET / HTTP/1.0\r\n\r\n",
    answers = { "200 hello" }, ends = true },
  { name = "HTTP/1.0 with keep-alive", section = "9112 9.3",
    request = "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", answers = { "200 hello" } },
  { name = "HTTP/1.0 gets no chunks", section = "9112 6.1",
    request = "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
    answers = { "200 abc" }, ends = true },
  { name = "what is not found", section = "9110 15.5.5", request = get "/nothing",
    answers = { "404 there is nothing here\n" } },
  { name = "a method that is not there", section = "9110 15.5.6",
    request = "DELETE / HTTP/1.1\r\n" .. host .. "\r\n",
    answers = { "405 this address does not have the method DELETE\n" } },
  { name = "OPTIONS", section = "9110 9.3.7", request = "OPTIONS / HTTP/1.1\r\n" .. host .. "\r\n",
    answers = { "204 " } },
  { name = "OPTIONS of the server", section = "9110 9.3.7",
    request = "OPTIONS * HTTP/1.1\r\n" .. host .. "\r\n", answers = { "204 " } },
  { name = "204 has no body", section = "9112 6.3", request = get "/204", answers = { "204 " } },
  { name = "304 has no body", section = "9112 6.3", request = get "/304", answers = { "304 " } },
  { name = "an upgrade to something else", section = "9110 7.8",
    request = get("/", "Upgrade: h2c\r\nConnection: Upgrade\r\n"), answers = { "200 hello" } },

  -- targets
  { name = "an absolute target", section = "9112 3.2.2",
    request = "GET http://other.example/echo/b HTTP/1.1\r\n" .. host .. "\r\n",
    answers = { "200 b" } },
  { name = "percent-encoding, decoded once", section = "9110 4.2.3",
    request = get "/echo/%2541%2Fb", answers = { "200 %41/b" } },
  { name = "malformed percent-encoding", section = "9110 4.2.3", request = get "/echo/%4",
    answers = { "400 the path has a malformed percent-encoding\n" } },
  { name = "a target in authority form", section = "9112 3.2.3", error = "HTTP_TARGET",
    request = "CONNECT other.example:80 HTTP/1.1\r\n" .. host .. "\r\n", ends = true },

  -- bodies
  { name = "a body with a length", section = "9112 6.2",
    request = post("/echo", length(5), "a\r\nb\0"), answers = { "200 a\r\nb\0" } },
  { name = "an empty body", section = "9112 6.2", request = post("/echo", length(0)),
    answers = { "200 " } },
  { name = "no body", section = "9112 6.3", request = post("/echo", ""), answers = { "200 " } },
  { name = "a length twice, and the same", section = "9110 8.6",
    request = post("/echo", length(1) .. length "1, 1", "a"), answers = { "200 a" } },
  { name = "a chunked body", section = "9112 7.1",
    request = post("/echo", chunked, "3\r\nabc\r\n0A\r\n0123456789\r\n0\r\n\r\n"),
    answers = { "200 abc0123456789" } },
  { name = "a chunked body of nothing", section = "9112 7.1",
    request = post("/echo", chunked, "0\r\n\r\n"), answers = { "200 " } },
  { name = "chunk extensions are passed over", section = "9112 7.1.1",
    request = post("/echo", chunked, "1;a\r\nx\r\n1 ;b=\"c;\"\r\ny\r\n0;d\r\n\r\n"),
    answers = { "200 xy" } },
  { name = "trailers are passed over", section = "9112 7.1.2",
    request = post("/echo", chunked .. "Trailer: X\r\n", "1\r\nx\r\n0\r\nX: y\r\nHost: z\r\n\r\n"),
    answers = { "200 x" } },
  { name = "bodies one after the other", section = "9112 9.3.2",
    request = post("/echo", length(1), "a") .. post("/stream", chunked, "1\r\nb\r\n0\r\n\r\n")
      .. post("/echo", length(1), "c"),
    answers = { "200 a", "200 b", "200 c" } },
  { name = "a body that nobody reads", section = "9112 9.3",
    request = post("/unread", length(10), "0123456789")
      .. post("/unread", chunked, "1\r\nx\r\n0\r\n\r\n"),
    answers = { "200 unread", "200 unread" } },
  { name = "a body to what is not found", section = "9112 9.3",
    request = post("/nothing", length(3), "GET"), answers = { "404 there is nothing here\n" } },
  { name = "a body of a GET request", section = "9110 9.3.1",
    request = get("/", length(29)) .. "GET /evil HTTP/1.1\r\nHost: x\r\n",
    answers = { "200 hello" } },
  { name = "a body that nobody reads and that is long", section = "9112 9.6",
    request = post("/unread", length(100000), "0123456789"), answers = { "200 unread" },
    ends = true },
  { name = "a body over max_body by its length", section = "9110 15.5.14",
    request = post("/echo", length(1001), "0123456789"), error = "HTTP_BODY_TOO_LARGE",
    ends = true },
  { name = "a body over max_body by its chunks", section = "9110 15.5.14",
    request = post("/echo", chunked,
    ("64\r\n" .. ("x"):rep(100) .. "\r\n"):rep(10) .. "1\r\nx\r\n"),
    error = "HTTP_BODY_TOO_LARGE", ends = true },

  -- 100-continue
  { name = "100-continue, and the body is wanted", section = "9110 10.1.1",
    request = post("/echo", length(1) .. "Expect: 100-continue\r\n"), more = "a",
    answers = { "100 ", "200 a" } },
  { name = "100-continue, and the client does not wait", section = "9110 10.1.1",
    request = post("/slow", length(1) .. "Expect: 100-continue\r\n", "a"),
    answers = { "100 ", "200 a" }, optional_100 = true },
  { name = "100-continue, and the body is not wanted", section = "9110 10.1.1",
    request = post("/unread", length(1) .. "Expect: 100-continue\r\n"),
    answers = { "200 unread" }, ends = true },
  { name = "100-continue without a body", section = "9110 10.1.1",
    request = post("/echo", "Expect: 100-continue\r\n"), answers = { "200 " } },
  { name = "another expectation", section = "9110 10.1.1", error = "HTTP_EXPECTATION",
    request = post("/echo", length(1) .. "Expect: 200-ok\r\n"), ends = true },

  -- chunks that are malformed
  { name = "chunked under HTTP/1.0", section = "9112 6.1", error = "HTTP_BODY_LENGTH",
    request = "POST /echo HTTP/1.0\r\n" .. chunked .. "\r\n0\r\n\r\n", ends = true },
}

-- Lengths that two readers could take in two ways: the connection ends (9112 6.3).
for name, fields in pairs {
  ["Content-Length and Transfer-Encoding"] = length(4) .. chunked,
  ["Transfer-Encoding and Content-Length"] = chunked .. length(4),
  ["two lengths"] = length(4) .. length(5),
  ["two lengths in one field"] = length "4, 5",
  ["a length with a sign"] = length "+4",
  ["a negative length"] = length "-1",
  ["a length in hexadecimal"] = length "0x4",
  ["a length with a space in it"] = length "4 4",
  ["an empty length"] = length "",
  ["an empty element in a length"] = length "4,,4",
  ["a length over 64 bits"] = length "18446744073709551620",
  ["a length over 53 bits"] = length "9007199254740993",
  ["chunked twice"] = "Transfer-Encoding: chunked, chunked\r\n",
  ["chunked in two fields"] = chunked .. chunked,
  ["another coding in front"] = "Transfer-Encoding: gzip, chunked\r\n",
  ["another coding behind"] = "Transfer-Encoding: chunked, identity\r\n",
  ["another coding"] = "Transfer-Encoding: xchunked\r\n",
  ["chunked in quotes"] = "Transfer-Encoding: \"chunked\"\r\n",
  ["chunked with a parameter"] = "Transfer-Encoding: chunked;x=y\r\n",
  ["identity"] = "Transfer-Encoding: identity\r\n",
  ["an empty coding"] = "Transfer-Encoding:\r\n",
} do
  cases[#cases + 1] = { name = "ambiguous: " .. name, section = "9112 6.3",
    request = post("/echo", fields, "0\r\n\r\n"), error = "HTTP_BODY_LENGTH", ends = true }
end

-- Heads by which requests were smuggled past others.
for name, head in pairs {
  ["a space before the colon"] = { "Transfer-Encoding : chunked\r\n", "HTTP_FIELD_SPACE" },
  ["a tab before the colon"] = { "Content-Length\t: 4\r\n", "HTTP_FIELD_SPACE" },
  ["a folded field"] = { "X: y\r\n Transfer-Encoding: chunked\r\n", "HTTP_OBS_FOLD" },
  ["a folded coding"] = { "Transfer-Encoding:\r\n chunked\r\n", "HTTP_OBS_FOLD" },
  ["a bare LF"] = { "X: y\nTransfer-Encoding: chunked\r\n", "HTTP_BARE_LF" },
  ["a bare CR"] = { "X: y\rTransfer-Encoding: chunked\r\n", "HTTP_BARE_CR" },
  ["NUL"] = { "X: y\0\r\n", "HTTP_CONTROL_CHAR" },
  ["vertical tab before chunked"] = { "Transfer-Encoding: \11chunked\r\n", "HTTP_CONTROL_CHAR" },
  ["no colon"] = { "Transfer-Encoding\r\n", "HTTP_FIELD_NAME" },
  ["no name"] = { ": chunked\r\n", "HTTP_FIELD_NAME" },
  ["two hosts"] = { "Host: y\r\n", "HTTP_HOST" },
} do
  cases[#cases + 1] = { name = "smuggling: " .. name, section = "9112 5.1",
    request = post("/echo", head[1], "0\r\n\r\n"), error = head[2], ends = true }
end

for name, body in pairs {
  ["no digit"] = "\r\n", ["a sign"] = "+1\r\nx\r\n", ["a prefix"] = "0x1\r\nx\r\n",
  ["LF alone"] = "1\nx\r\n", ["LF behind the chunk"] = "1\r\nx\n",
    ["a longer chunk"] = "1\r\nxy\r\n",
  ["a space behind the size"] = "1 \r\nx\r\n", ["an overflow"] = "fffffffffffffffff\r\n",
  ["over 53 bits"] = "80000000000000\r\n", ["many zeros"] = ("0"):rep(17) .. "1\r\nx\r\n",
  ["CR in an extension"] = "1;a\rb\r\nx\r\n", ["LF in an extension"] = "1;a\nx\r\n",
} do
  cases[#cases + 1] = { name = "a chunk with " .. name, section = "9112 7.1",
    request = post("/echo", chunked, body), error = "HTTP_CHUNK", ends = true }
end

for _, case in ipairs {
  { name = "extensions without end", body = "1;" .. ("x"):rep(20000), error = "HTTP_CHUNK_EXTRA" },
  { name = "many extensions", body = ("1;" .. ("x"):rep(100) .. "\r\ny\r\n"):rep(200),
    error = "HTTP_CHUNK_EXTRA" },
  { name = "trailers without end", body = "0\r\nX: " .. ("x"):rep(20000),
    error = "HTTP_TOO_LARGE" },
  { name = "many trailers", body = "0\r\n" .. ("X: y\r\n"):rep(101),
    error = "HTTP_TOO_MANY_FIELDS" },
  { name = "a malformed trailer", body = "0\r\nX : y\r\n", error = "HTTP_FIELD_SPACE" },
} do
  case.section, case.ends = "9112 7.1", true
  case.request = post("/echo", chunked, case.body)
  cases[#cases + 1] = case
end

table.sort(cases, function(a, b)
  if a.error ~= b.error then return (a.error or "") < (b.error or "") end
  return a.name < b.name
end)
return cases
