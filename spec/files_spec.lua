-- ws.files: what a request gets of the files in a directory. Which names lead to files, and none
-- outside, is in files_safety_spec.lua.

local file_tree = require "spec.file_tree"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local long = ("0123456789abcdef"):rep(20000) -- not kept in memory: it comes from the disk
local tree, server

local function serve(options, route)
  server = assert(ws.serve {
    port = 0, routes = { [route or "GET /"] = ws.files(tree.path, options) },
  })
end

local function ask(method, target, more)
  return file_tree.ask(server.port, method .. " " .. target, more)
end
local function get(target, more) return ask("GET", target, more) end
local function head(target, more) return ask("HEAD", target, more) end

local function before()
  tree = file_tree.new {
    ["index.html"] = "<p>top", ["a.txt"] = "0123456789", ["style.css"] = "a{}",
    ["long.bin"] = long,
    ["empty.txt"] = "", ["sub/index.html"] = "<p>sub", ["sub/b.unknown"] = "?",
    ["bare/c.txt"] = "c", ["odd na\195\164me+.TXT"] = "odd", ["UPPER.HTML"] = "<p>",
  }
  for _, name in ipairs { "a.txt", "long.bin", "style.css" } do
    tree:date(name, "2001-02-03 04:05:06 UTC")
  end
end

local function after()
  tree:end_with(server)
  server = nil
end

local date = "Sat, 03 Feb 2001 04:05:06 GMT"

describe("ws.files", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("serves files with their type, date and tag", function()
    serve()
    local status, fields, body = get "/a.txt"
    assert.equal(200, status)
    assert.equal("0123456789", body)
    assert.equal("10", fields["content-length"])
    assert.equal("text/plain; charset=utf-8", fields["content-type"])
    assert.equal(date, fields["last-modified"])
    assert.equal("bytes", fields["accept-ranges"])
    assert.equal("nosniff", fields["x-content-type-options"])
    assert.matches('^"[%x.-]+"$', fields.etag)
    assert.is_nil(fields["cache-control"])
    assert.is_nil(fields.vary)
  end)

  for target, expected in pairs {
    ["/"] = { "<p>top", "text/html; charset=utf-8" },
    ["/?a=b"] = { "<p>top", "text/html; charset=utf-8" },
    ["/sub/"] = { "<p>sub", "text/html; charset=utf-8" },
    ["/sub/b.unknown"] = { "?", "application/octet-stream" },
    ["/odd%20na%C3%A4me+.TXT"] = { "odd", "text/plain; charset=utf-8" },
    ["/%61.txt?x"] = { "0123456789", "text/plain; charset=utf-8" },
    ["/UPPER.HTML"] = { "<p>", "text/html; charset=utf-8" },
    ["/empty.txt"] = { "", "text/plain; charset=utf-8" },
    ["/long.bin"] = { long, "application/octet-stream" },
  } do
    it("serves " .. target .. ", and its head to HEAD", function()
      serve()
      for _ = 1, 2 do -- from the disk, and from memory
        local status, fields, body = get(target)
        assert.equal(200, status)
        assert.is_true(body == expected[1])
        assert.equal(expected[2], fields["content-type"])
        local head_status, head_fields, nothing = head(target)
        fields.date, head_fields.date = nil, nil
        assert.same({ 200, fields, "" }, { head_status, head_fields, nothing })
      end
    end)
  end

  it("sends directories to their address with a slash, never to another host", function()
    serve()
    for target, location in pairs {
      ["/sub"] = "./sub/", ["/sub?a=b"] = "./sub/?a=b", ["/%73ub"] = "./%73ub/",
    } do
      local status, fields = get(target)
      assert.same({ 301, location }, { status, fields.location })
    end
    for _, target in ipairs { "//evil.example", "//evil.example/..", "/\\evil.example", "//sub" } do
      local status, fields = get(target)
      assert.equal(404, status)
      assert.is_nil(fields.location)
    end
  end)

  it("has 404 for what is not there, and 405 for what is not reading", function()
    serve()
    for _, target in ipairs { "/none", "/sub/none", "/a.txt/", "/a.txt/b", "/bare/", "/none/" } do
      assert.equal(404, (get(target)))
      local status, fields, body = head(target)
      assert.same({ 404, "" }, { status, body })
      assert.is_truthy(fields["content-length"])
    end
    for _, method in ipairs { "POST", "PUT", "DELETE" } do
      local status, fields = ask(method, "/a.txt", "Content-Length: 0\r\n")
      assert.same({ 405, "GET, HEAD, OPTIONS" }, { status, fields.allow })
    end
  end)

  it("is a route for all that is below its path", function()
    for route, prefix in pairs {
      ["GET /static"] = "/static", ["GET /static/"] = "/static", ["GET /s/t/*rest"] = "/s/t",
      ["GET /:who/files"] = "/me/files",
    } do
      serve(nil, route)
      assert.equal("0123456789", select(3, get(prefix .. "/a.txt")))
      assert.equal("<p>sub", select(3, get(prefix .. "/sub/")))
      assert.equal("<p>top", select(3, get(prefix .. "/")))
      assert.equal(404, (get("/a.txt")))
      server:stop()
      raw.wait_for_end()
    end
    serve(nil, "GET /static")
    local status, fields = get "/static"
    assert.same({ 301, "./static/" }, { status, fields.location })
  end)

  it("leaves other routes alone", function()
    local public = ws.files(tree.path)
    server = assert(ws.serve { port = 0, routes = {
      ["GET /"] = public,
      ["GET /a.txt"] = function(_, res) res:send("route") end,
      ["GET /sub/:name"] = function(req, res) res:send(req.params.name) end,
      ["GET /wrapped/:name"] = function(req, res)
        res:header("Content-Disposition", "attachment")
        return public(req, res, req.params.name)
      end,
      ["POST /wrapped/:name"] = function(req, res) return public(req, res, req.params.name) end,
    } })
    assert.equal("route", select(3, get "/a.txt"))
    assert.equal("b.unknown", select(3, get "/sub/b.unknown"))
    assert.equal("a{}", select(3, get "/style.css"))
    for _ = 1, 2 do
      local _, fields, body = get "/wrapped/odd%20na%C3%A4me+.TXT"
      assert.same({ "odd", "attachment" }, { body, fields["content-disposition"] })
    end
    assert.equal(404, (get "/wrapped/..%2Fa.txt"))
    local status, fields = ask("POST", "/wrapped/a.txt", "Content-Length: 0\r\n")
    assert.same({ 405, "GET, HEAD" }, { status, fields.allow })
  end)

  it("sees changes after a second", function()
    serve()
    local _, fields, body = get "/"
    assert.equal("<p>top", body)
    tree:write("index.html", "<p>new")
    helper.wait_until(function() return select(3, get "/") == "<p>new" end)
    assert.are_not.equal(fields.etag, select(2, get "/").etag)
    tree:run("rm", "index.html")
    helper.wait_until(function() return get "/" == 404 end)
  end)

  it("takes options", function()
    tree:write("sub/start.txt", "start")
    serve {
      index = "start.txt", types = { UNKNOWN = "x/y", css = "text/other" },
      cache_control = "max-age=60", headers = { ["X-Frame-Options"] = "DENY" }, cache = 1,
    }
    assert.equal("start", select(3, get "/sub/"))
    assert.equal("x/y", select(2, get "/sub/b.unknown")["content-type"])
    local _, fields = get "/style.css"
    assert.equal("text/other", fields["content-type"])
    assert.equal("max-age=60", fields["cache-control"])
    assert.equal("DENY", fields["x-frame-options"])
  end)

  it("raises on misuse", function()
    local function raises(message, ...)
      local ok, raised = pcall(...)
      assert.is_false(ok)
      assert.equal(message, (raised:gsub("^[^:]+:%d+: ", "")))
    end
    raises("the directory must be a string, not nothing", ws.files)
    raises("there is no directory '/none' to serve files from", ws.files, "/none")
    raises("there is no directory '" .. tree:of "a.txt" .. "' to serve files from", ws.files,
      tree:of "a.txt")
    raises("unknown option 'indx': did you mean 'index'?", ws.files, tree.path, { indx = "x" })
    raises("the value of the header field Cache-Control has a control character", ws.files,
      tree.path, { cache_control = "a\r\nb" })
    raises("the value of the header field Content-Type has a control character", ws.files,
      tree.path, { types = { a = "b\n" } })
    raises("types must be like { md = \"text/plain\" }", ws.files, tree.path, { types = { "a" } })
    local public = ws.files(tree.path)
    raises("the path must be a string, not nothing", public, {}, {})
    raises("route 'POST /': files can only be read, so their route is for GET", ws.serve,
      { port = 0, routes = { ["POST /"] = public } })
    raises("routes 'GET /*rest' and 'GET /*rest' are the same", ws.serve,
      { port = 0, routes = { ["GET /"] = public, ["GET /*rest"] = public } })
  end)
end)

describe("conditional requests", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  for _, target in ipairs { "/a.txt", "/long.bin" } do
    it("for " .. target .. " get 304 or 412 without a body", function()
      serve { cache_control = "no-cache" }
      local _, fields = get(target)
      for _, method in ipairs { "GET", "HEAD" } do
        local function ask_again(more) return ask(method, target, more .. "\r\n") end
        for _, line in ipairs { "If-None-Match: " .. fields.etag, "if-none-match: *",
            "If-None-Match: \"x\", W/" .. fields.etag, "If-Modified-Since: " .. date } do
          local status, found, body = ask_again(line)
          assert.same({ 304, "", fields.etag, date, "no-cache" },
            { status, body, found.etag, found["last-modified"], found["cache-control"] })
        end
        assert.equal(412, (ask_again('If-Match: "x"')))
        assert.equal(200, (ask_again("If-Match: " .. fields.etag)))
        assert.equal(200, (ask_again('If-None-Match: "x"\r\nIf-Modified-Since: ' .. date)))
      end
    end)

    it("for ranges of " .. target, function()
      serve()
      local _, fields, whole = get(target)
      local function range(text, more)
        return get(target, "Range: " .. text .. "\r\n" .. (more or ""))
      end
      local function expect(first, last, text, more)
        local status, found, body = range(text, more)
        assert.equal(206, status)
        assert.equal(("bytes %d-%d/%d"):format(first, last, #whole), found["content-range"])
        assert.is_true(body == whole:sub(first + 1, last + 1))
        assert.equal(fields["content-type"], found["content-type"])
        assert.equal(fields.etag, found.etag)
      end
      expect(0, 0, "bytes=0-0")
      expect(2, 5, "bytes=2-5")
      expect(5, #whole - 1, "bytes=5-")
      expect(#whole - 3, #whole - 1, "bytes=-3")
      expect(2, 5, "bytes=2-5", "If-Range: " .. fields.etag .. "\r\n")
      expect(2, 5, "bytes=2-5", "If-Range: " .. date .. "\r\n")
      for _, text in ipairs { "bytes=0-1,3-4", "bytes=5-2", "lines=1-2",
          "bytes=" .. ("0-,"):rep(500) } do
        local status, found, body = range(text)
        assert.same({ 200, nil, true }, { status, found["content-range"], body == whole })
      end
      assert.equal(200, (range("bytes=2-5", 'If-Range: "x"\r\n')))
      assert.equal(200, (head(target, "Range: bytes=2-5\r\n")))
      for _, text in ipairs { "bytes=" .. #whole .. "-", "bytes=-0" } do
        local status, found = range(text)
        assert.same({ 416, "bytes */" .. #whole }, { status, found["content-range"] })
      end
      assert.equal(304, (range("bytes=2-5", "If-None-Match: " .. fields.etag .. "\r\n")))
    end)
  end
end)

describe("compressed siblings", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  local accept = "Accept-Encoding: br, gzip\r\n"

  it("are sent to those who take them", function()
    tree:write("style.css.gz", "compressed")
    tree:write("long.bin.gz", long .. long)
    serve()
    for target, content in pairs { ["/style.css"] = "compressed", ["/long.bin"] = long .. long } do
      local _, plain = get(target)
      local status, fields, body = get(target, accept)
      assert.equal(200, status)
      assert.is_true(body == content)
      assert.equal("gzip", fields["content-encoding"])
      assert.equal(plain["content-type"], fields["content-type"])
      assert.are_not.equal(plain.etag, fields.etag)
      assert.same({ "Accept-Encoding", "Accept-Encoding" }, { plain.vary, fields.vary })
      assert.is_nil(plain["content-encoding"])
      assert.is_nil(select(2, get(target, "Accept-Encoding: gzip;q=0, *\r\n"))["content-encoding"])
      assert.equal(304, (get(target, accept .. "If-None-Match: " .. fields.etag .. "\r\n")))
      assert.equal(200, (get(target, "If-None-Match: " .. fields.etag .. "\r\n")))
      local _, part, bytes = get(target, accept .. "Range: bytes=0-3\r\n")
      assert.same({ content:sub(1, 4), "gzip", "bytes 0-3/" .. #content },
        { bytes, part["content-encoding"], part["content-range"] })
    end
  end)

  it("are not, when they are older than the file, no file, or not wanted", function()
    tree:write("a.txt.gz", "old")
    tree:date("a.txt.gz", "2001-02-03 04:05:05 UTC")
    tree:write("style.css.gz/x", "a directory")
    serve()
    for _, target in ipairs { "/a.txt", "/style.css", "/index.html" } do
      local status, fields = get(target, accept)
      assert.same({ 200 }, { status, fields["content-encoding"], fields.vary })
    end
    server:stop()
    tree:write("style2.css", "a{}")
    tree:write("style2.css.gz", "compressed")
    serve { gzip = false }
    assert.equal("a{}", select(3, get("/style2.css", accept)))
  end)
end)
