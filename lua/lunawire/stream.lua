-- conn:stream(kind, options): one message, sent in fragments as they come to be known.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"

local stream = {}

local Writer = {}
Writer.__index = Writer

-- What is refused is not sent: the writer is as it was before, so that something else may be tried.
local function tell(writer, kind, accepted, ...)
  if accepted == nil then writer.kind, writer.finished = kind, false end
  return accepted, ...
end

local function fragment(writer, data, final)
  if writer.finished then misuse.raise("this message is finished") end
  misuse.expect("a chunk", data, "string")
  local kind = writer.kind
  writer.kind, writer.finished = nil, final -- only the first fragment tells the kind
  return tell(writer, kind, core.fragment(writer.conn, kind, data, final, writer.options))
end

-- Sends a piece of the message. Returns what send returns.
function Writer:write(chunk) return fragment(self, chunk, false) end

-- Ends the message, with a last piece if one is given. Returns what send returns.
function Writer:finish(chunk) return fragment(self, chunk == nil and "" or chunk, true) end

-- conn:stream([kind [, { compress = boolean }]])
function stream.new(conn, kind, options)
  misuse.expect_self(conn, "conn:stream()")
  kind = kind == nil and "text" or kind
  if kind ~= "text" and kind ~= "binary" then
    misuse.raise('the kind must be "text" or "binary", not %s', tostring(kind))
  end
  return setmetatable({ conn = conn, kind = kind, options = options, finished = false }, Writer)
end

return stream
