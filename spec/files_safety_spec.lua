-- ws.files: nothing outside of the directory, nothing hidden, no listing unless asked; and what
-- happens when client, file or disk do not do as they should.

local certificates = require "spec.certificates"
local core = require "lunawire.core"
local file_tree = require "spec.file_tree"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local tree, server

local function serve(options, extra)
  local routes = { ["GET /"] = ws.files(tree:of "public", options) }
  for route, handler in pairs(extra or {}) do routes[route] = handler end
  server = assert(ws.serve { port = 0, routes = routes })
end

local function get(target, more) return file_tree.ask(server.port, "GET " .. target, more) end

local function before()
  tree = file_tree.new {
    ["secret.txt"] = "secret", ["public/a.txt"] = "public", ["public/.env"] = "hidden",
    ["public/.git/config"] = "hidden", ["public/sub/b.txt"] = "b", ["public2/c.txt"] = "secret",
    ["outside/d.txt"] = "secret",
  }
end

local function after()
  tree:end_with(server)
  server = nil
end

describe("outside of the directory", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("nothing is served, whatever way it is written", function()
    serve { hidden = true, listing = true }
    for _, target in ipairs {
      "/../secret.txt", "/sub/../../secret.txt", "/sub/../a.txt", "/./a.txt", "/%2e%2e/secret.txt",
      "/%2E%2E/secret.txt", "/.%2e/secret.txt", "/..%2fsecret.txt", "/sub%2fb.txt", "/%2e/a.txt",
      "/%252e%252e/secret.txt", "/..%252fsecret.txt", "/..%5csecret.txt", "/..\\secret.txt",
      "/a.txt%00", "/a.txt%00.html", "/%00", "//etc/passwd", "/%2fetc/passwd", "/%2f%2fetc/passwd",
      "//a.txt", "/sub//b.txt", "/../public2/c.txt", "/../public", "/..", "/../",
      "/%c0%ae%c0%ae/secret.txt",
      "/..;/secret.txt", "/a.txt/../../secret.txt", "/a.txt.", "/sub/%2e%2e%2f%2e%2e%2fsecret.txt",
    } do
      local status, _, body = get(target)
      assert.is_true(status == 404 or status == 400, target)
      assert.is_nil(body:find("secret\n?$"), target)
    end
    assert.equal(404, (get "http://x/../secret.txt"))
    assert.equal("public", select(3, get "http://x/a.txt"))
  end)

  it("nothing is reached through links", function()
    tree:link("public/file", "../secret.txt")
    tree:link("public/absolute", tree:of "secret.txt")
    tree:link("public/folder", "../outside")
    tree:link("public/twin", tree:of "public2")
    tree:link("public/up", "..")
    tree:link("public/chain", "file")
    tree:link("public/loop", "loop")
    tree:link("public/dangling", "nowhere")
    serve { listing = true }
    for _, target in ipairs { "/file", "/absolute", "/folder", "/folder/", "/folder/d.txt",
        "/twin/c.txt", "/up/secret.txt", "/up/", "/up/public/../secret.txt", "/chain", "/loop",
        "/dangling" } do
      assert.equal(404, (get(target)), target)
    end
  end)

  it("links inside are followed, also when the directory is a link", function()
    tree:link("public/inner", "sub/b.txt")
    tree:link("public/absolute", tree:of "public/sub")
    tree:link("public/up", "../public/a.txt")
    tree:link("current", "public")
    server = assert(ws.serve { port = 0, routes = { ["GET /"] = ws.files(tree:of "current") } })
    assert.equal("b", select(3, get "/inner"))
    assert.equal("b", select(3, get "/absolute/b.txt"))
    assert.equal("public", select(3, get "/up"))
    tree:run("ln", "-sfn", "public2", "current") -- as a deploy does
    assert.equal("secret", select(3, get "/c.txt"))
    assert.equal(404, (get "/sub/b.txt"))
  end)

  it("what is neither file nor directory is not there", function()
    tree:run("mkfifo", "public/pipe")
    serve()
    assert.equal(404, (get "/pipe")) -- and nobody waits for its other end
    local device = assert(ws.serve { port = 0, routes = { ["GET /"] = ws.files("/dev") } })
    for _, name in ipairs { "null", "zero", "tty" } do
      assert.equal(404, (file_tree.ask(device.port, "GET /" .. name)))
    end
    device:stop()
  end)
end)

describe("hidden files", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("are served only when asked", function()
    serve()
    for _, target in ipairs { "/.env", "/.git/config", "/%2eenv", "/.git/", "/.git" } do
      assert.equal(404, (get(target)))
    end
    server:stop()
    serve { hidden = true }
    assert.equal("hidden", select(3, get "/.env"))
    assert.equal("hidden", select(3, get "/.git/config"))
  end)

  it("and directories are listed only when asked", function()
    tree:write("public/<b>&.txt", "odd")
    serve()
    assert.equal(404, (get "/"))
    server:stop()
    serve { listing = true }
    local status, fields, body = get "/"
    assert.equal(200, status)
    assert.equal("text/html; charset=utf-8", fields["content-type"])
    assert.is_nil(body:find("<b>", 1, true))
    local links = {}
    for link in body:gmatch('href="([^"]*)"') do links[#links + 1] = link end
    assert.same({ "./sub/", "./%3Cb%3E%26.txt", "./a.txt" }, links)
    assert.equal("odd", select(3, get "/%3Cb%3E%26.txt"))
    assert.matches('href="%./%.%./"', select(3, get "/sub/"))
    for _, target in ipairs { "/none/", "/.git/", "/a.txt/" } do
      assert.equal(404, (get(target)))
    end
  end)
end)

describe("a file that may not be read", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("gets 403, and a failing disk 500 and a report", function()
    local open = core.file_open
    local code
    core.file_open = function(_, _, _, _, fn) -- root reads everything: the system is played
      ws.after(0, function() fn(nil, "a.txt: refused", code) end)
    end
    local statuses = {}
    local reports = helper.reports_of(function()
      serve()
      for _, given in ipairs { "EACCES", "ENOTDIR", "EIO", "EMFILE" } do
        code = given
        statuses[#statuses + 1] = get "/a.txt"
      end
    end)
    core.file_open = open
    assert.same({ 403, 404, 500, 500 }, statuses)
    assert.same({ "ws.files: a.txt: refused (EIO)", "ws.files: a.txt: refused (EMFILE)" }, reports)
  end)
end)

describe("a file on its way", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  local size = 64 * 1024 * 1024 -- more than the buffers of both ends hold

  local function start()
    tree:run("truncate", "-s", tostring(size), "public/huge.bin")
    serve()
    local peer = raw.connect(server.port, 4096)
    peer:send("GET /huge.bin HTTP/1.1\r\nHost: x\r\n\r\n")
    local head = peer:read_until("\r\n\r\n")
    assert.matches("\r\nContent%-Length: " .. size .. "\r\n", head)
    return peer
  end

  local function open_files() return core.leaks().files end

  it("costs no memory and comes whole to a client that is slow at first", function()
    local peer = start()
    helper.wait_until(function() return open_files() == 1 end)
    local function used() -- what it costs in C is bounded by high_water, and seen there
      collectgarbage()
      return collectgarbage("count")
    end
    local before_kb = used()
    assert.equal(size, (peer:skip(size)))
    assert.is_true(used() - before_kb < 1024)
    helper.wait_until(function() return open_files() == 0 end)
    peer:send("GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    assert.matches("\r\n\r\npublic$", (peer:read_all()))
    peer:close()
  end)

  it("is closed at once when the client leaves", function()
    for _, leave in ipairs { "close", "reset" } do
      local peer = start()
      peer[leave](peer)
      helper.wait_until(function() return open_files() == 0 and core.leaks().connections == 0 end)
      server:stop()
      raw.wait_for_end()
    end
  end)

  it("and is cut short ends the connection, and is not padded", function()
    local peer = start()
    tree:run("truncate", "-s", "1000", "public/huge.bin")
    local count, status = peer:skip()
    assert.is_true(count < size)
    assert.is_true(status == "eof" or status == "reset")
    peer:close()
    helper.wait_until(function() return open_files() == 0 end)
  end)

  it("does not keep others waiting", function()
    local peer = start()
    assert.equal("public", select(3, get "/a.txt"))
    peer:close()
  end)

  it("is given up with the server", function()
    local peer = start()
    server:stop()
    peer:close()
    raw.wait_for_end()
    helper.wait_until(function() return open_files() == 0 end) -- a piece may be on its way
  end)
end)

describe("real clients", function()
  teardown(helper.check_leaks)
  before_each(before)
  after_each(after)

  local function curl(...)
    local command = { "curl", "-s", "--max-time", "10", ... }
    command[#command] = ("http://127.0.0.1:%d%s"):format(server.port, command[#command])
    local status, out = helper.drive(command)
    assert.equal(0, status)
    return out
  end

  it("get files, parts and 304 with curl", function()
    local text = ("a line of text\n"):rep(50000)
    tree:write("public/long.txt", text)
    serve()
    assert.is_true(curl("/long.txt") == text)
    assert.is_true(curl("-r", "700000-", "/long.txt") == text:sub(700001))
    assert.is_true(curl("-r", "-10", "/long.txt") == text:sub(-10))
    assert.equal("416", (curl("-r", "900000-", "-w", "%{http_code}", "-o", "/dev/null",
      "/long.txt")))
    local etags, part = helper.file(), helper.file(text:sub(1, 12345))
    curl("--etag-save", etags, "-o", "/dev/null", "/long.txt")
    assert.equal("304", (curl("--etag-compare", etags, "-w", "%{http_code}", "/long.txt")))
    assert.equal("304", (curl("-z", tree:of "public/long.txt", "-w", "%{http_code}", "/long.txt")))
    curl("-C", "-", "-o", part, "/long.txt")
    assert.is_true(helper.read(part) == text)
    assert.equal("404", (curl("--path-as-is", "-w", "%{http_code}", "-o", "/dev/null",
      "/../secret.txt")))
  end)

  it("get large files over TLS, where the system cannot send them", function()
    local text = ("a line of text\n"):rep(100000)
    tree:write("public/long.txt", text)
    server = assert(ws.serve { port = 0, tls = certificates.server("server"),
      routes = { ["GET /"] = ws.files(tree:of "public") } })
    local status, out = helper.drive { "curl", "-s", "-k", "--max-time", "10",
      ("https://127.0.0.1:%d/long.txt"):format(server.port) }
    assert.equal(0, status)
    assert.is_true(out == text)
  end)

  it("get compressed siblings and redirects with curl", function()
    tree:write("public/sub/page.html", ("<p>text"):rep(1000))
    tree:run("gzip", "-k", "public/sub/page.html")
    tree:write("public/sub/index.html", "index")
    serve()
    assert.equal(("<p>text"):rep(1000), curl("--compressed", "/sub/page.html"))
    assert.equal("index", curl("-L", "/sub"))
  end)
end)
