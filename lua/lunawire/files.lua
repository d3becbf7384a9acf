-- ws.files(directory, options): a route that serves the files of a directory. What there is, is
-- seen to by file_store.lua; here it is decided what a request gets of it (RFC 9110).

local conditions = require "lunawire.conditions"
local core = require "lunawire.core"
local file_path = require "lunawire.file_path"
local file_store = require "lunawire.file_store"
local headers = require "lunawire.headers"
local http_date = require "lunawire.http_date"
local listing = require "lunawire.listing"
local media_types = require "lunawire.media_types"
local misuse = require "lunawire.misuse"
local parameters = require "lunawire.parameters"
local passing = require "lunawire.passing"
local ranges = require "lunawire.ranges"
local response = require "lunawire.response"
local task = require "lunawire.task"

local files = {}

local Files = {}
Files.__index = Files

-- Answers without a file ------------------------------------------------------------------------

local texts = {
  [301] = "this is a directory: its address ends with a slash\n",
  [403] = "this file may not be read\n",
  [404] = "there is nothing here\n",
  [405] = "files can only be read\n",
  [412] = "the file is not as the request demands\n",
  [416] = "the file has no such range\n",
  [500] = "something went wrong here\n",
}

local function refuse(res, status, fields)
  return response.answer(res, status, fields, texts[status])
end

local statuses = {
  ENOENT = 404, ENOTDIR = 404, ELOOP = 404, ENAMETOOLONG = 404, EACCES = 403, EPERM = 403,
  ENXIO = 404, -- a socket
}

-- Tells the client that there is nothing to be had. What is no matter of the request is reported.
local function refuse_for(res, message, code)
  if not statuses[code] then core.report(("ws.files: %s (%s)"):format(message, code)) end
  return refuse(res, statuses[code] or 500)
end

-- To the same address with a slash behind it. Written relative to the request's, it can lead to no
-- other host, whatever the path looks like.
local function redirect(req, res)
  local query = req.query_string and "?" .. req.query_string or ""
  return refuse(res, 301, { "Location", "./" .. req.path:match("[^/]*$") .. "/" .. query })
end

-- Header fields ---------------------------------------------------------------------------------

local function append(fields, name, value)
  if not value then return end
  fields[#fields + 1] = name
  fields[#fields + 1] = value
end

local function type_of(self, name)
  local extension = (name:match("%.([^./]+)$") or ""):lower()
  return self.types[extension] or media_types[extension] or "application/octet-stream"
end

-- Of every answer about a representation; in `whole` also what only one with content needs.
local function prepare_fields(self, entry, one)
  local brief = {}
  append(brief, "ETag", one.etag)
  append(brief, "Last-Modified", one.modified and http_date.format(one.modified))
  append(brief, "Cache-Control", self.cache_control)
  append(brief, "Vary", entry.gzip and "Accept-Encoding")
  for i = 1, #self.fields, 2 do append(brief, self.fields[i], self.fields[i + 1]) end
  local whole = { "Content-Type", type_of(self, entry.identity.name) }
  append(whole, "Content-Encoding", one.coding)
  append(whole, "Accept-Ranges", "bytes")
  append(whole, "X-Content-Type-Options", "nosniff")
  for _, text in ipairs(brief) do whole[#whole + 1] = text end
  one.brief, one.whole, one.varies = brief, whole, entry.gzip ~= nil
end

-- Answers with a file ---------------------------------------------------------------------------

-- What may stand in a request's head that matters here: If-*, Range, Accept-Encoding. One search
-- finds out that none does, where reading all fields would take longer than the rest.
local MATTERS = "\r\n[IiRrAa][FfAaCc]"

local function takes_gzip(req)
  return req.head:find(MATTERS) and parameters.accepts(req.headers["accept-encoding"], "gzip")
end

-- The status of the answer, and for 206 the first and the last position, counted from 0.
local function decide(req, one)
  if not req.head:find(MATTERS) then return 200 end
  local given = req.headers
  local status = conditions.check(given, one.etag, one.modified)
  if status then return status end
  if not given.range or req.method ~= "GET"
    or not conditions.allow_range(given, one.etag, one.modified, os.time()) then
    return 200
  end
  local first, last = ranges.find(given.range, one.size)
  if first then return 206, first, last end
  return last and 416 or 200
end

local function with(fields, name, value)
  local longer = { name, value }
  for _, text in ipairs(fields) do longer[#longer + 1] = text end
  return longer
end

-- Sends what was decided on: from memory, or from the file, which is taken over.
local function send(req, res, one, file)
  local status, first, last = decide(req, one)
  local has_body = (status == 200 or status == 206) and req.method == "GET"
  local fields, size = one.whole, one.size
  if status == 206 then
    fields = with(fields, "Content-Range", ("bytes %d-%d/%d"):format(first, last, size))
    size = last - first + 1
  end
  if has_body and file then
    return response.answer_file(res, status, fields, file, first or 0, size)
  end
  if file then file:close() end
  if status == 200 or status == 206 then
    local content = one.content
    if not content or req.method == "HEAD" then return response.answer_head(res, fields, size) end
    return response.answer(res, status, fields, first and content:sub(first + 1, last + 1)
      or content)
  elseif status == 416 then
    return refuse(res, 416, { "Content-Range", ("bytes */%d"):format(size) })
  elseif status == 412 then
    return refuse(res, 412)
  end
  return response.answer(res, status, one.brief, "")
end

-- What is not in memory is decided about when it is open, so that the header and the content belong
-- together whatever is done to the file meanwhile.
local function send_entry(self, req, res, entry)
  local one, file = entry.identity, nil
  if entry.gzip and takes_gzip(req) then one = entry.gzip end
  if not one.content then
    local found, opened, code = self.store:open(one)
    if not found then return refuse_for(res, opened, code) end
    one, file = opened, found.file
  end
  if one.varies ~= (entry.gzip ~= nil) then prepare_fields(self, entry, one) end
  return send(req, res, one, file)
end

-- Answers without a file of that name -------------------------------------------------------------

local function list(self, req, res, path)
  local waiter = task.waiter()
  local name = file_path.clean(path, self.hidden)
  core.file_list(self.root, name, function(...) waiter:wake(...) end)
  local names, message, code = waiter:wait()
  if not names then return refuse_for(res, message, code) end
  local page = listing.page(req.path, names, self.hidden, path == "")
  return response.answer(res, 200, { "Content-Type", "text/html; charset=utf-8" }, page)
end

-- Answers with what is at a path relative to the directory, percent-encoded as in a request.
local function answer(self, req, res, path)
  if req.method ~= "GET" and req.method ~= "HEAD" then
    return refuse(res, 405, { "Allow", "GET, HEAD" })
  end
  local entry, message, code = self.store:find(path)
  if not entry then
    local may_list = self.listing and code == "ENOENT" and (path == "" or path:sub(-1) == "/")
    if may_list and file_path.clean(path, self.hidden) then return list(self, req, res, path) end
    return refuse_for(res, message, code)
  end
  if not entry.is_directory then return send_entry(self, req, res, entry) end
  if path:sub(-1) == "/" or path == "" then return refuse(res, 404) end -- the index is a directory
  return redirect(req, res)
end

-- The public side ---------------------------------------------------------------------------------

-- In a handler of the script's own: public(req, res, "reports/2024.pdf"). The path is relative to
-- the directory and not encoded.
function Files:__call(req, res, path)
  misuse.expect("the path", path, "string")
  return answer(self, req, res, (path:gsub("%%", "%%25")))
end

-- The handler of a route of which the first segments lead to the directory.
local function handler_below(self, depth)
  return function(req, res)
    local path = file_path.below(req.path, depth)
    if not path then return redirect(req, res) end
    return answer(self, req, res, path)
  end
end

-- The same for what most requests are: GET without conditions, for a file that is in memory. It
-- needs no request, no response and no waiting. Returns false for all others.
local function shortcut_below(self, depth)
  local store = self.store
  return function(conn, head, method, path)
    if method ~= "GET" or head:find(MATTERS) then return false end
    local entry = store:recent(file_path.below(path, depth))
    local one = entry and entry.identity
    if not one or not one.content or not one.whole then return false end
    core.respond(conn, 200, one.whole, one.content)
    return true
  end
end

-- For dispatch.lua: what the route stands for; nil when its value is none of ours.
function files.endpoint_of(value, text)
  if getmetatable(value) ~= Files then return nil end
  local above = text:match("/.*$"):gsub("%*[^/]*$", ""):gsub("/$", "")
  local _, depth = above:gsub("/", "")
  return {
    text = text, max_body = 0, serves_below = true,
    handler = handler_below(value, depth), shortcut = shortcut_below(value, depth),
  }
end

-- ws.files(directory [, options])
function files.new(directory, given)
  misuse.expect("the directory", directory, "string")
  if not core.is_directory(directory) then
    misuse.raise("there is no directory '%s' to serve files from", directory)
  end
  local o = passing "options".check("files", given or {})
  local types = {}
  for extension, kind in pairs(o.types or {}) do
    if type(extension) ~= "string" then
      misuse.raise("types must be like { md = \"text/plain\" }")
    end
    types[extension:lower()] = headers.check("Content-Type", kind)
  end
  return setmetatable({
    root = directory, hidden = o.hidden, listing = o.listing, types = types,
    cache_control = o.cache_control and headers.check("Cache-Control", o.cache_control),
    fields = headers.to_array(o.headers or {}),
    store = file_store.new(directory, o),
  }, Files)
end

return files
