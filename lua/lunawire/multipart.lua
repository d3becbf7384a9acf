-- Reading multipart/form-data (RFC 7578, RFC 2046 section 5.1): bytes in, events out. Pure; feed it
-- pieces of any size. Between two pieces it keeps no more than a part's head or a boundary.
--
--     parser:feed(bytes)
--     for event, value in parser.next, parser do ... end   -- until it needs more
--
--     "part", fields       a part begins; its header fields, names in lower case
--     "data", bytes        some of its content
--     "end_of_part"
--     "end"                the last boundary came; what follows it means nothing
--     "broken", message    this is no multipart body; from then on the answer to each call

local trim = require "lunawire.trim"

local multipart = {}

local HEAD_MAX = 8192 -- bytes of a part's head: a file name of 255 characters fits ten times
local PADDING_MAX = 256 -- spaces behind a boundary

local Parser = {}
Parser.__index = Parser

-- A parser; nil when the boundary may not be one. It is 1 to 70 characters long (RFC 2046).
function multipart.new(boundary)
  if #boundary < 1 or #boundary > 70 or boundary:find("[%c\128-\255]") then return nil end
  -- The line break before a boundary belongs to it, and only the first boundary may be without: so
  -- we begin with one.
  return setmetatable({
    delimiter = "\r\n--" .. boundary,
    bytes = "\r\n", at = 1,  -- what is not used yet begins at bytes[at]
    searched = 1,            -- the end of a head is not before this position
    state = "preamble",
  }, Parser)
end

function Parser:feed(bytes)
  local unused = self.at > #self.bytes and "" or self.bytes:sub(self.at)
  self.searched = math.max(1, self.searched - self.at + 1)
  self.bytes, self.at = unused .. bytes, 1
end

local states = {} -- state = function(parser), which returns an event, or nil when it needs more

local function break_off(parser, message)
  parser.state, parser.message, parser.bytes, parser.at = "broken", message, "", 1
  return "broken", message
end

-- Takes what is there up to the delimiter, and that too if it is there. Returns the bytes before it
-- and whether it was. Leaves what may be the beginning of one.
local function take(parser)
  local bytes, at, delimiter = parser.bytes, parser.at, parser.delimiter
  local first, last = bytes:find(delimiter, at, true)
  if first then
    parser.at = last + 1
  else
    first = bytes:find("\r", math.max(at, #bytes - #delimiter + 2), true) or #bytes + 1
    parser.at = first
  end
  return bytes:sub(at, first - 1), last ~= nil
end

function states.preamble(parser)
  local _, found = take(parser)
  if not found then return nil end
  parser.state = "boundary"
  return parser:next()
end

-- Behind a boundary: the end of its line, or "--" after the last one.
function states.boundary(parser)
  local bytes, at = parser.bytes, parser.at
  if bytes:find("^%-%-", at) then
    parser.state = "over"
    return "end"
  end
  local line_end = bytes:match("^[ \t]*()\r\n", at)
  if line_end and line_end - at <= PADDING_MAX then
    parser.at = line_end -- with the line break, which an empty head has no other of
    parser.state, parser.searched = "head", line_end
    return parser:next()
  end
  local may_come = bytes:find("^%-?$", at) or bytes:find("^[ \t]*\r?$", at)
  if line_end or not may_come or #bytes - at > PADDING_MAX then
    return break_off(parser, "a boundary is followed by something else than the end of its line")
  end
end

local function parse_head(text)
  local fields = {}
  for line in text:gmatch("(.-)\r\n") do
    local name, value = line:match("^([^%s:%c]+):(.*)$")
    if not name or value:find("[^\t\32-\126\128-\255]") then return nil end
    fields[name:lower()] = trim(value)
  end
  return fields
end

-- From the line break before the first field to the empty line.
function states.head(parser)
  local bytes, at = parser.bytes, parser.at
  local stop = bytes:find("\r\n\r\n", parser.searched, true)
  if (stop or #bytes - 3) - at > HEAD_MAX then
    return break_off(parser, "the head of a part is too long")
  elseif not stop then
    parser.searched = math.max(at, #bytes - 2)
    return nil
  end
  local fields = parse_head(bytes:sub(at + 2, stop + 1))
  if not fields then return break_off(parser, "the head of a part is malformed") end
  -- The line break of the empty line may be the one before the next boundary, so it is left, and
  -- taken away from the content.
  parser.at, parser.state, parser.is_first = stop + 2, "content", true
  return "part", fields
end

function states.content(parser)
  local bytes, found = take(parser)
  if bytes ~= "" and parser.is_first then
    parser.is_first, bytes = false, bytes:sub(3)
  end
  if found then parser.state = "end_of_part" end
  if bytes ~= "" then return "data", bytes end
  if found then return parser:next() end
end

function states.end_of_part(parser)
  parser.state = "boundary"
  return "end_of_part"
end

function states.over(parser)
  parser.bytes, parser.at = "", 1
end

function states.broken(parser) return "broken", parser.message end

-- The next event; nil when it needs more.
function Parser:next() return states[self.state](self) end

-- Whether the last boundary came.
function Parser:is_over() return self.state == "over" end

return multipart
