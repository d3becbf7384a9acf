-- What WebSocket is for, on one page: lua examples/demo/demo.lua [port] [--tls]
--
-- Each part below belongs to a card of the page, whose other half is a file of the same name in
-- public/. Every card has a WebSocket of its own, so each part can be read by itself.
local ws = require "lunawire"

local server -- the last part starts it
local routes = {}

-- A table of text and numbers as JSON. Text messages are valid UTF-8: lunawire sees to that.
local function quote(text)
  return '"' .. text:gsub('[%c"\\]', function(c) return ("\\u%04x"):format(c:byte()) end) .. '"'
end

local function json(fields)
  local parts = {}
  for name, value in pairs(fields) do
    value = type(value) == "string" and quote(value) or tostring(value)
    parts[#parts + 1] = quote(name) .. ":" .. value
  end
  return "{" .. table.concat(parts, ",") .. "}"
end

-- Appends to a list that keeps its newest entries: what visitors do must not fill the memory.
local function remember(list, entry, limit)
  list[#list + 1] = entry
  if #list > limit then table.remove(list, 1) end
end

-- Echo ------------------------------------------------------------------------------------------

routes["WS /echo"] = {
  on_message = function(conn, message, kind) conn:send(message, kind) end,
}

-- Counter: pushed to all tabs, ten times a second -------------------------------------------------

local count = 0

local function publish_count()
  -- With a key, a slow reader gets the newest count and none of those that it missed.
  server:publish("counter", tostring(count), "text", { key = "counter" })
end

ws.every(0.1, function()
  count = count + 1
  publish_count()
end)

routes["WS /counter"] = {
  on_open = function(conn) conn:subscribe("counter") end,
  on_message = function(_, message)
    if message ~= "reset" then return end
    count = 0
    publish_count()
  end,
}

-- Board: what one draws, all see ----------------------------------------------------------------

local strokes = {} -- those who come later get to see them

-- A stroke is a curve: three points, which are six numbers from 0.0 to 9999.9, and a colour.
-- Anything else goes to nobody.
local STROKE = "^" .. ("%d%d?%d?%d?%.%d "):rep(6) .. "#%x%x%x%x%x%x$"

routes["WS /board"] = {
  on_open = function(conn)
    conn:send(table.concat(strokes, "\n")) -- what was drawn before
    conn:subscribe("board")
  end,
  on_message = function(conn, message)
    if message == "clear" then
      strokes = {}
      server:publish("board", "clear")
    elseif message:find(STROKE) then
      remember(strokes, message, 4000)
      conn:publish("board", message) -- to all but the one who drew it, and sees it already
    end
  end,
}

-- Chat ------------------------------------------------------------------------------------------

local said = {} -- the last messages

local function say(fields)
  local message = json(fields)
  remember(said, message, 50)
  server:publish("chat", message)
end

routes["WS /chat"] = {
  on_open = function(conn)
    for _, message in ipairs(said) do conn:send(message) end
    conn:subscribe("chat")
  end,
  on_message = function(conn, message, kind) -- "name Ada" comes first, then "say hello"
    local verb, text = message:match("^(%l+) (.*%S.*)$")
    if kind ~= "text" or not verb or #text > 2000 then
      return -- not from our page
    elseif verb == "name" and not conn.name and #text <= 100 then
      conn.name = text
      say { kind = "note", text = text .. " came in" }
    elseif verb == "say" and conn.name then
      say { kind = "said", name = conn.name, text = text }
    end
  end,
  on_close = function(conn)
    if conn.name then say { kind = "note", text = conn.name .. " left" } end
  end,
}

-- Upload: read as it comes, never held whole ------------------------------------------------------

-- Adler-32 (RFC 1950), a checksum that needs no operations on bits.
local function adler_add(a, b, chunk)
  for i = 1, #chunk do
    a = a + chunk:byte(i)
    b = b + a
  end
  return a % 65521, b % 65521
end

routes["POST /upload"] = function(req, res)
  local a, b, size, started = 1, 0, 0, ws.now()
  local form = req:form {
    max_file = "32M", max_total = "33M",
    on_file = function()
      return function(chunk)
        a, b = adler_add(a, b, chunk)
        size = size + #chunk
      end
    end,
  }
  if not form then return end -- lunawire has answered
  res:header("Content-Type", "application/json"):send(json {
    size = size, seconds = ws.now() - started, checksum = ("%04x%04x"):format(b, a),
  })
end

-- Statistics: once a second -----------------------------------------------------------------------

local began = ws.now()

-- Bytes of memory that the process has, where the system tells as Linux does.
local function resident()
  local file = io.open("/proc/self/status")
  if not file then return nil end
  local kilobytes = file:read("*a"):match("VmRSS:%s*(%d+)")
  file:close()
  return kilobytes and kilobytes * 1024
end

ws.every(1, function()
  local stats = server:stats()
  stats.memory_lua = collectgarbage("count") * 1024
  stats.memory = resident()
  stats.uptime = ws.now() - began
  server:publish("stats", json(stats), "text", { key = "stats" })
end)

routes["WS /stats"] = {
  on_open = function(conn) conn:subscribe("stats") end,
}

-- Comparison: one feed of prices, in four ways ----------------------------------------------------

-- A tab that compares has a connection to /compare, by which it learns our clock and what its four
-- feeds took. The feeds name it by its number: ?run=7.
local runs, last_run = {}, 0
local ticks, last_tick, price = {}, 0, 100 -- the newest prices, by their number

-- Counts what a request or a message of a run took on the wire, in both directions.
local function took(req, feed, requests, received, sent)
  local conn = runs[req.query.run]
  if not conn then return end
  local meter = conn.meters[feed] or { feed = feed, requests = 0, received = 0, sent = 0 }
  conn.meters[feed] = meter
  meter.requests = meter.requests + requests
  meter.received = meter.received + received
  meter.sent = meter.sent + sent
  conn:send(json(meter))
end

routes["WS /compare"] = {
  on_open = function(conn)
    last_run = last_run + 1
    conn.run, conn.meters = tostring(last_run), {}
    runs[conn.run] = conn
    conn:send(json { run = conn.run, since = last_tick })
  end,
  on_message = function(conn, message) -- the page's time: it gets ours back
    local time = #message < 32 and tonumber(message)
    if time then conn:send(json { asked = time, now = ws.now() * 1000 }) end
  end,
  on_close = function(conn) runs[conn.run] = nil end,
}

local function ticks_since(number)
  local list = {}
  for i = math.max(number + 1, last_tick - 60), last_tick do list[#list + 1] = ticks[i] end
  return "[" .. table.concat(list, ",") .. "]"
end

-- Answers a poll, and counts the answer. Its request was counted when it came.
local function answer(req, res, feed, since)
  res:header("Content-Type", "application/json"):header("Cache-Control", "no-store")
  if res:send(ticks_since(since)) then took(req, feed, 0, 0, res:bytes()) end
end

routes["GET /ticks"] = function(req, res) -- polling: what there is
  took(req, "polling", 1, #req.head, 0)
  answer(req, res, "polling", tonumber(req.query.since) or last_tick)
end

local waiting, streams, sockets = {}, {}, {} -- for the next price; max_connections bounds them

routes["GET /ticks/next"] = function(req, res) -- long polling: later, if there is nothing yet
  took(req, "long", 1, #req.head, 0)
  local since = tonumber(req.query.since) or last_tick
  if since < last_tick then return answer(req, res, "long", since) end
  waiting[res] = req
  res:on_close(function() waiting[res] = nil end)
end

routes["GET /ticks/events"] = function(req, res) -- an answer that never ends
  local events = res:events()
  took(req, "events", 1, #req.head, res:bytes())
  streams[events] = { req = req, res = res }
  res:on_close(function() streams[events] = nil end)
end

-- The head that answers an upgrade is always as long (RFC 6455 section 4.2.2), and that of a frame
-- depends on the length of the payload (section 5.2). A browser's frames have a mask, too.
local UPGRADE = #("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
  .. "Connection: Upgrade\r\nSec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n")
local MASK = 4

local function frame(payload) return #payload + (#payload < 126 and 2 or 4) end

routes["WS /ticks"] = {
  on_open = function(conn)
    took(conn.request, "socket", 1, #conn.request.head, UPGRADE)
    sockets[conn] = true
    conn:subscribe("ticks")
  end,
  on_pong = function(conn, payload) -- the answer to a ping of the heartbeat
    took(conn.request, "socket", 0, MASK + frame(payload), frame(payload))
  end,
  on_close = function(conn) sockets[conn] = nil end,
}

local function deliver(tick)
  for res, req in pairs(waiting) do
    waiting[res] = nil
    answer(req, res, "long", last_tick - 1)
  end
  for events, stream in pairs(streams) do
    local before = stream.res:bytes()
    events:send(tick)
    took(stream.req, "events", 0, 0, stream.res:bytes() - before)
  end
  server:publish("ticks", tick)
  for conn in pairs(sockets) do took(conn.request, "socket", 0, 0, frame(tick)) end
end

local function next_tick()
  price = math.max(1, price + math.random() - 0.5)
  last_tick = last_tick + 1
  local tick = ('{"number":%d,"at":%.0f,"symbol":"LUNA","bid":%.2f,"ask":%.2f,"volume":%d}'):format(
    last_tick, ws.now() * 1000, price, price + 0.05, math.random(100, 9999))
  ticks[last_tick], ticks[last_tick - 61] = tick, nil
  deliver(tick)
  ws.after(0.1 + 1.8 * math.random(), next_tick) -- one a second on average, at random moments
end

ws.after(1, next_tick)

-- Start -------------------------------------------------------------------------------------------

routes["GET /"] = ws.files((arg[0]:match("^(.*[/\\])") or "") .. "public", {
  cache_control = "no-cache",
  headers = { ["Content-Security-Policy"] = "default-src 'self'; img-src 'self' data:" },
})

local port, tls = 8080, nil
for _, word in ipairs(arg) do
  if word == "--tls" then tls = "self-signed" else port = assert(tonumber(word), "not a port") end
end

server = assert(ws.serve { port = port, tls = tls, routes = routes, max_connections = 2000 })
ws.on_signal("SIGINT", ws.stop)

print(("listening on %s://127.0.0.1:%d/echo"):format(tls and "wss" or "ws", server.port))
print(("open %s://localhost:%d/ in a browser; Ctrl-C ends"):format(tls and "https" or "http",
  server.port))
io.stdout:flush()
ws.run()
