-- req:form: what clients send arrives, in pieces of any size, and what is wrong gets one answer.

local core = require "lunawire.core"
local file_tree = require "spec.file_tree"
local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local tree, server, result

local function describe_form(form)
  local lines = {}
  for _, name in ipairs(form:names()) do
    lines[#lines + 1] = name .. "=" .. table.concat(form:all(name), ",")
  end
  for _, file in ipairs(form:files()) do
    lines[#lines + 1] = ("%s: %s %s %d %s"):format(file.field, file.name, tostring(file.type),
      file.size, helper.read(file.path))
  end
  return table.concat(lines, "\n")
end

-- A server whose answer tells what was in the form. `options` of req:form; the directory is ours.
local function serve(options, use)
  options = options or {}
  options.directory = tree:of "tmp"
  result = nil
  server = assert(ws.serve { port = 0, routes = {
    ["POST /"] = { max_body = "1K", handler = function(req, res)
      local form, message, code = req:form(options)
      result = { form, message, code }
      if not form then return end
      if use then use(form) end
      res:send(describe_form(form))
    end },
  } })
end

local function crlf(text) return (text:gsub("\n", "\r\n")) end

local function post(content_type, body, more)
  return file_tree.ask(server.port, "POST /", ("Content-Type: %s\r\nContent-Length: %d\r\n%s")
    :format(content_type, #body, more or ""), body)
end

local function post_multipart(body) return post("multipart/form-data; boundary=b", body) end

local function before()
  tree = file_tree.new { ["tmp/"] = true }
end

local function after()
  if server then server:stop() end
  server = nil
  raw.wait_for_end()
  local left = tree:names()
  tree:remove()
  assert.same({ tree:of "tmp" }, left) -- no temporary file
  assert.equal(0, core.leaks().files)
end

local body = crlf [[
--b
Content-Disposition: form-data; name="a"

one
--b
Content-Disposition: form-data; name="f"; filename="C:\dir\x.txt"
Content-Type: text/plain

file content
--b
Content-Disposition: form-data; name="a"

two
--b
Content-Disposition: form-data; name="none"; filename=""
Content-Type: application/octet-stream


--b
Content-Disposition: form-data; name="empty"; filename="e"


--b--
]]
local described = "a=one,two\nf: x.txt text/plain 12 file content\nempty: e nil 0 "

describe("a multipart form", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("arrives whole, with its files", function()
    serve()
    local status, _, text = post_multipart(body)
    assert.same({ 200, described }, { status, text })
  end)

  for _, size in ipairs { 1, 7, 100 } do
    it(("arrives in pieces of %d bytes, chunked or not"):format(size), function()
      serve()
      local head = "POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        .. 'Content-Type: Multipart/Form-Data; charset=utf-8; boundary="b"\r\n'
      local chunks = {}
      for from = 1, #body, size do
        local chunk = body:sub(from, from + size - 1)
        chunks[#chunks + 1] = ("%x\r\n%s\r\n"):format(#chunk, chunk)
      end
      chunks[#chunks + 1] = "0\r\n\r\n"
      for _, bytes in ipairs {
        head .. ("Content-Length: %d\r\n\r\n"):format(#body) .. body,
        head .. "Transfer-Encoding: chunked\r\n\r\n" .. table.concat(chunks),
      } do
        local peer = raw.connect(server.port):drip(bytes, size)
        local status, _, text = file_tree.parse((peer:read_all()))
        assert.same({ 200, described }, { status, text })
        peer:close()
      end
    end)
  end

  it("has files that can be kept", function()
    serve(nil, function(form)
      local file = form:file("f")
      assert(file:move(tree:of "kept"))
      assert.equal(tree:of "kept", file.path)
      assert.equal("CLOSED", select(3, file:move(tree:of "twice")))
      assert.equal("ENOENT", select(3, form:file("empty"):move(tree:of "none/x")))
    end)
    assert.equal(200, (post_multipart(body)))
    assert.equal("file content", helper.read(tree:of "kept"))
    tree:run("rm", "kept")
  end)

  it("has files that go to a function", function()
    local seen = {}
    serve { on_file = function(part)
      if part.field ~= "f" then return nil end
      seen.name, seen.type, seen.text = part.name, part.type, ""
      return function(chunk, final)
        ws.sleep(0)
        seen.text, seen.final = seen.text .. chunk, final
      end
    end }
    local status, _, text = post_multipart(body)
    assert.same({ 200, "a=one,two" }, { status, text })
    assert.same({ name = "x.txt", type = "text/plain", text = "file content", final = true }, seen)
  end)

  for what, case in pairs {
    ["no boundary"] = { 400, "FORM", "multipart/form-data", body },
    ["an empty boundary"] = { 400, "FORM", 'multipart/form-data; boundary=""', body },
    ["a huge boundary"] = { 400, "FORM", "multipart/form-data; boundary=" .. ("b"):rep(71), body },
    ["no last boundary"] = { 400, "FORM", nil, (body:gsub("%-%-b%-%-\r\n$", "")) },
    ["no boundary inside"] = { 400, "FORM", nil, "text" },
    ["no content"] = { 400, "FORM", nil, "" },
    ["a part without a name"] = { 400, "FORM", nil, "--b\r\n\r\nx\r\n--b--" },
    ["a nested form of old"] = { 400, "FORM", nil,
      crlf "--b\nContent-Disposition: attachment; filename=x\n\nx\n--b--" },
    ["a part in base64"] = { 400, "FORM", nil, crlf('--b\nContent-Disposition: form-data; name=a\n'
      .. "Content-Transfer-Encoding: base64\n\nx\n--b--") },
    ["another type"] = { 415, "FORM_TYPE", "application/json", "{}" },
    ["a broken type"] = { 415, "FORM_TYPE", ";", "{}" },
    ["another multipart type"] = { 415, "FORM_TYPE", "multipart/mixed; boundary=b", body },
    ["too many parts"] = { 413, "FORM_TOO_LARGE", nil,
      crlf('--b\nContent-Disposition: form-data; name=a\n\nx\n'):rep(11) .. "--b--" },
    ["a value that is too long"] = { 413, "FORM_TOO_LARGE", nil,
      crlf('--b\nContent-Disposition: form-data; name=a\n\n') .. ("x"):rep(101) .. "\r\n--b--" },
    ["a file that is too large"] = { 413, "FORM_TOO_LARGE", nil,
      crlf('--b\nContent-Disposition: form-data; name=a; filename=a\n\n') .. ("x"):rep(201) },
    ["an unnamed file that is too large"] = { 413, "FORM_TOO_LARGE", nil,
      crlf('--b\nContent-Disposition: form-data; name=a; filename=""\n\n') .. ("x"):rep(201) },
    ["too much in all"] = { 413, "HTTP_BODY_TOO_LARGE", nil, ("x"):rep(3000) },
  } do
    it("is refused with " .. what, function()
      serve { max_fields = 10, max_field = 100, max_file = 200, max_total = 2000 }
      local status = post(case[3] or "multipart/form-data; boundary=b", case[4])
      assert.equal(case[1], status)
      assert.is_nil(result[1])
      assert.equal(case[2], result[3])
    end)
  end

  it("that never comes to its end leaves nothing behind", function()
    for _, leave in ipairs { "close", "reset" } do
      serve()
      local peer = raw.connect(server.port):send(
        "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n"
        .. "Content-Type: multipart/form-data; boundary=b\r\n\r\n" .. body:match("^.*file con"))
      helper.wait_until(function() return core.leaks().files == 1 end)
      peer[leave](peer)
      helper.wait_until(function() return result end)
      assert.is_nil(result[1])
      assert.equal("HTTP_GONE", result[3])
      helper.wait_until(function() return core.leaks().files == 0 end)
      server:stop()
      raw.wait_for_end()
    end
  end)

  it("costs no memory, however large its files are", function()
    serve({ max_file = "1G", max_total = "1G", on_file = function()
      local size = 0
      return function(chunk, final)
        size = size + #chunk
        if final then result = size end
      end
    end }, function() end)
    local size, piece = 100 * 1024 * 1024, ("\r\n--\r"):rep(10000)
    local head = crlf '--b\nContent-Disposition: form-data; name=f; filename=f\n\n'
    local count = math.floor(size / #piece)
    collectgarbage()
    local live = collectgarbage("count")
    local peer = raw.connect(server.port):send(
      ("POST / HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: %d\r\n"
        .. "Content-Type: multipart/form-data; boundary=b\r\n\r\n%s"):format(
        #head + #piece * count + 9, head))
    peer:send(piece, count)
    peer:send("\r\n--b--\r\n")
    local most = 0
    local timer = ws.every(0.01, function() most = math.max(most, collectgarbage("count")) end)
    assert.matches("^HTTP/1.1 200 ", (peer:read_all()))
    timer:stop()
    peer:close()
    -- What is garbage may gather for a while, by the collector's pace; the file is larger.
    assert.is_true(most - live < 0.7 * size / 1024, most)
  end)
end)

describe("an urlencoded form", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  local kind = "application/x-www-form-urlencoded"

  it("is decoded", function()
    serve()
    local _, _, text = post(kind, "a=1+2&b=%C3%A4&a=&c&=x&&d=%zz&e=a=b")
    assert.equal("=x\na=1 2,\nb=\195\164\nc=\nd=%zz\ne=a=b", text)
    assert.equal("", select(3, post(kind .. "; charset=utf-8", "")))
  end)

  it("is refused when it is too large", function()
    serve { max_fields = 3, max_field = 100 }
    assert.equal(413, (post(kind, "a&b&c&d")))
    assert.equal("FORM_TOO_LARGE", result[3])
    assert.equal(413, (post(kind, "a=" .. ("x"):rep(101))))
    assert.equal("FORM_TOO_LARGE", result[3])
    assert.equal(413, (post(kind, "a=" .. ("x"):rep(1700))))
    assert.equal("HTTP_BODY_TOO_LARGE", result[3])
  end)
end)

describe("req:form", function()
  teardown(raw.end_specs)
  before_each(before)
  after_each(after)

  it("ends with the handler that throws, and removes its files", function()
    local reports = helper.reports_of(function()
      serve(nil, function() error("on purpose") end)
      assert.equal(500, (post_multipart(body)))
    end)
    assert.equal(1, #reports)
    assert.matches("on purpose", reports[1])
  end)

  it("tells when no temporary file can be made", function()
    serve()
    tree:run("rmdir", "tmp")
    server:stop()
    raw.wait_for_end()
    server = assert(ws.serve { port = 0, routes = { ["POST /"] = function(req, res)
      result = { req:form { directory = tree:of "tmp" } }
      res:status(500):send()
    end } })
    assert.equal(500, (post_multipart(body)))
    assert.equal("ENOENT", result[3])
    tree:write("tmp/")
  end)

  it("raises on misuse", function()
    local message
    server = assert(ws.serve { port = 0, routes = { ["POST /"] = function(req, res)
      message = select(2, pcall(req.form, req, { max_fiel = 1 }))
      res:send("")
    end } })
    post_multipart(body)
    local expected = "unknown option 'max_fiel': did you mean 'max_field'?"
    assert.is_truthy(message:find(expected, 1, true))
  end)

  it("takes what curl uploads", function()
    local content = ("\0\r\n--"):rep(200000)
    tree:write("upload.bin", content)
    local moved
    serve(nil, function(form)
      moved = form:file("f"):move(tree:of "moved.bin")
    end)
    local status, out = helper.drive {
      "curl", "-s", "-S", "--max-time", "20", "-F", "a=b c", "-F",
      "f=@" .. tree:of "upload.bin" .. ";filename=x\"y.bin",
      "-o", "/dev/null", "-w", "%{http_code}",
      ("http://127.0.0.1:%d/"):format(server.port),
    }
    assert.same({ 0, "200" }, { status, out })
    assert.is_true(moved)
    assert.equal("b c", result[1].a)
    assert.equal('x"y.bin', result[1]:file("f").name)
    assert.is_true(helper.read(tree:of "moved.bin") == content)
    tree:run("rm", "moved.bin")
    tree:run("rm", "upload.bin")
  end)
end)
