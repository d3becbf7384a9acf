-- What is to be done when a request is over: its answer is finished, or the client has gone.

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

return request_end
