-- Compression without I/O: spec/vectors/deflate_negotiation.lua, and what sessions send. What they
-- receive is in vectors_spec.lua.

local protocol = require("lunawire.core").protocol

local function check_agreement(expected, agreement)
  for name, value in pairs(expected or {}) do assert.equal(value, agreement[name], name) end
end

local function check_server(case)
  local answer, agreement = protocol.deflate_accept(case.options or {}, case.offers)
  assert.equal(case.answer, answer)
  check_agreement(case.agreement, agreement)
end

local function check_client(case)
  local agreement, text, code = protocol.deflate_check(case.options or {}, case.reply)
  assert.equal(case.error, code)
  assert.equal(case.error ~= nil, text ~= nil)
  check_agreement(case.agreement, agreement)
end

describe("the negotiation of compression", function()
  for _, case in ipairs(dofile "spec/vectors/deflate_negotiation.lua") do
    it(("%s (section %s)"):format(case.name, case.section), function()
      if case.offers then
        check_server(case)
      elseif case.reply then
        check_client(case)
      else
        assert.equal(case.offer, protocol.deflate_offer(case.options or {}))
      end
    end)
  end

  it("comes to the same on both sides", function()
    for bits = 0, 2 ^ 3 - 1 do
      for window = 9, 15 do
        local client = { takeover = bits % 2 == 1, window_bits = window,
          max_window_bits_of_peer = bits >= 4 and 9 or 15 }
        local server = { takeover = bits % 4 >= 2, window_bits = 24 - window }
        local answer, theirs = protocol.deflate_accept(server, protocol.deflate_offer(client))
        local ours = assert(protocol.deflate_check(client, answer))
        assert.equal(theirs.own_bits, ours.peer_bits)
        assert.equal(theirs.own_takeover, ours.peer_takeover)
        assert.is_true(theirs.peer_bits >= ours.own_bits)
        assert.is_true(theirs.peer_takeover or not ours.own_takeover)
      end
    end
  end)

  it("raises on options that are not legal", function()
    for _, options in ipairs { { level = 0 }, { level = 10 }, { level = 1.5 }, { memory_level = 0 },
      { window_bits = 8 }, { window_bits = 16 }, { max_window_bits_of_peer = 7 },
      { threshold = -1 }, { level = "x" } } do
      assert.error(function() protocol.deflate_offer(options) end)
      assert.error(function() protocol.session { role = "server", deflate = options } end)
    end
    assert.error(function() protocol.deflate_offer() end)
  end)
end)

-- Two sessions that agreed, and a function that sends through the first and checks the other.
local function pair(role, deflate)
  local other = role == "server" and "client" or "server"
  deflate.own_bits = deflate.own_bits or 15
  local sender = protocol.session { role = role, deflate = deflate }
  local receiver = protocol.session { role = other, deflate = {
    peer_bits = deflate.own_bits, peer_takeover = deflate.own_takeover } }
  return sender, receiver
end

local function received(receiver, bytes)
  local data = {}
  receiver:feed(bytes)
  for event in receiver:events() do data[#data + 1] = event.data end
  assert.is_nil(receiver:error())
  return table.concat(data)
end

local function is_compressed(frame) return math.floor(frame:byte() / 64) % 2 == 1 end

local function text(size) return ("some text, and some more; "):rep(size):sub(1, size) end

describe("a session that compresses", function()
  for _, role in ipairs { "client", "server" } do
    it("sends what its peer understands, as " .. role, function()
      for own_bits = 8, 15 do
        for _, takeover in ipairs { false, true } do
          for level = 1, 9, 4 do
            local sender, receiver = pair(role, { own_bits = own_bits, own_takeover = takeover,
              peer_forgets = not takeover, level = level, threshold = 0 })
            for _, size in ipairs { 0, 1, 2, 200, 256, 257, 1000, 5000, 70000 } do
              local frame = sender:send(text(size))
              assert.is_true(text(size) == received(receiver, frame), size)
              assert.equal(own_bits > 8 or size <= 256, is_compressed(frame) or size == 1
                or size == 2)
            end
          end
        end
      end
    end)
  end

  it("leaves short messages and those of which the script says so as they are", function()
    local sender = pair("server", { threshold = 100 })
    assert.is_false(is_compressed(sender:send(text(99))))
    assert.is_true(is_compressed(sender:send(text(100))))
    assert.is_false(is_compressed(sender:send(text(100), "text", { compress = false })))
  end)

  it("does not make messages longer without takeover", function()
    local noise = {}
    for i = 1, 1000 do noise[i] = string.char(math.random(0, 255)) end
    local sender, receiver = pair("server", { threshold = 0 })
    local frame = sender:send(table.concat(noise), "binary")
    assert.is_false(is_compressed(frame))
    assert.equal(table.concat(noise), received(receiver, frame))
    assert.is_true(is_compressed(sender:send("")))
    sender, receiver = pair("server", { threshold = 0, own_takeover = true })
    frame = sender:send(table.concat(noise), "binary")
    assert.is_true(is_compressed(frame)) -- the window has it now
    assert.equal(table.concat(noise), received(receiver, frame))
    assert.is_true(#sender:send(table.concat(noise), "binary") < 100)
  end)

  it("compresses fragments as one message that arrives at once", function()
    for _, takeover in ipairs { false, true } do
      local sender, receiver = pair("server", { own_takeover = takeover })
      local streaming = protocol.session { role = "client", stream = true,
        deflate = { peer_takeover = takeover } }
      for _, pieces in ipairs { { "a", "bc", "" }, { "", "" }, { "a", "", "", "b" }, { text(9999),
        "", text(100) } } do
        local all = ""
        for i, piece in ipairs(pieces) do
          local frame = sender:send(piece, "text", { final = i == #pieces })
          assert.equal(i == 1, is_compressed(frame))
          assert.equal(piece, received(streaming, frame))
          all = all .. received(receiver, frame)
        end
        assert.equal(table.concat(pieces), all)
      end
    end
    local sender, receiver = pair("server", {})
    local first = sender:send("a", "text", { final = false, compress = false })
    assert.is_false(is_compressed(first))
    assert.equal("ab", received(receiver, first .. sender:send("b")))
  end)

  it("does not compress streams for a window of 2^8", function()
    local sender = pair("client", { own_bits = 8, own_takeover = true })
    assert.is_false(is_compressed(sender:send("a", "text", { final = false })))
  end)

  it("sends nothing compressed after its close frame", function()
    local sender = pair("server", {})
    sender:close(1000)
    local frame, message, code = sender:send(text(500))
    assert.is_nil(frame)
    assert.is_string(message)
    assert.equal("CLOSED", code)
  end)
end)
