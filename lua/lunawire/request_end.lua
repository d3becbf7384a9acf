-- What is to be done when a request is over: its answer is finished, or the client has gone.

local request_end = {}

-- Calls fn() then, once. One function for each request.
function request_end.set(req, fn)
  rawset(req, "at_end", fn)
  if req.over then return request_end.run(req) end
  req.conn._ending = req -- by which the hook `gone` finds it
end

-- For response.lua.
function request_end.run(req)
  local fn = rawget(req, "at_end")
  if not fn then return end
  rawset(req, "at_end", nil)
  req.conn._ending = nil
  return fn()
end

return request_end
