-- A real browser, headless: the chat page, and which pages may connect. demo_spec.lua has the demo.

local certificates = require "spec.certificates"
local chromium = require "spec.chromium"
local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"
local ws = require "lunawire"

local missing = chromium.missing()
if missing then
  pending("a browser: " .. missing)
  return
end

describe("a browser", function()
  local chat
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
    chat, addresses.chat = chromium.start_example("examples/chat.lua")

    local json = {}
    for name, address in pairs(addresses) do
      json[#json + 1] = ('"%s": "%s"'):format(name, address)
    end
    results = scenarios.results(helper.drive {
      "node", "spec/peers/browser.mjs", "{" .. table.concat(json, ", ") .. "}", timeout = 240,
    })
  end)

  teardown(function()
    chat:stop()
    for _, server in ipairs(servers) do server:stop() end
    helper.check_leaks()
  end)

  local function check(name) assert.equal("ok", results(name)) end

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
