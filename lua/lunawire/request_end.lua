-- What is to be done when a request is over: its answer is finished, or the client has gone.

local core = require "lunawire.core"

local request_end = {}

-- Calls fn() then, once. One function for each request.
function request_end.set(req, fn)
  local answer = req.answer
  if answer.finished then return fn() end
  answer.at_end, answer.is_plain = fn, false
  answer.conn._ending = answer -- by which the hook `gone` finds it
end

-- For response.lua.
function request_end.run(answer)
  local fn = answer.at_end
  if not fn then return end
  answer.at_end, answer.conn._ending = false, nil
  return fn()
end

-- Nothing more of the request's body comes. Returns what was to hear of that before its end.
function request_end.end_body(req)
  local gone = req.on_body_gone
  req.answer.reader, req.conn._request, req.on_piece, req.on_body_gone = false, nil, nil, nil
  return gone
end

-- The request was answered before the end of its body. Who waits for the body hears so in the next
-- turn of the loop, as no call of a script runs another one. A handler of pieces just gets no more.
function request_end.leave_body(req)
  local gone = request_end.end_body(req)
  if not req.is_waited_for then return end
  core.timer(0, nil, function() return gone("the request is over", "CLOSED") end)
end

-- Hook of the core: the client has gone before its request was answered.
core.set_hook("gone", function(conn, message, code)
  local req, res, ending = conn._request, conn._response, conn._ending
  conn._request, conn._response = nil, nil
  if req and req.on_body_gone then request_end.end_body(req)(message, code) end
  if req and req.closed then req.closed(req, message, code) end
  if res and res.closed then res.closed(res, message, code) end
  if ending then request_end.run(ending) end
end)

return request_end
