-- The demo page in a real browser, headless. Screenshots are kept in build/screenshots.

local chromium = require "spec.chromium"
local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"

local missing = chromium.missing()
if missing then
  pending("the demo: " .. missing)
  return
end

describe("the demo", function()
  local plain, secure, results

  setup(function()
    local plain_url, secure_url
    plain, plain_url = chromium.start_example("examples/demo/demo.lua")
    secure, secure_url = chromium.start_example("examples/demo/demo.lua", "--tls")
    results = scenarios.results(helper.run {
      "node", "spec/peers/demo.mjs",
      ('{ "plain": "%s", "secure": "%s", "lua": "%s", "preload": "%s", "free_port": "%d" }'):format(
        plain_url, secure_url, helper.lua, os.getenv "LD_PRELOAD" or "", helper.free_port()),
      timeout = 270,
    })
  end)

  teardown(function()
    plain:stop()
    secure:stop()
  end)

  local function check(name) assert.equal("ok", results(name)) end

  it("echoes, in two tabs", function() check("echo") end)
  it("counts, and begins anew for all", function() check("counter") end)
  it("shows in each tab what is drawn in another, to newcomers too", function() check("board") end)
  it("chats", function() check("chat") end)
  it("takes a file, shows how far it is, and both see the same bytes", function()
    check("upload")
  end)
  it("refuses a file that is too large", function() check("upload refused") end)
  it("tells how the server is", function() check("statistics") end)
  it("compares by what the browser has seen, too", function() check("comparison") end)
  it("has a dark side", function() check("dark") end)
  it("fits on a phone", function() check("phone") end)
  it("connects again when the server is back", function() check("reconnecting") end)
  it("works over https and wss", function() check("wss") end)
end)
