-- Plain HTTP with real clients: Python's http.client, node's fetch, wrk and curl.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local function found(program)
  return (helper.run { "sh", "-c", "command -v " .. program }) == 0
end

local python = [[
import http.client, sys
conn = http.client.HTTPConnection("127.0.0.1", int(sys.argv[1]), timeout=60)
def ask(method, path, body=None, headers={}, chunked=False):
    conn.request(method, path, body, headers, encode_chunked=chunked)
    answer = conn.getresponse()
    return answer.status, answer.read().decode()
for _ in range(3):
    assert ask("GET", "/") == (200, "hello")
    port = conn.sock.getsockname()[1]
    assert ask("GET", "/stream") == (200, "0123456789")
    assert ask("HEAD", "/") == (200, "")
    assert ask("POST", "/echo", "x" * 100000) == (200, "x" * 100000)
    pieces = iter([b"a", b"b" * 70000, b"c"])
    chunked = {"Transfer-Encoding": "chunked"}
    assert ask("POST", "/echo", pieces, chunked, True) == (200, "a" + "b" * 70000 + "c")
    assert ask("GET", "/nothing")[0] == 404
    assert conn.sock.getsockname()[1] == port, "the connection was kept"
print("done")
]]

local node = [[
const base = "http://127.0.0.1:" + process.argv[2];
const text = async (path, options) => (await fetch(base + path, options)).text();
const many = await Promise.all(Array.from({ length: 50 }, () => text("/")));
if (many.some((body) => body !== "hello")) throw new Error("not hello");
if (await text("/stream") !== "0123456789") throw new Error("not the stream");
const body = new ReadableStream({ start(c) {
  for (let i = 0; i < 100; i++) c.enqueue(new TextEncoder().encode("x".repeat(1000)));
  c.close();
} });
const echoed = await text("/echo", { method: "POST", body, duplex: "half" });
if (echoed.length !== 100000) throw new Error("not echoed");
console.log("done");
]]

describe("plain HTTP with", function()
  local server, url
  setup(function()
    server = assert(ws.serve {
      port = 0,
      routes = {
        ["GET /"] = function(_, res) res:send("hello") end,
        ["POST /echo"] = function(req, res) res:send((req:body())) end,
        ["GET /stream"] = function(_, res)
          for n = 0, 9 do
            res:write(tostring(n))
            if n % 3 == 0 then ws.sleep(0.001) end
          end
          res:finish()
        end,
      },
    })
    url = ("http://127.0.0.1:%d"):format(server.port)
  end)
  teardown(function()
    server:stop()
    raw.wait_for_end()
    helper.check_leaks()
  end)

  local function drive(command)
    if not found(command[1]) then pending(command[1] .. " is missing") end
    local status, out, err = helper.drive(command)
    assert.equal("", err)
    assert.equal(0, status)
    return out
  end

  it("Python's http.client", function()
    assert.equal("done\n", drive { helper.python, "-c", python, server.port })
  end)

  it("node's fetch", function()
    local script = helper.file(node)
    os.rename(script, script .. ".mjs")
    local out = drive { "node", script .. ".mjs", server.port }
    os.remove(script .. ".mjs")
    assert.equal("done\n", out)
  end)

  it("wrk, a hundred connections", function()
    helper.with_limit(function(limit)
      local out = drive { "wrk", "-t1", "-c100", ("-d%.0fs"):format(10 * limit), "--timeout", "60s",
        url .. "/" }
      assert.is_true(tonumber(out:match("(%d+) requests in")) > 100)
      assert.is_nil(out:match("Socket errors[^\n]*"))
      assert.is_nil(out:match("Non%-2xx[^\n]*"))
    end)
  end)

  it("curl: 100-continue, and requests on one connection", function()
    local file = helper.file(("x"):rep(200000))
    local out = drive { "curl", "-sS", "-H", "Expect: 100-continue", "--data-binary", "@" .. file,
      url .. "/echo", "-o", "/dev/null", "-w", "%{http_code} %{size_download}\n" }
    assert.equal("200 200000\n", out)
    out = drive { "curl", "-sS", "-w", "%{num_connects}\n", url .. "/", url .. "/stream" }
    assert.equal("hello1\n01234567890\n", out)
  end)
end)
