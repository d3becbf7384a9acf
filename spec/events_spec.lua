-- Server-sent events: the format, and a stream that goes on until one of both ends it.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local server

local function serve(handler)
  server = assert(ws.serve { port = 0, routes = { ["GET /"] = handler } })
  return raw.connect(server.port):send("GET / HTTP/1.0\r\nHost: x\r\nLast-Event-ID: 7\r\n\r\n")
end

describe("server-sent events", function()
  teardown(raw.end_specs)
  after_each(function()
    if server then server:stop() end
    server = nil
    raw.wait_for_end()
  end)

  it("are written like this", function()
    local peer = serve(function(req, res)
      local events = res:events()
      events:send("one")
      events:send("two\nlines\r\nand\rmore\n")
      events:send { event = "tick", id = 5, data = "x", retry = 1.5 }
      events:send { id = req.headers["last-event-id"] }
      events:send("")
      events:comment("still here")
      events:comment()
      events:close()
      events:close()
    end)
    local head, body = peer:read_all():match("^(.-\r\n\r\n)(.*)$")
    assert.matches("\r\nContent%-Type: text/event%-stream\r\n", head)
    assert.matches("\r\nCache%-Control: no%-store\r\n", head)
    assert.equal("data: one\n\n"
      .. "data: two\ndata: lines\ndata: and\ndata: more\ndata: \n\n"
      .. "event: tick\nid: 5\nretry: 1500\ndata: x\n\n"
      .. "id: 7\n\n"
      .. "data: \n\n"
      .. ": still here\n\n"
      .. ": \n\n", body)
    peer:close()
  end)

  it("begin at once, and come when something happens", function()
    local events
    local peer = serve(function(_, res) events = res:events() end)
    assert.matches("^HTTP/1.1 200 OK\r\n", (peer:read_until("\r\n\r\n")))
    for n = 1, 3 do
      assert.is_true(events:send(tostring(n)))
      assert.equal("data: " .. n .. "\n\n", (peer:read_until("\n\n")))
    end
    events:close()
    assert.same({ "", "eof" }, { peer:read_all() })
    peer:close()
  end)

  it("tell when the client has gone", function()
    local events, code
    local peer = serve(function(_, res)
      events = res:events()
      res:on_close(function(_, _, why) code = why end)
    end)
    peer:read_until("\r\n\r\n")
    peer:close()
    helper.wait_until(function() return code end)
    assert.equal("HTTP_GONE", code)
    assert.equal("CLOSED", (select(3, events:send("x"))))
  end)

  it("cannot be split by what a script puts into them", function()
    local messages = {}
    local peer = serve(function(_, res)
      local events = res:events()
      for _, event in ipairs {
        { event = "a\ndata: evil" }, { id = "a\rb" }, { id = "a\0b" }, { retry = "soon" },
        { retry = -1 }, { text = "x" }, 5,
      } do
        local ok, message = pcall(events.send, events, event)
        messages[#messages + 1] = not ok and message:gsub("^[^:]+:%d+: ", "") or nil
      end
      events:close()
    end)
    local _, body = peer:read_all():match("^(.-\r\n\r\n)(.*)$")
    assert.equal("", body)
    assert.same({
      "the event of an event must be one line", "the id of an event must be one line",
      "the id of an event must be one line", "retry must be a number, not a string",
      "retry must be a number of seconds from 0 to 1e9, not -1",
      "an event has data, event, id and retry, and no text", "the event must be a table, not 5",
    }, messages)
    peer:close()
  end)
end)
