-- The protocol without I/O: what a session sends, and the manners of the binding. What it receives
-- is in vectors_spec.lua.

local helper = require "spec.helper"
local protocol = require("lunawire.core").protocol

local key = { key = "\55\250\33\61" }

local function server(options)
  options = options or {}
  options.role = "server"
  return protocol.session(options)
end

local function client(options)
  options = options or {}
  options.role = "client"
  return protocol.session(options)
end

local function events_of(session)
  local events = {}
  for event in session:events() do events[#events + 1] = event end
  return events
end

describe("protocol.session", function()
  it("needs a role", function()
    assert.error_matches(function() protocol.session {} end, "role")
    assert.error_matches(function() protocol.session { role = "peer" } end, "role")
    assert.error(function() protocol.session() end)
    assert.error(function() server { max_message = -1 } end)
    assert.error(function() server { max_message = 2 ^ 54 } end)
  end)

  it("has a limit of 1 MiB by default", function()
    local session = client()
    session:feed("\130\127\0\0\0\0\0\16\0\0")
    assert.same({}, events_of(session))
    assert.is_nil(session:error())
    session = client()
    session:feed("\130\127\0\0\0\0\0\16\0\1")
    events_of(session)
    local code, text, close_code = session:error()
    assert.equal("MESSAGE_TOO_BIG", code)
    assert.matches("max_message", text)
    assert.equal(1009, close_code)
  end)

  it("refuses other values as itself", function()
    assert.error(function() client().feed({}, "a") end)
    assert.error(function() client().send(io.stdout, "a") end)
    assert.error(function() client():feed() end)
  end)
end)

describe("session:send", function()
  it("sends the examples of RFC 6455 section 5.7", function()
    assert.equal("\129\5Hello", server():send("Hello"))
    assert.equal("\129\133\55\250\33\61\127\159\77\81\88", client():send("Hello", "text", key))
    assert.equal("\130\126\1\0" .. ("x"):rep(256), server():send(("x"):rep(256), "binary"))
    local long = ("x"):rep(65536)
    assert.is_true("\130\127\0\0\0\0\0\1\0\0" .. long == server():send(long, "binary"))
    assert.equal("\130\0", server():send("", "binary"))
  end)

  it("sends a message in fragments", function()
    local session = server()
    assert.equal("\1\3Hel", session:send("Hel", "text", { final = false }))
    assert.equal("\137\1p", session:ping("p"))
    assert.equal("\0\0", session:send("", nil, { final = false }))
    assert.equal("\128\2lo", session:send("lo"))
    assert.equal("\130\1b", session:send("b", "binary"))
  end)

  it("masks each frame with fresh bytes", function()
    local session, seen, zeros = client(), {}, ("\0"):rep(8)
    for _ = 1, 100 do
      local mask = session:send(zeros, "binary"):sub(3, 6)
      assert.is_nil(seen[mask])
      seen[mask] = true
    end
  end)

  it("refuses a wrong kind or key", function()
    assert.error_matches(function() server():send("a", "json") end, "json")
    assert.error_matches(function() client():send("a", "text", { key = "abc" }) end, "4 bytes")
  end)

  it("is understood by the other side", function()
    local from, to = client(), server { stream = true }
    to:feed(from:send("a", "text", { final = false }) .. from:pong("p") .. from:send("b"))
    assert.same({
      { type = "chunk", kind = "text", data = "a", final = false },
      { type = "pong", data = "p" },
      { type = "chunk", kind = "text", data = "b", final = true },
    }, events_of(to))
  end)
end)

describe("session:close", function()
  it("sends code and reason", function()
    assert.equal("\136\0", server():close())
    assert.equal("\136\2\3\232", server():close(1000))
    assert.equal("\136\5\3\232bye", server():close(1000, "bye"))
    assert.equal("\136\130\55\250\33\61\52\18", client():close(1000, nil, key))
  end)

  it("cuts a long reason between characters", function()
    local e = "\195\169"
    assert.equal("\136\124\3\232" .. e:rep(61), server():close(1000, e:rep(70)))
  end)

  it("refuses codes that must not be sent, and what is no text", function()
    for _, code in ipairs { 0, 999, 1004, 1006, 1015, 2999, 5000, 65536 + 1000 } do
      assert.error_matches(function() server():close(code) end, "must not be sent")
    end
    assert.error_matches(function() server():close(1000, "\255") end, "UTF%-8")
  end)

  it("is the last frame", function()
    local session = server()
    session:close()
    for _, name in ipairs { "send", "ping", "pong" } do
      local bytes, message, code = session[name](session, "a")
      assert.is_nil(bytes)
      assert.matches("close frame", message)
      assert.equal("CLOSED", code)
    end
    assert.equal("CLOSED", (select(3, session:close())))
  end)
end)

describe("session:ping and session:pong", function()
  it("carry up to 125 bytes", function()
    assert.equal("\137\0", server():ping())
    assert.equal("\138\125" .. ("p"):rep(125), server():pong(("p"):rep(125)))
    assert.equal("LONG_CONTROL", (select(3, server():ping(("p"):rep(126)))))
  end)
end)

describe("session:feed", function()
  it("keeps what was not read", function()
    local session = client()
    session:feed("\129\1a\129\1b\129")
    assert.equal("a", session:events()(session).data)
    session:feed("\1")
    session:feed("c")
    local events = events_of(session)
    assert.equal("b", events[1].data)
    assert.equal("c", events[2].data)
    assert.is_nil(events[3])
  end)

  it("may be called while events are read", function()
    local session, seen = client(), ""
    session:feed("\129\1a")
    for event in session:events() do
      seen = seen .. event.data
      if #seen < 5 then session:feed("\129\1b\129\1c") end
    end
    assert.equal("abcbcbcbc", seen)
  end)
end)

describe("a protocol.session that is called while it works", function()
  it("by the metamethods of the options, sends what it was given", function()
    local deflate = { threshold = 1 }
    local session, peer = client { deflate = deflate }, server { deflate = deflate }
    local options = setmetatable({}, { __index = function(_, name)
      if name ~= "key" then return nil end
      assert(session:send(("other "):rep(5000), "text", key))
      return key.key
    end })
    peer:feed(session:send(("this "):rep(5000), "text", options))
    local events = events_of(peer)
    assert.is_nil(peer:error())
    assert.equal(1, #events)
    assert.equal(("this "):rep(5000), events[1].data)
  end)

  it("by finalizers, tells and sends what it was given", function()
    local out = helper.output_of([[
      local finalizers = require "spec.finalizers"
      local protocol = require("lunawire.core").protocol
      local deflate = { threshold = 1 }
      local peer = protocol.session { role = "client", deflate = deflate }
      local other = ("other "):rep(3000)
      for moment = 1, 8 do
        local session = protocol.session { role = "server", deflate = deflate }
        local reader = protocol.session { role = "client", deflate = deflate }
        session:feed(peer:send(("this "):rep(3000)))
        local more, next_event = peer:send(other), session:events()
        finalizers.set(moment, function()
          session:feed(more)
          session:send(other)
        end)
        local event = next_event(session)
        finalizers.stop()
        assert(event.data == ("this "):rep(3000))
        finalizers.set(moment, function() session:send(other) end)
        local frame = session:send(("that "):rep(3000))
        finalizers.stop()
        reader:feed(frame)
        assert(reader:events()(reader).data == ("that "):rep(3000))
      end
      print "done"
    ]], { timeout = 120 })
    assert.equal("done\n", out)
  end)
end)

describe("protocol.utf8_valid", function()
  it("checks a whole text", function()
    assert.is_true(protocol.utf8_valid(""))
    assert.is_true(protocol.utf8_valid("a\0\226\130\172"))
    assert.is_false(protocol.utf8_valid("\226\130"))
    assert.is_false(protocol.utf8_valid("\237\160\128"))
    assert.error(function() protocol.utf8_valid() end)
  end)
end)
