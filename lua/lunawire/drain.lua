-- server:drain: an end that is spread over time, so that not all clients come back at once.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local passing = require "lunawire.passing"

local drain = {}

local tick = 0.05 -- seconds between two rounds of closing

local running = {} -- [server] = the timer of its draining

local function finish(server)
  running[server]:stop()
  running[server] = nil
end

-- In each round closes as many of the connections as the time that has passed stands for. What
-- opens meanwhile, and requests that are still under way, end when the time is over.
local function start(server, o)
  local waiting, began, closed = server:connections(), core.now(), 0
  local function close_some()
    local share = math.min((core.now() - began) / o.over, 1)
    while closed < #waiting and closed <= #waiting * share do
      closed = closed + 1
      waiting[closed]:close(o.code, o.reason)
      waiting[closed] = false
    end
    if share == 1 then
      finish(server)
      server:stop(o.code, o.reason)
    elseif server:stats().connections == 0 then
      finish(server)
    end
  end
  running[server] = core.timer(0, tick, close_some)
end

-- server:drain{ over = seconds, code =, reason = }: stops accepting and closes every connection.
function drain.drain(server, given)
  misuse.expect_self(server, "server:drain()")
  local o = passing "options".check("drain", given == nil and {} or given)
  if running[server] then finish(server) end
  local is_empty = server:stats().connections == 0
  if o.over == 0 or is_empty then return server:stop(o.code, o.reason) end
  core.stop_listening(server)
  start(server, o)
end

return drain
