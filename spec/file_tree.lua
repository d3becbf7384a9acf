-- For the specs of files and forms: directories that go away again, and one plain HTTP exchange.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"

local file_tree = {}

local function run(command)
  local status, out, err = helper.run(command)
  assert(status == 0, err)
  return out
end

local Tree = {}
Tree.__index = Tree

-- A new directory with these files: { ["a/b.txt"] = "text", ["empty/"] = true }.
function file_tree.new(files)
  local tree = setmetatable({ path = run({ "mktemp", "-d" }):match("[^\n]+") }, Tree)
  for name, text in pairs(files or {}) do tree:write(name, text) end
  return tree
end

function Tree:of(name) return self.path .. "/" .. name end

function Tree:write(name, text)
  local folder = name:match("^(.*)/")
  if folder then run { "mkdir", "-p", self:of(folder) } end
  if name:sub(-1) == "/" then return end
  local file = assert(io.open(self:of(name), "wb"))
  file:write(text)
  file:close()
end

function Tree:link(name, target) run { "ln", "-s", target, self:of(name) } end

-- Sets when a file was last written: "2001-02-03 04:05:06 UTC".
function Tree:date(name, date) run { "touch", "-d", date, self:of(name) } end

-- Any program with the tree's path behind its arguments.
function Tree:run(...)
  local command = { ... }
  command[#command] = self:of(command[#command])
  return run(command)
end

-- The names in it, sorted.
function Tree:names() return helper.find(("'%s' -mindepth 1"):format(self.path)) end

function Tree:remove() run { "rm", "-rf", self.path } end

-- For after_each: stops the server, if there is one, and removes the tree when nothing uses it.
function Tree:end_with(server)
  if server then server:stop() end
  raw.wait_for_end()
  self:remove()
end

-- An answer as bytes: status, header fields in lower case, body.
function file_tree.parse(bytes)
  local status, head, body = bytes:match("^HTTP/1%.1 (%d+) [^\r]*\r\n(.-\r\n)\r\n(.*)$")
  local fields = {}
  for name, value in (head or ""):gmatch("([^:]+): ([^\r]*)\r\n") do
    fields[name:lower()] = value
  end
  return tonumber(status), fields, body
end

-- Sends one request with more header lines and returns what file_tree.parse does.
function file_tree.ask(port, first_line, more, body)
  local peer = raw.connect(port)
  peer:send(("%s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n%s\r\n%s"):format(
    first_line, more or "", body or ""))
  local bytes = peer:read_all()
  peer:close()
  return file_tree.parse(bytes)
end

return file_tree
