-- Links that write down what their handlers were called with, for reconnect_spec and link_spec.

local assert = require "luassert"
local core = require "lunawire.core"
local helper = require "spec.helper"
local ws = require "lunawire"

local links = {}

-- Short pauses, so that specs are quick.
links.fast = { min = 0.001, max = 0.002 }

function links.url_of(port) return ("ws://127.0.0.1:%d/"):format(port) end

local watched = {}

-- A link to a port, or a URL. What is seen of it: { open = count, conn = the one that opened last,
-- close = { code, ... }, again = { { attempt, delay, message, code }, ... },
-- error = { { message, code, conn }, ... }, link = the link }.
function links.watch(port, options, more)
  local seen = { open = 0, close = {}, again = {}, error = {} }
  local each = {
    reconnect = options or links.fast, close_timeout = 60,
    on_open = function(conn)
      seen.open, seen.conn = seen.open + 1, conn
    end,
    on_close = function(_, code) table.insert(seen.close, code) end,
    on_reconnect = function(...) table.insert(seen.again, { ... }) end,
    on_error = function(conn, message, code) table.insert(seen.error, { message, code, conn }) end,
  }
  for name, value in pairs(more or {}) do each[name] = value end
  watched[#watched + 1] = seen
  seen.link = assert(ws.connect(type(port) == "string" and port or links.url_of(port), each))
  return seen
end

-- Waits until so many are in a field of what is seen.
function links.wait_for(seen, field, count)
  helper.wait_until(function()
    return (type(seen[field]) == "table" and #seen[field] or seen[field]) >= count
  end, ("%d of %s"):format(count, field))
end

-- It is closed, nothing is called any more, and nothing of it is left.
function links.expect_over(seen)
  helper.wait_until(function() return seen.link.state == "closed" end, "the link's end")
  assert.is_nil(seen.link.conn)
  local before = { seen.open, #seen.close, #seen.again, #seen.error }
  helper.wait_until(function()
    local alive = core.leaks()
    return alive.connections == 0 and alive.timers == 0
  end, "what is left")
  assert.same(before, { seen.open, #seen.close, #seen.again, #seen.error })
end

-- It gives up, with one last call of on_error.
function links.expect_gives_up(seen, code, pattern)
  links.wait_for(seen, "error", 1)
  assert.equal(code, seen.error[1][2])
  assert.matches("^gave up: .*" .. pattern, seen.error[1][1])
  assert.is_userdata(seen.error[1][3])
  links.expect_over(seen)
  assert.equal(1, #seen.error)
end

-- Ends all of them, for `after_each`: what a spec that failed leaves must not disturb the next.
function links.close()
  for _, seen in ipairs(watched) do
    if seen.link then seen.link:close() end
  end
  watched = {}
end

return links
