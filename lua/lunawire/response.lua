-- The answer to a plain HTTP request. It may be given when the handler has long returned: whole,
-- in pieces, or as a stream of events that never ends.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local misuse = require "lunawire.misuse"
local request_end = require "lunawire.request_end"

local response = {}

-- What a response is at first. `sent` turns true when its head is on its way, `finished` with its
-- last byte.
local Response = { code = 200, sent = false, finished = false }
Response.__index = Response

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
  self.code = response.check_status(status)
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
  res.length = length
end

function framing.connection(res, value)
  if type(value) ~= "string" or value:lower() ~= "close" then
    misuse.raise("the header field Connection can be \"close\" and nothing else")
  end
  res.closes = true
end

-- Adds a header field. Returns the response.
function Response:header(name, value)
  expect_unsent(self)
  local frame = type(name) == "string" and framing[name:lower()]
  if frame then
    frame(self, value)
    return self
  end
  value = headers.check(name, value)
  local fields = self.fields or {}
  self.fields = fields
  fields[#fields + 1] = name
  fields[#fields + 1] = value
  return self
end

local function begin(res, length)
  res.sent = true
  return core.answer(res.conn, res.code, res.fields, length, res.closes)
end

-- From here on neither may touch the connection, which may belong to another request.
local function finished(res)
  res.finished = true
  res.request.over = true
  if res.is_known then res.conn._response = nil end
  return request_end.run(res.request)
end

-- For a handler that threw: the answer will not be finished by the script.
response.finished = finished

-- Answers. Returns true; or nil, message, code when the peer has gone.
function Response:send(body)
  expect_unsent(self)
  if body == nil then body = "" end
  misuse.expect("the body", body, "string")
  if self.length then return self:finish(body) end
  self.sent = true
  finished(self)
  return core.respond(self.conn, self.code, self.fields, body, self.closes)
end

-- Sends a piece of the body. True; false when it is accepted and more than high_water waits (in a
-- coroutine it waits instead); nil, message, code when the client has gone.
function Response:write(chunk)
  if self.finished then misuse.raise("this answer is finished") end
  misuse.expect("a chunk", chunk, "string")
  if not self.sent then
    local ok, message, code = begin(self, self.length)
    if not ok then return nil, message, code end
  end
  return core.answer_write(self.conn, chunk)
end

-- Ends the answer, with a last piece if one is given. Returns true; or nil, message, code.
function Response:finish(chunk)
  if self.finished then misuse.raise("this answer is finished") end
  if chunk ~= nil then misuse.expect("a chunk", chunk, "string") end
  if not self.sent and not self.length then return self:send(chunk) end
  local ok, message, code = true, nil, nil
  if not self.sent then ok, message, code = begin(self, self.length) end
  if ok and chunk then ok, message, code = core.answer_write(self.conn, chunk) end
  finished(self)
  if ok == nil then return nil, message, code end
  return core.answer_finish(self.conn)
end

-- Makes the core's hooks find the response.
local function known(res)
  if not res.finished then
    res.is_known = true
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

local function begin_whole(res, fields)
  expect_unsent(res)
  res.sent = true
  finished(res)
  if not res.fields then return fields end
  local all = {}
  for _, text in ipairs(res.fields) do all[#all + 1] = text end
  for _, text in ipairs(fields or {}) do all[#all + 1] = text end
  return all
end

function response.answer(res, status, fields, body)
  fields = begin_whole(res, fields)
  return core.respond(res.conn, status, fields, body, res.closes)
end

-- To HEAD: the head of a body of that size.
function response.answer_head(res, fields, size)
  fields = begin_whole(res, fields)
  local ok, message, code = core.answer(res.conn, 200, fields, size, res.closes)
  if not ok then return nil, message, code end
  return core.answer_finish(res.conn)
end

-- With a part of an open file, which is taken over.
function response.answer_file(res, status, fields, file, offset, size)
  fields = begin_whole(res, fields)
  local ok, message, code = core.answer(res.conn, status, fields, size, res.closes)
  if ok then return core.answer_file(res.conn, file, offset, size) end
  file:close()
  return nil, message, code
end

-- The answer that a connection waits for. `route` is the text of the route that the request took.
function response.new(conn, request, route)
  return setmetatable({ conn = conn, request = request, route = route }, Response)
end

-- Hooks of the core -----------------------------------------------------------------------------

core.set_hook("drain", function(conn)
  local res = conn._response
  if res and res.drained then res.drained(res) end
end)

core.set_hook("gone", function(conn, message, code)
  local req, res, ending = conn._request, conn._response, conn._ending
  conn._request, conn._response = nil, nil
  if req and req.on_body_gone then req.on_body_gone(message, code) end
  if res and res.closed then res.closed(res, message, code) end
  if ending then request_end.run(ending) end
end)

return response
