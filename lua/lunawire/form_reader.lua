-- req:form(options): reads a form, urlencoded or multipart/form-data (RFC 7578).
--
-- Values are kept in memory. Files go to temporary files, or to a function of the script's, as they
-- come. They are written by the core in a thread of its own, because a disk that is busy lets a
-- writer wait for seconds; until a piece is written no more is read, and TCP holds the client back.

local body = require "lunawire.body"
local core = require "lunawire.core"
local form = require "lunawire.form"
local form_parts = require "lunawire.form_parts"
local misuse = require "lunawire.misuse"
local multipart = require "lunawire.multipart"
local options = require "lunawire.options"
local parameters = require "lunawire.parameters"
local request_end = require "lunawire.request_end"
local task = require "lunawire.task"

local form_reader = {}

-- Small pieces are gathered up to this many bytes before they are written: each way to the other
-- thread costs as much as writing several KiB.
local GATHER = 64 * 1024

-- Failures --------------------------------------------------------------------------------------

local statuses = { FORM = 400, FORM_TOO_LARGE = 413, FORM_TYPE = 415 }

-- What is wrong with a form travels up as nil, message, code.
local function malformed(message) return nil, message, "FORM" end
local function too_large(message) return nil, message, "FORM_TOO_LARGE" end

-- What takes a part's content ---------------------------------------------------------------------
--
-- Each taker is a function (bytes, final) that returns true, or nil, message, code.

local function value_taker(reader, name)
  local pieces, size = {}, 0
  return function(bytes, final)
    size = size + #bytes
    if size > reader.limits.max_field then return too_large("a value of the form is too long") end
    pieces[#pieces + 1] = bytes
    if final then form.add_value(reader.form, name, table.concat(pieces)) end
    return true
  end
end

-- The request may be over after each wait: the files are closed then.
local function gone() return nil, "the request is over", "CLOSED" end

local function create(reader)
  local waiter = task.waiter()
  core.file_create(reader.limits.directory, function(...) waiter:wake(...) end)
  local handle, message, code = waiter:wait()
  if not handle then return nil, message, code end
  if not reader.is_over then return handle end
  handle:close()
  return gone()
end

local function write(reader, handle, pieces)
  local waiter = task.waiter()
  handle:write(table.concat(pieces), function(...) waiter:wake(...) end)
  local ok, message, code = waiter:wait()
  if reader.is_over then return gone() end
  return ok, message, code
end

local function file_taker(reader, part)
  local handle, message, code = create(reader)
  if not handle then return nil, message, code end
  local file = form.new_file(part, handle)
  form.add_file(reader.form, file)
  local pieces, gathered = {}, 0
  return function(bytes, final)
    file.size = file.size + #bytes
    pieces[#pieces + 1], gathered = bytes, gathered + #bytes
    if gathered >= GATHER or final and gathered > 0 then
      local ok, why, which = write(reader, handle, pieces)
      if not ok then return nil, why, which end
      pieces, gathered = {}, 0
    end
    if final then handle:finish() end
    return true
  end
end

local function nothing() return true end

local function script_taker(on_file, part)
  local take = on_file(part)
  if take == nil then return nothing end
  misuse.expect("what on_file returns", take, "function")
  return function(bytes, final)
    take(bytes, final)
    return true
  end
end

-- Refuses what is over a file's limit.
local function limited(reader, taker)
  local size = 0
  return function(bytes, final)
    size = size + #bytes
    if size > reader.limits.max_file then return too_large("a file of the form is too large") end
    return taker(bytes, final)
  end
end

-- What takes the part that begins, or nil, message, code. Browsers send a file without a name and
-- content where none was chosen.
local function taker_of(reader, fields)
  reader.count = reader.count + 1
  if reader.count > reader.limits.max_fields then
    return too_large("the form has too many parts")
  end
  local part, message = form_parts.describe(fields)
  if not part then return malformed(message) end
  if not part.file_name then return value_taker(reader, part.name) end
  if part.file_name == "" then return limited(reader, nothing) end
  local described = {
    field = part.name, name = form_parts.base_name(part.file_name), type = part.type,
  }
  local on_file = reader.limits.on_file
  local taker, why, code
  if on_file then
    taker = script_taker(on_file, described)
  else
    taker, why, code = file_taker(reader, described)
  end
  if not taker then return nil, why, code end
  return limited(reader, taker)
end

-- Multipart -------------------------------------------------------------------------------------

local events = {}

function events.part(reader, fields)
  local taker, message, code = taker_of(reader, fields)
  reader.taker = taker
  return taker and true, message, code
end

function events.data(reader, bytes) return reader.taker(bytes, false) end
function events.end_of_part(reader) return reader.taker("", true) end
events["end"] = nothing
function events.broken(_, message) return malformed(message) end

local function read_multipart(reader, req, boundary)
  local parser = multipart.new(boundary or "")
  if not parser then return malformed("the form has no valid boundary") end
  for chunk in req:chunks(reader.limits.max_total) do
    parser:feed(chunk)
    for event, value in parser.next, parser do
      local ok, message, code = events[event](reader, value)
      if not ok then return nil, message, code end
    end
  end
  if req.body_error then return nil, req.body_error[1], req.body_error[2] end
  if not parser:is_over() then return malformed("the form ends without its last boundary") end
  return true
end

-- Urlencoded ------------------------------------------------------------------------------------

local function read_urlencoded(reader, req)
  local limits = reader.limits
  local text, message, code = req:body(math.min(limits.max_total, 16 * limits.max_field))
  if not text then return nil, message, code end
  for pair in text:gmatch("[^&]+") do
    local name, value = pair:match("^([^=]*)=?(.*)$")
    reader.count = reader.count + 1
    if reader.count > limits.max_fields then return too_large("the form has too many values") end
    if #value > limits.max_field then return too_large("a value of the form is too long") end
    form.add_value(reader.form, form_parts.decode(name), form_parts.decode(value))
  end
  return true
end

-- Both --------------------------------------------------------------------------------------------

local function read(reader, req)
  local kind, given = parameters.parse(req.headers["content-type"] or "")
  if kind == "multipart/form-data" then return read_multipart(reader, req, given.boundary) end
  if kind == "application/x-www-form-urlencoded" then return read_urlencoded(reader, req) end
  return nil, "the request has no form: its type is neither multipart/form-data nor "
    .. "application/x-www-form-urlencoded", "FORM_TYPE"
end

-- The client is told of what is its fault, unless the core has done so. The connection ends behind
-- the answer: what is left of the form is not worth reading.
local function refuse(req, message, code)
  if not req.answer.finished and statuses[code] then
    core.respond(req.conn, statuses[code], nil, message .. "\n", true)
  end
end

-- req:form([options]): waits for all of it. Nil, message, code when it cannot be had: the client
-- was told, unless it has gone.
function form_reader.read(req, given)
  local limits = options.check("form", given == nil and {} or given)
  task.expect_waiting()
  body.expect(req)
  local reader = { form = form.new(), limits = limits, count = 0, taker = nil, is_over = false }
  request_end.set(req, function()
    reader.is_over = true
    form.discard(reader.form)
  end)
  local ok, message, code = read(reader, req)
  if ok then return reader.form end
  form.discard(reader.form)
  refuse(req, message, code)
  return nil, message, code
end

return form_reader
