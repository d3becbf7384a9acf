-- The parser of multipart bodies: every piece size gives the same events, and whatever is wrong
-- gets one answer.

local chance = require "spec.chance"
local helper = require "spec.helper"
local multipart = require "lunawire.multipart"

local function crlf(text) return (text:gsub("\n", "\r\n")) end

-- All events of a body fed in pieces of a size; the data of a part is joined.
local function events_of(body, boundary, size)
  local parser, events = assert(multipart.new(boundary)), {}
  for from = 1, #body, size do
    parser:feed(body:sub(from, from + size - 1))
    for event, value in parser.next, parser do
      local last = events[#events]
      if event == "data" and last[1] == "data" then
        last[2] = last[2] .. value
      else
        events[#events + 1] = { event, value }
      end
      if event == "broken" then return events, parser end
    end
  end
  return events, parser
end

-- The same for every size of pieces.
local function expect(body, expected, boundary)
  boundary = boundary or "b"
  for size = 1, #body do
    assert.same(expected, (events_of(body, boundary, size)))
  end
end

local function expect_broken(body, message, boundary)
  for size = 1, #body do
    local events, parser = events_of(body, boundary or "b", size)
    assert.same({ "broken", message }, events[#events])
    parser:feed("--b--")
    assert.same({ "broken", message }, { parser:next() })
    assert.is_false(parser:is_over())
  end
end

describe("multipart", function()
  it("reads parts with their fields and content", function()
    expect(crlf '--b\nContent-Disposition: form-data; name="a"\n\none\n'
      .. crlf '--b\nContent-Disposition:form-data; name="f"; filename="x"  \nContent-Type: a/b\n\n'
      .. "\0\r\n-\r--b\r\n--\r\r\n" .. crlf '\n--b--\n', {
      { "part", { ["content-disposition"] = 'form-data; name="a"' } },
      { "data", "one" },
      { "end_of_part" },
      { "part", { ["content-disposition"] = 'form-data; name="f"; filename="x"',
        ["content-type"] = "a/b" } },
      { "data", "\0\r\n-\r--b\r\n--\r\r\n" },
      { "end_of_part" },
      { "end" },
    })
  end)

  it("reads empty parts, heads and bodies", function()
    expect(crlf "--b\n\n\n--b\n\n--b\nA: 1\n\n--b\n\nx\n--b--", {
      { "part", {} }, { "end_of_part" },
      { "part", {} }, { "end_of_part" },
      { "part", { a = "1" } }, { "end_of_part" },
      { "part", {} }, { "data", "x" }, { "end_of_part" },
      { "end" },
    })
    expect("--b--", { { "end" } })
  end)

  it("ignores what stands before and after", function()
    expect(crlf "This is a message in --b parts.\n\n--b \t \n\nx\n--b--\nthat was all\n--b\n", {
      { "part", {} }, { "data", "x" }, { "end_of_part" }, { "end" },
    })
  end)

  it("leaves line breaks in the content as they are", function()
    for _, content in ipairs { "\r\n", "\r\n\r\n", "\n--b", "\r--b--", "-", "\r", "\r\n-" } do
      expect("--b\r\n\r\n" .. content .. "\r\n--b--", {
        { "part", {} }, { "data", content }, { "end_of_part" }, { "end" },
      })
    end
  end)

  it("does not look into nested bodies", function()
    local inner = crlf '--c\nContent-Disposition: file; filename="x"\n\nx\n--c--'
    expect(crlf '--b\nContent-Type: multipart/mixed; boundary=c\n\n' .. inner .. "\r\n--b--", {
      { "part", { ["content-type"] = "multipart/mixed; boundary=c" } },
      { "data", inner }, { "end_of_part" }, { "end" },
    })
  end)

  it("takes boundaries of 1 to 70 characters", function()
    local long = ("'()+_,-./:=? "):rep(5) .. "12345"
    assert.equal(70, #long)
    expect(crlf("--" .. long .. "\n\nx\n--" .. long .. "--"), {
      { "part", {} }, { "data", "x" }, { "end_of_part" }, { "end" },
    }, long)
    assert.is_nil(multipart.new(long .. "x"))
    assert.is_nil(multipart.new(""))
    assert.is_nil(multipart.new("a\r\nb"))
    assert.is_nil(multipart.new("\195\164"))
  end)

  it("refuses text behind a boundary", function()
    local message = "a boundary is followed by something else than the end of its line"
    expect_broken("--bb\r\n\r\nx\r\n--b--", message)
    expect_broken("--b\r\n\r\nx\r\n--b-x\r\n", message)
    expect_broken("--b\r\n\r\nx\r\n--b \rx\r\n", message)
    expect_broken("--b" .. (" "):rep(300) .. "\r\n\r\n", message)
  end)

  it("refuses heads that are malformed", function()
    for _, line in ipairs { "no colon", ": no name", "a b: 1", "a : 1", "a: 1\n  folded",
        "a: \1", "a:\0" } do
      expect_broken(crlf("--b\n" .. line .. "\n\nx\n--b--"), "the head of a part is malformed")
    end
  end)

  it("refuses heads that are too long, however slowly they come", function()
    local body = "--b\r\nA: " .. ("x"):rep(9000)
    for _, size in ipairs { 1, 1000, #body } do
      local events = events_of(body, "b", size)
      assert.same({ { "broken", "the head of a part is too long" } }, events)
    end
  end)

  it("tells that the last boundary did not come", function()
    for _, body in ipairs { "", "--b", "--b\r\n", "--b\r\n\r\nx", "--b\r\n\r\nx\r\n--b", "--b-" } do
      local _, parser = events_of(body, "b", 1)
      assert.is_false(parser:is_over())
    end
    local _, parser = events_of("--b--", "b", 1)
    assert.is_true(parser:is_over())
  end)

  it("keeps no more than it must", function()
    local parser = multipart.new("b")
    parser:feed("--b\r\n\r\n")
    for _ = 1, 100 do
      parser:feed(("x"):rep(10000) .. "\r\n--")
      repeat until parser:next() ~= "data" and parser:next() == nil
      assert.is_true(#parser.bytes - parser.at < 10)
    end
  end)

  it("takes time in proportion to the size, whatever the content", function()
    local boundary = ("-"):rep(70)
    local delimiter = "\r\n--" .. boundary
    for _, unit in ipairs { "\r", "\r\n--", delimiter:sub(1, -2), delimiter .. "\r\n\r\n",
        delimiter .. "\r\nA: b" .. (" "):rep(1000) .. "c\r\n" } do
      helper.expect_linear(function(size)
        local parser = multipart.new(boundary)
        parser:feed("--" .. boundary .. unit:rep(size))
        repeat local event = parser:next() until not event or event == "broken"
      end)
    end
  end)
end)

-- Random bodies ---------------------------------------------------------------------------------

-- What nearly is a boundary, and what it is made of.
local words = {
  "\r", "\n", "-", "--", "\r\n", "\r\n-", "\r\n--", "--b", "b", " ", "x", "\0", "\255", "A: 1", ":",
}

-- Nothing in it is the boundary: neither in its middle nor with what comes next.
local function content()
  local text
  repeat
    text = chance.text(words, 12)
    local body = "\r\n" .. text .. "\r\n--bound"
  until body:find("\r\n--bound", 1, true) == #text + 3
  return text
end

-- A body, and the events that it is to give.
local function random_body()
  local preamble = content()
  local body = { preamble == "" and "" or preamble .. "\r\n" }
  local events = {}
  for _ = 1, chance.between(0, 4) do
    local fields, head, data = {}, {}, content()
    for i = 1, chance.between(0, 3) do
      fields["x-" .. i] = ("v"):rep(chance.between(0, 20))
      head[i] = ("X-%d:%s%s\r\n"):format(i, chance.pick { "", " ", "\t " }, fields["x-" .. i])
    end
    body[#body + 1] = "--bound" .. chance.pick { "", " ", " \t" } .. "\r\n" .. table.concat(head)
      .. "\r\n" .. data .. "\r\n"
    events[#events + 1] = { "part", fields }
    if data ~= "" then events[#events + 1] = { "data", data } end
    events[#events + 1] = { "end_of_part" }
  end
  events[#events + 1] = { "end" }
  body[#body + 1] = "--bound--" .. content()
  return table.concat(body), events
end

-- What may follow each event; the first is for the beginning.
local followers = {
  [""] = { part = true, ["end"] = true, broken = true },
  part = { data = true, end_of_part = true }, data = { end_of_part = true },
  end_of_part = { part = true, ["end"] = true, broken = true }, ["end"] = {}, broken = {},
}

describe("multipart, at random,", function()
  it("reads what was written, whatever the pieces", function()
    for number = 1, 1000 do
      chance.seed(number)
      local body, expected = random_body()
      for _, size in ipairs { #body, 1, chance.between(1, 20) } do
        assert.same(expected, (events_of(body, "bound", size)), ("number %d in pieces of %d: %q")
          :format(number, size, body))
      end
    end
  end)

  it("gives one answer to what is broken, whatever the pieces", function()
    local broken = 0
    for number = 1, 2000 do
      chance.seed(number)
      local body = "--b" .. chance.pick { "\r\n", "\r\n\r\n", "" } .. chance.text(words, 30)
      local expected = events_of(body, "b", #body)
      local before = ""
      for _, event in ipairs(expected) do
        assert.is_true(followers[before][event[1]], ("%s: %q"):format(event[1], body))
        before = event[1]
      end
      if before == "broken" then broken = broken + 1 end
      for _, size in ipairs { 1, chance.between(2, 9) } do
        assert.same(expected, (events_of(body, "b", size)), ("number %d in pieces of %d: %q")
          :format(number, size, body))
      end
    end
    assert.is_true(broken > 100 and broken < 1900, broken)
  end)
end)
