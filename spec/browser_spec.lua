-- A real browser, headless: the demo page, the chat page, and which pages may connect. Screenshots
-- are kept in build/screenshots.

local certificates = require "spec.certificates"
local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"
local ws = require "lunawire"

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

-- What comes is the same bytes on every Lua, and a browser takes seconds.
local missing = _VERSION ~= "Lua 5.4" and "runs on Lua 5.4 only"
  or not helper.node_modules() and "needs playwright-core: npm ci in spec/peers installs it"
  or not exists("/usr/bin/chromium") and "needs /usr/bin/chromium"
if missing then
  pending("a browser: " .. missing)
  return
end

local function start_example(path)
  local process = helper.background { helper.lua, path, "0" }
  local port = (process:read_line() or ""):match(":(%d+)")
  return process, ("http://localhost:%d/"):format(assert(port, path .. " printed no port"))
end

describe("a browser", function()
  local demo, chat
  local servers, refused, secure, results = {}, {}, {}, nil

  local function serve(options)
    options.port = 0
    local server = assert(ws.serve(options))
    servers[#servers + 1] = server
    return ("127.0.0.1:%d/"):format(server.port)
  end

  setup(function()
    local addresses, html = {}, "<!doctype html><title>page</title>"
    local function show(_, res) res:header("Content-Type", "text/html"):send(html) end
    local page = serve { routes = {
      ["GET /"] = show, ["WS /"] = { on_message = print },
    } }
    addresses.page = "http://" .. page
    addresses.strict = "ws://" .. serve {
      on_open = function() refused[#refused + 1] = "it was opened" end,
    }
    addresses.listed = "ws://" .. serve {
      origins = { "https://app.example", "http://" .. page:sub(1, -2) }, on_message = print,
    }
    addresses.any = "ws://" .. serve { origins = "*", on_message = print }
    local function echo(conn, message) conn:send(message) end
    addresses.deflate = "ws://" .. serve { origins = "*", deflate = true, on_message = echo }
    addresses.takeover = "ws://" .. serve {
      origins = "*", deflate = { takeover = true }, on_message = echo,
    }
    addresses.secure = "https://" .. serve {
      tls = certificates.server(),
      routes = { ["GET /"] = show, ["WS /"] = { on_message = function(conn, message)
        secure[#secure + 1] = conn.tls.version
        conn:send(message)
      end } },
    }
    demo, addresses.demo = start_example("examples/demo/demo.lua")
    chat, addresses.chat = start_example("examples/chat.lua")

    local json = {}
    for name, address in pairs(addresses) do
      json[#json + 1] = ('"%s": "%s"'):format(name, address)
    end
    results = scenarios.results(helper.drive {
      "node", "spec/peers/browser.mjs", "{" .. table.concat(json, ", ") .. "}", timeout = 60,
    })
  end)

  teardown(function()
    demo:stop()
    chat:stop()
    for _, server in ipairs(servers) do server:stop() end
    helper.check_leaks()
  end)

  local function check(name) assert.equal("ok", results(name)) end

  it("sees the echo of the demo page, in two tabs", function() check("demo") end)
  it("has a dark demo page, too", function() check("demo in the dark") end)
  it("shows the demo page on a phone", function() check("demo on a phone") end)
  it("chats", function() check("chat") end)
  it("connects to the server of its page", function() check("same origin") end)
  it("is refused for a page of another origin", function()
    check("other origin")
    assert.same({}, refused)
  end)
  it("speaks wss to the server of its page", function()
    check("wss")
    assert.equal("TLSv1.3", secure[1])
  end)
  it("does not trust an authority that it does not know", function() check("wss untrusted") end)
  it("understands compressed messages", function() check("compression") end)
  it("is let in when origins has the page's, or any", function()
    check("other origin in origins")
  end)
end)
