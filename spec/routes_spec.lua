-- Routes: which one a path belongs to, what is answered when there is none, and wrong routes.

local routes = require "lunawire.routes"

-- A router whose routes stand for their own text.
local function compile(...)
  local handlers = {}
  for _, text in ipairs { ... } do handlers[text] = print end
  return routes.compile(handlers, function(_, text) return text end)
end

local function error_of(text)
  local ok, message = pcall(routes.compile, { [text] = print }, function() return true end)
  assert.is_false(ok)
  return (message:gsub("^[^:]+:%d+: ", ""))
end

describe("routes", function()
  it("match a method and a path", function()
    local router = compile("GET /", "GET /a", "GET /a/", "GET /a/b", "POST /a", "WS /a")
    for _, route in ipairs { "GET /", "GET /a", "GET /a/", "GET /a/b", "POST /a", "WS /a" } do
      local method, path = route:match("^(%S+) (.+)$")
      assert.equal(route, (router:find(method, path)))
    end
    for _, path in ipairs { "/b", "//", "/a//", "/a/b/", "/a/b/c", "/A", "" } do
      local found, status = router:find("GET", path)
      assert.is_nil(found)
      assert.equal(404, status)
    end
  end)

  it("hand out parameters, decoded once", function()
    local router = compile("GET /user/:id/post/:post", "GET /files/*path", "GET /caf\195\169")
    local route, params = router:find("GET", "/user/7/post/a%20b")
    assert.equal("GET /user/:id/post/:post", route)
    assert.same({ id = "7", post = "a b" }, params)
    assert.same({ id = "a/b", post = "%41" },
      select(2, router:find("GET", "/user/a%2Fb/post/%2541")))
    assert.same({ path = "a/b.txt" }, select(2, router:find("GET", "/files/a/b.txt")))
    assert.same({ path = "" }, select(2, router:find("GET", "/files/")))
    assert.same({ path = "/x/" }, select(2, router:find("GET", "/files//x/")))
    assert.is_nil((select(2, router:find("GET", "/caf%C3%A9"))))
    assert.is_nil((router:find("GET", "/files")))
    assert.is_nil((router:find("GET", "/user//post/1")))
  end)

  it("prefer exact text to a parameter and a parameter to the rest", function()
    local router = compile("GET /a/b", "GET /a/:x", "GET /a/*r", "GET /*r", "GET /:x/b/c")
    assert.equal("GET /a/b", (router:find("GET", "/a/b")))
    assert.equal("GET /a/:x", (router:find("GET", "/a/c")))
    assert.equal("GET /a/*r", (router:find("GET", "/a/c/d")))
    assert.equal("GET /a/*r", (router:find("GET", "/a/")))
    assert.equal("GET /*r", (router:find("GET", "/b")))
    assert.equal("GET /a/*r", (router:find("GET", "/a/b/c")))
    assert.equal("GET /:x/b/c", (router:find("GET", "/z/b/c")))
  end)

  it("step back when the preferred one leads nowhere", function()
    local router = compile("GET /a/b/c", "GET /:x/:y", "DELETE /users/:id", "GET /users/me")
    local route, params = router:find("GET", "/a/b")
    assert.equal("GET /:x/:y", route)
    assert.same({ x = "a", y = "b" }, params)
    assert.equal("DELETE /users/:id", (router:find("DELETE", "/users/me")))
  end)

  it("may name the parameters of one place differently", function()
    local router = compile("GET /:id", "PUT /:name", "GET /:room/x")
    assert.same({ id = "1" }, select(2, router:find("GET", "/1")))
    assert.same({ name = "1" }, select(2, router:find("PUT", "/1")))
    assert.same({ room = "1" }, select(2, router:find("GET", "/1/x")))
  end)

  it("answer HEAD from GET", function()
    local router = compile("GET /", "GET /a", "HEAD /a")
    assert.equal("GET /", (router:find("HEAD", "/")))
    assert.equal("HEAD /a", (router:find("HEAD", "/a")))
  end)

  it("answer 405 with what is allowed", function()
    local router = compile("GET /a", "POST /a", "WS /ws", "PUT /:x")
    local route, status, text, allow = router:find("DELETE", "/a")
    assert.is_nil(route)
    assert.equal(405, status)
    assert.equal("this address does not have the method DELETE\n", text)
    assert.equal("GET, HEAD, OPTIONS, POST, PUT", allow)
    assert.equal("GET, HEAD, OPTIONS, PUT", (select(4, router:find("POST", "/ws"))))
  end)

  it("answer OPTIONS with what is allowed, unless there is a route for it", function()
    local router = compile("GET /a", "POST /a", "OPTIONS /b", "GET /b", "WS /ws")
    assert.same({ nil, 204, "", "GET, HEAD, OPTIONS, POST" }, { router:find("OPTIONS", "/a") })
    assert.equal("OPTIONS /b", (router:find("OPTIONS", "/b")))
    assert.same({ nil, 204, "", "GET, HEAD, OPTIONS" }, { router:find("OPTIONS", "/ws") })
    assert.same({ nil, 204, "", "GET, HEAD, OPTIONS, POST" }, { router:find("OPTIONS", "*") })
    assert.equal(404, (select(2, router:find("OPTIONS", "/c"))))
  end)

  it("answer 426 where only a WebSocket is", function()
    local router = compile("WS /ws", "WS /both", "GET /both")
    for _, method in ipairs { "GET", "HEAD" } do
      local route, status = router:find(method, "/ws")
      assert.is_nil(route)
      assert.equal(426, status)
    end
    assert.equal("GET /both", (router:find("GET", "/both")))
    assert.equal("WS /both", (router:find("WS", "/both")))
  end)

  it("answer 404 to an upgrade where only pages are", function()
    local _, status, text = compile("GET /a"):find("WS", "/a")
    assert.equal(404, status)
    assert.equal("this address does not speak WebSocket\n", text)
  end)

  it("answer 400 to malformed percent-encoding", function()
    local router = compile("GET /:x")
    for _, path in ipairs { "/%", "/%4", "/%zz", "/a/%", "/%4g" } do
      assert.equal(400, (select(2, router:find("GET", path))))
    end
  end)

  it("take a path of very many segments", function()
    local router = compile("GET /:a/:b", "GET /x/*rest")
    assert.equal(404, (select(2, router:find("GET", ("/a"):rep(8000)))))
    assert.equal("GET /x/*rest", (router:find("GET", "/x" .. ("/"):rep(16000))))
  end)

  for text, message in pairs {
    ["/page"] = "route '/page' must be a method, a space and a path, like 'GET /page'",
    ["GET page"] = "route 'GET page' must be a method, a space and a path, like 'GET /page'",
    ["GET  /"] = "route 'GET  /' must be a method, a space and a path, like 'GET /page'",
    ["GET / "] = "route 'GET / ' must be a method, a space and a path, like 'GET /page'",
    ["get /"] = "route 'get /': the method must be in capitals, like 'GET' or 'WS'",
    ["GET /a?b"] = "route 'GET /a?b': the path must be without a query and not percent-encoded",
    ["GET /%41"] = "route 'GET /%41': the path must be without a query and not percent-encoded",
    ["GET /:"] = "route 'GET /:': ':' must be ':' or '*' and a name",
    ["GET /:a-b"] = "route 'GET /:a-b': ':a-b' must be ':' or '*' and a name",
    ["GET /*"] = "route 'GET /*': '*' must be ':' or '*' and a name",
    ["GET /*a/b"] = "route 'GET /*a/b': '*a' must be at the end",
    ["GET /:a/:a"] = "route 'GET /:a/:a' has two parameters 'a'",
    ["GET /:a/*a"] = "route 'GET /:a/*a' has two parameters 'a'",
    [1] = 'routes are written "METHOD /path" = handler; 1 is no route',
  } do
    it(("refuse the route %q"):format(text), function()
      assert.equal(message, error_of(text))
    end)
  end

  it("refuse two routes for the same paths", function()
    local ok, message = pcall(compile, "GET /:a", "GET /:b")
    assert.is_false(ok)
    assert.matches("routes 'GET /:[ab]' and 'GET /:[ab]' are the same", message)
  end)
end)
