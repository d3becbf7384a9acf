-- Which proxy a client goes through: the option's forms, the environment, NO_PROXY.

local core = require "lunawire.core"
local proxy = require "lunawire.proxy"

local function parsed(text)
  local found, message, code = proxy.parse(text)
  if not found then return { code, message } end
  return { found.kind, found.host, found.port, found.user, found.password }
end

describe("the URL of a proxy", function()
  it("has a kind, a host, a port and a login", function()
    assert.same({ "http", "proxy.test", 3128 }, parsed "http://proxy.test:3128")
    assert.same({ "http", "proxy.test", 3128, "me", "pass:word" },
      parsed "HTTP://me:pass%3aword@proxy.test:3128/")
    assert.same({ "socks5", "::1", 1080 }, parsed "socks5://[::1]")
    assert.same({ "socks5h", "10.0.0.1", 80, "me", "" }, parsed "socks5h://me@10.0.0.1:80")
    assert.same({ "http", "proxy.test", 80 }, parsed "proxy.test")
    assert.same({ "http", "proxy.test", 8080, "a", "b" }, parsed "a:b@proxy.test:8080")
    assert.same({ "http", "proxy.test", 443 }, parsed "https://proxy.test")
  end)

  it("is refused when it is none, without showing the password", function()
    local form = ': write it like "http://user:password@host:3128"'
    assert.same({ "PROXY_URL", "the proxy is not of http, https, socks5 or socks5h" .. form },
      parsed "socks4://me:secret@proxy.test")
    for _, text in ipairs { "", "http://", "http://me:secret@", "http://proxy.test:0",
        "http://proxy.test/path", "http://proxy.test?x", "http://a b", "proxy.test:99999" } do
      assert.same({ "PROXY_URL", "the proxy has no valid URL" .. form }, parsed(text))
    end
    assert.same({ "PROXY_URL", "the proxy has a control character" .. form },
      parsed "http://me:secret%0d%0a@proxy.test")
  end)
end)

describe("the environment", function()
  local variables
  local getenv = os.getenv
  setup(function()
    os.getenv = function(name) return variables[name] end -- luacheck: ignore 122
  end)
  teardown(function()
    os.getenv = getenv -- luacheck: ignore 122
  end)

  -- The host of the proxy for a URL; false for none.
  local function choose(url, set, option)
    variables = set
    local found, message = proxy.choose(core.url(url), option)
    return found and found.host or message or found
  end

  it("names a proxy by the scheme of the URL", function()
    local all = { HTTPS_PROXY = "https.test", HTTP_PROXY = "http.test", ALL_PROXY = "all.test" }
    assert.equal("http.test", choose("ws://a.test", all))
    assert.equal("https.test", choose("wss://a.test", all))
    assert.equal("all.test", choose("wss://a.test", { all_proxy = "all.test" }))
    assert.equal("all.test", choose("ws://a.test", { ALL_PROXY = "socks5h://all.test" }))
    assert.is_false(choose("ws://a.test", {}))
    assert.is_false(choose("wss://a.test", { http_proxy = "http.test" }))
    assert.is_false(choose("ws://a.test", { http_proxy = "" }))
    assert.equal("low.test", choose("ws://a.test", { http_proxy = "low.test", HTTP_PROXY = "up" }))
  end)

  it("of a CGI script is not what its client sent", function()
    local cgi = { REQUEST_METHOD = "GET", HTTP_PROXY = "evil.test" }
    assert.is_false(choose("ws://a.test", cgi))
    cgi.http_proxy = "http.test"
    assert.equal("http.test", choose("ws://a.test", cgi))
  end)

  it("counts only where the option says nothing", function()
    local set = { ALL_PROXY = "all.test", NO_PROXY = "*" }
    assert.equal("own.test", choose("ws://a.test", set, "http://own.test"))
    assert.is_false(choose("ws://a.test", { ALL_PROXY = "all.test" }, false))
    assert.is_false(choose("ws://a.test", set))
    assert.is_false(choose("ws+unix:///tmp/x.sock:/", { ALL_PROXY = "all.test" }))
    assert.is_false(choose("ws+unix:///tmp/x.sock:/", {}, "http://own.test"))
  end)

  it("tells what is wrong with it", function()
    assert.matches("^the proxy is not of http", choose("ws://a.test", { all_proxy = "ftp://x" }))
  end)
end)

describe("NO_PROXY", function()
  local function excepted(list, host, port) return proxy.is_excepted(list, host, port or 80) end

  it("lists hosts and domains", function()
    local list = "localhost, example.org .internal"
    for _, host in ipairs { "localhost", "EXAMPLE.org", "www.example.org", "a.b.example.org.",
        "db.internal", "internal" } do
      assert.is_true(excepted(list, host), host)
    end
    for _, host in ipairs { "127.0.0.1", "example.com", "badexample.org", "example.org.evil.test",
        "x" } do
      assert.is_false(excepted(list, host), host)
    end
    assert.is_true(excepted("*", "anything"))
    assert.is_true(excepted("a.test,*", "anything"))
    for _, list_of_none in ipairs { "", " , ", ".", "*.example.org" } do
      assert.is_false(excepted(list_of_none, "www.example.org"), list_of_none)
    end
  end)

  it("may name a port", function()
    assert.is_true(excepted("a.test:8080", "a.test", 8080))
    assert.is_false(excepted("a.test:8080", "a.test", 80))
    assert.is_true(excepted("[::1]:81", "::1", 81))
    assert.is_false(excepted("[::1]:81", "::1", 80))
  end)

  it("lists addresses and blocks of them", function()
    for entry, host in pairs {
      ["127.0.0.1"] = "127.0.0.1", ["10.0.0.0/8"] = "10.200.3.4", ["192.168.1.128/25"] =
      "192.168.1.200", ["0.0.0.0/0"] = "8.8.8.8", ["10.1.2.3/32"] = "10.1.2.3",
      ["::1"] = "0:0:0:0:0:0:0:1", ["[fe80::1]"] = "fe80::1", ["fd00::/8"] = "fdff::1",
      ["2001:db8::/33"] = "2001:db8:7fff::", ["::ffff:10.0.0.1"] = "::ffff:a00:1",
    } do
      assert.is_true(excepted(entry, host), entry)
    end
    for entry, host in pairs {
      ["127.0.0.1"] = "127.0.0.2", ["10.0.0.0/8"] = "11.0.0.1", ["192.168.1.128/25"] =
      "192.168.1.127", ["10.1.2.3/33"] = "10.1.2.3", ["fd00::/8"] = "fe00::1", ["::/129"] = "::1",
      ["2001:db8::/33"] = "2001:db8:8000::", ["10.0.0.0/8 "] = "10.example.org",
      ["0/0"] = "1.2.3.4", ["1:2:3"] = "::1", ["0.1"] = "127.0.0.1",
    } do
      assert.is_false(excepted(entry, host), entry)
    end
  end)
end)
