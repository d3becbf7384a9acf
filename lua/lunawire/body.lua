-- The body of a request: req:body(), req:chunks() and req:on_body(). Nothing of it is read before
-- one of them asks, and one of them can.

local core = require "lunawire.core"
local misuse = require "lunawire.misuse"
local request_end = require "lunawire.request_end"
local size_of = require "lunawire.size"
local task = require "lunawire.task"

local body = {}

-- Raises unless the request can have a body; returns its answer.
function body.expect(req)
  return req.answer or misuse.raise("a request for an upgrade has no body")
end

-- Asks the core for the body. Calls on_piece(chunk, final) for each piece and on_gone(message,
-- code) when there will be no more. Returns true; false when there is no body; nil, message, code.
local function read(req, limit, whole, on_piece, on_gone)
  local answer = body.expect(req)
  local max = size_of(limit == nil and req.endpoint.max_body or limit)
  if not max then
    misuse.raise("the limit must be a number of bytes or a string like \"64K\", not %s",
      misuse.describe(limit))
  end
  if req.read_before then misuse.raise("the body of this request was asked for before") end
  req.read_before = true
  if answer.finished then return nil, "the request is over", "CLOSED" end
  local conn = req.conn
  if not core.has_body(conn) then
    if conn.state ~= "request" then return nil, "the client has gone", "CLOSED" end
    return false
  end
  local ok, message, code = core.read_body(conn, max, whole)
  if not ok then return nil, message, code end
  req.on_piece, req.on_body_gone = on_piece, on_gone
  answer.reader, answer.is_plain = req, false
  conn._request = req
  return true
end

-- req:body([limit]): all of it, "" when there is none. Waits. Nil, message, code when it cannot be
-- had: the client was told, unless it has gone.
function body.whole(req, limit)
  task.expect_waiting()
  local waiter = task.waiter()
  req.is_waited_for = true
  local ok, message, code = read(req, limit, true,
    function(piece) waiter:wake(piece) end,
    function(...) waiter:wake(nil, ...) end)
  if ok then return waiter:wait() end
  if ok == false then return "" end
  return nil, message, code
end

-- for chunk in req:chunks([limit]) do: the body as it comes. Waits for each. Where the body ends
-- early the loop just ends: req.body_error is then { message, code }.
function body.chunks(req, limit)
  if not task.iterators_wait then
    misuse.raise("Lua 5.1 cannot wait in a for loop: use req:on_body or req:body")
  end
  task.expect_waiting()
  local conn, waiter = req.conn, nil
  req.is_waited_for = true
  local queue, first, last, over = {}, 1, 0, false
  local function put(piece)
    if waiter then
      local waiting = waiter
      waiter = nil
      return waiting:wake(piece)
    end
    last = last + 1
    queue[last] = piece
    conn:pause() -- until it is taken
  end
  local ok, message, code = read(req, limit, false, function(piece, final)
    over = over or final
    if piece ~= "" then return put(piece) end
    if final and waiter then waiter:wake(nil) end
  end, function(...)
    over, req.body_error = true, { ... }
    if waiter then waiter:wake(nil) end
  end)
  if ok == nil then over, req.body_error = true, { message, code } end
  return function()
    if first <= last then
      local piece = queue[first]
      queue[first] = nil
      first = first + 1
      if first > last then conn:resume() end
      return piece
    end
    if over or not ok then return nil end
    waiter = task.waiter()
    return waiter:wait()
  end
end

-- req:on_body(fn[, limit]): calls fn(chunk, final) as it comes, and fn(nil, message, code) when it
-- ends early. Returns the request.
function body.on_body(req, fn, limit)
  misuse.expect("the handler", fn, "function")
  local function gone(message, code) fn(nil, message, code) end
  local ok, message, code = read(req, limit, false, fn, gone)
  if ok == false then
    fn("", true)
  elseif ok == nil then
    gone(message, code)
  end
  return req
end

-- Hooks of the core -----------------------------------------------------------------------------

core.set_hook("body", function(conn, piece, final)
  local req = conn._request
  local on_piece = req.on_piece
  if final then
    request_end.end_body(req)
  end
  return on_piece(piece, final)
end)

return body
