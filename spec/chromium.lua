-- What the specs with a real browser share: whether it is there, and examples that it visits.

local helper = require "spec.helper"

local chromium = {}

local function exists(path)
  local file = io.open(path)
  return file and file:close()
end

-- Why there can be no browser; nil when there can. What comes is the same bytes on every Lua, and a
-- browser takes seconds: one Lua is enough, and one compiler.
function chromium.missing()
  return _VERSION ~= "Lua 5.4" and "runs on Lua 5.4 only"
    or helper.is_variant() and "runs on one tree only"
    or not helper.node_modules() and "needs playwright-core: npm ci in spec/peers installs it"
    or not exists("/usr/bin/chromium") and "needs /usr/bin/chromium"
    or nil
end

-- Starts an example that listens on any free port; returns the process and the page's address.
function chromium.start_example(path, ...)
  local process = helper.background { helper.lua, path, "0", ... }
  local scheme, port = (process:read_line() or ""):match("(wss?)://.-:(%d+)")
  assert(port, path .. " printed no port")
  return process, ("%s://localhost:%d/"):format(scheme == "wss" and "https" or "http", port)
end

return chromium
