-- The answer to a plain HTTP request: one piece, after which the connection is closed. It may be
-- given when the handler has long returned.

local core = require "lunawire.core"
local headers = require "lunawire.headers"
local misuse = require "lunawire.misuse"

local response = {}

local Response = {}
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

-- Adds a header field. Returns the response.
function Response:header(name, value)
  expect_unsent(self)
  value = headers.check(name, value)
  self.fields[#self.fields + 1] = name
  self.fields[#self.fields + 1] = value
  return self
end

-- Answers. Returns true; or nil, message, code when the peer has gone.
function Response:send(body)
  expect_unsent(self)
  if body == nil then body = "" end
  misuse.expect("the body", body, "string")
  self.sent = true
  return core.respond(self.conn, self.code, self.fields, body)
end

-- The response to the request that waits on a connection. `sent` turns true when it was answered.
function response.new(conn)
  return setmetatable({ conn = conn, code = 200, fields = {}, sent = false }, Response)
end

return response
