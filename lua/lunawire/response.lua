-- The answer to a plain HTTP request. It may be given when the handler has long returned: whole,
-- in pieces, or as a stream of events that never ends.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local misuse = require "lunawire.misuse"
local request_end = require "lunawire.request_end"

local response = {}

-- A response is { conn, sent, finished } when it is made for a request (request.lua).
-- `sent` turns true when its head is on its way; `finished` with its last byte, to its size, or to
-- true where it did not come to its end. What holds until something else is said is here.
--   is_plain  nothing else was said yet: the answer is 200 and its body
--   code      the status
--   head      { fields = { name, value, ... }, length =, closes = }
--   is_known  to the hooks
--   at_end    what request_end.lua calls
--   reader    the request, while its body is being read
local Response = {
  is_plain = true, code = 200, head = false, is_known = false, at_end = false, reader = false,
}
Response.__index = Response
response.class = Response

-- Raises unless the number can be the status of a final answer; returns it.
function response.check_status(status)
  if type(status) ~= "number" or status % 1 ~= 0 or status < 200 or status > 599 then
    misuse.raise("the status must be a number between 200 and 599, not %s",
      misuse.describe(status))
  end
  return math.floor(status)
end

local function expect_unsent(res)
  if res.sent then misuse.raise("this request has been answered already") end
end

-- Sets the status; 200 without it. Returns the response.
function Response:status(status)
  expect_unsent(self)
  self.code, self.is_plain = response.check_status(status), false
  return self
end

-- The two fields of the framing about which a script may say something: how long the body will be,
-- and that the connection ends behind it.
local framing = {}

framing["content-length"] = function(res, value)
  local length = tonumber(value)
  if not length or length < 0 or length % 1 ~= 0 or length > 2 ^ 53 then
    misuse.raise("Content-Length must be a number of bytes, not %s", tostring(value))
  end
  res.head.length = length
end

function framing.connection(res, value)
  if type(value) ~= "string" or value:lower() ~= "close" then
    misuse.raise("the header field Connection can be \"close\" and nothing else")
  end
  res.head.closes = true
end

-- Adds a header field. Returns the response.
function Response:header(name, value)
  expect_unsent(self)
  self.head, self.is_plain = self.head or { fields = {} }, false
  local frame = type(name) == "string" and framing[name:lower()]
  if frame then
    frame(self, value)
    return self
  end
  value = headers.check(name, value)
  local fields = self.head.fields
  fields[#fields + 1] = name
  fields[#fields + 1] = value
  return self
end

local no_head = {}

local function begin(res)
  local head = res.head or no_head
  res.sent = true
  return core.answer(res.conn, res.code, head.fields, head.length, head.closes)
end

-- From here on neither may touch the connection, which may belong to another request.
local function finished(res)
  res.finished = true
  if res.is_known then res.conn._response = nil end
  if res.reader then request_end.leave_body(res.reader) end
  if res.at_end then return request_end.run(res) end
end

-- For a handler that threw: the answer will not be finished by the script.
response.finished = finished

-- Takes what the core says at the end of an answer: true and its size, or nil, message, code.
local function ended(res, ok, size, code)
  if not ok then return nil, size, code end
  res.finished = size
  return true
end

local function send(self, body)
  expect_unsent(self)
  if body == nil then body = "" end
  misuse.expect("the body", body, "string")
  local head = self.head or no_head
  if head.length then return self:finish(body) end
  self.sent = true
  finished(self)
  return ended(self, core.respond(self.conn, self.code, head.fields, body, head.closes))
end

local respond_plainly = core.respond_plainly

-- Answers. Returns true; or nil, message, code when the peer has gone.
function Response:send(body)
  if not self.is_plain or self.sent then return send(self, body) end
  local ok, size, code = respond_plainly(self.conn, body)
  if ok then
    self.sent, self.finished = true, size
    return true
  elseif ok == false then -- it is no string
    return send(self, body)
  end
  self.sent, self.finished = true, true
  return nil, size, code
end

-- Sends a piece of the body. True; false when it is accepted and more than high_water waits (in a
-- coroutine it waits instead); nil, message, code when the client has gone.
function Response:write(chunk)
  if self.finished then misuse.raise("this answer is finished") end
  misuse.expect("a chunk", chunk, "string")
  if not self.sent then
    local ok, message, code = begin(self)
    if not ok then return nil, message, code end
  end
  return core.answer_write(self.conn, chunk)
end

-- Ends the answer, with a last piece if one is given. Returns true; or nil, message, code.
function Response:finish(chunk)
  if self.finished then misuse.raise("this answer is finished") end
  if chunk ~= nil then misuse.expect("a chunk", chunk, "string") end
  if not self.sent and not (self.head and self.head.length) then return self:send(chunk) end
  local ok, message, code = true, nil, nil
  if not self.sent then ok, message, code = begin(self) end
  if ok and chunk then ok, message, code = core.answer_write(self.conn, chunk) end
  finished(self)
  if ok == nil then return nil, message, code end
  return ended(self, core.answer_finish(self.conn))
end

-- How many bytes of the answer were written so far: the body and all that frames it. Nil when it
-- did not come to its end.
function Response:bytes()
  if not self.finished then return core.answer_size(self.conn) end
  return self.finished ~= true and self.finished or nil
end

-- Makes the core's hooks find the response.
local function known(res)
  if not res.finished then
    res.is_known, res.is_plain = true, false
    res.conn._response = res
  end
  return res
end

-- fn(res) is called when what waited has been written. Returns the response.
function Response:on_drain(fn)
  self.drained = misuse.expect("the handler", fn, "function")
  return known(self)
end

-- fn(res, message, code) is called if the client leaves before the answer is finished. Returns the
-- response.
function Response:on_close(fn)
  self.closed = misuse.expect("the handler", fn, "function")
  return known(self)
end

-- Begins a stream of server-sent events.
function Response:events()
  return require "lunawire.events".new(self)
end

-- Whole answers of the library's own, which bring their status and header fields (an array or nil)
-- with them. What the script set before is sent beside them. -------------------------------------

local function closes_behind(res) return res.head and res.head.closes end

local function begin_whole(res, fields)
  expect_unsent(res)
  res.sent = true
  finished(res)
  if not res.head then return fields end
  local all = {}
  for _, text in ipairs(res.head.fields) do all[#all + 1] = text end
  for _, text in ipairs(fields or {}) do all[#all + 1] = text end
  return all
end

function response.answer(res, status, fields, body)
  fields = begin_whole(res, fields)
  return ended(res, core.respond(res.conn, status, fields, body, closes_behind(res)))
end

-- To HEAD: the head of a body of that size.
function response.answer_head(res, fields, size)
  fields = begin_whole(res, fields)
  local ok, message, code = core.answer(res.conn, 200, fields, size, closes_behind(res))
  if not ok then return nil, message, code end
  return ended(res, core.answer_finish(res.conn))
end

-- With a part of an open file, which is taken over.
function response.answer_file(res, status, fields, file, offset, size)
  fields = begin_whole(res, fields)
  local ok, message, code = core.answer(res.conn, status, fields, size, closes_behind(res))
  if ok then return core.answer_file(res.conn, file, offset, size) end
  file:close()
  return nil, message, code
end

-- Hook of the core: what waited has been written.
core.set_hook("drain", function(conn)
  local res = conn._response
  if res and res.drained then res.drained(res) end
end)

return response
