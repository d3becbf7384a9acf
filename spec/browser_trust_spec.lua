-- A real browser and our authority: with it in the browser's database of certificates a page and
-- its wss:// just work, without it the browser ends the TLS handshake. It is not told to look away.

local certificates = require "spec.certificates"
local chromium = require "spec.chromium"
local file_tree = require "spec.file_tree"
local helper = require "spec.helper"
local scenarios = require "spec.peers.scenarios"
local ws = require "lunawire"

local missing = chromium.missing()
  or helper.run { "certutil", "-H" } == 127 and "needs certutil, which Debian has in libnss3-tools"
if missing then
  pending("a browser that trusts us: " .. missing)
  return
end

-- Makes the database of a user of the browser, whose home the tree is, with the authority in it.
local database = [[
certutil -d "sql:$1" -N --empty-password
certutil -d "sql:$1" -A -n 'the authority' -t C,, -i "$2"
]]

describe("a browser", function()
  local server, home
  setup(function()
    server = assert(ws.serve { port = 0, tls = certificates.server(), routes = {
      ["GET /"] = function(_, res)
        res:header("Content-Type", "text/html"):send("<!doctype html><title>page</title>")
      end,
      ["WS /"] = { on_message = function(conn, message) conn:send(message) end },
    } })
    home = file_tree.new { ["trusting/.pki/nssdb/"] = true, ["strange/"] = true }
    local status, out, err = helper.run { "sh", "-ec", database, "sh",
      home:of "trusting/.pki/nssdb", certificates.path "ca.crt" }
    assert(status == 0, out .. err)
  end)
  teardown(function()
    server:stop()
    home:remove()
    helper.check_leaks()
  end)

  -- What becomes of a visit by a browser of that user.
  local function visit(user)
    local results = scenarios.results(helper.drive {
      "node", "spec/peers/trust.mjs", ("https://localhost:%d/"):format(server.port), user,
      env = { HOME = home:of(user) }, timeout = 240,
    })
    return results(user)
  end

  it("that trusts our authority loads the page and speaks wss", function()
    assert.equal("ok", visit "trusting")
    assert.equal(1, server:stats().opened)
  end)

  it("that does not says so, and no request reaches the server", function()
    local before = server:stats()
    assert.equal("ok", visit "strange")
    local after = server:stats()
    assert.is_true(after.accepted > before.accepted)
    assert.same({ before.opened, before.refused }, { after.opened, after.refused })
    helper.wait_until(function() return server:stats().connections == 0 end, "its end")
  end)
end)
