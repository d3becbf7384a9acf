-- What a form sent: the object that req:form() returns. form_reader.lua fills it.
--
-- form.name is the value that was sent under a name: of several the last. Whatever names a client
-- makes up, the methods stay what they are.

local misuse = require "lunawire.misuse"
local task = require "lunawire.task"

local form = {}

-- Files -----------------------------------------------------------------------------------------

local File = {}
File.__index = File

-- The open temporary file behind each file that was not moved: what scripts see has no such field.
local handles = setmetatable({}, { __mode = "k" })

-- `part`: field, name, type. `handle`: of the core's file, whose path it tells.
function form.new_file(part, handle)
  local file = setmetatable({
    field = part.field, name = part.name, type = part.type, size = 0, path = handle:path(),
  }, File)
  handles[file] = handle
  return file
end

-- Moves it to another path, where it stays. Waits. True, or nil, message, code.
function File:move(path)
  misuse.expect("the path", path, "string")
  local handle = handles[self]
  if not handle then return nil, "the file was moved before, or its request is over", "CLOSED" end
  local waiter = task.waiter()
  handle:move(path, function(...) waiter:wake(...) end)
  local ok, message, code = waiter:wait()
  if not ok then return nil, message, code end
  handles[self], self.path = nil, path
  handle:close()
  return true
end

local function remove(file)
  local handle = handles[file]
  handles[file] = nil
  if handle then handle:close() end
end

-- Forms -----------------------------------------------------------------------------------------

local Form = {} -- its metatable
local methods = {}

-- A form's own: { values = { [name] = { value, ... } }, files = { file, ... } }.
local contents = setmetatable({}, { __mode = "k" })

function Form.__index(self, name)
  if methods[name] then return methods[name] end
  local values = contents[self].values[name]
  return values and values[#values]
end

-- All values of a name, in the order in which they came.
function methods:all(name)
  local values = {}
  for i, value in ipairs(contents[self].values[name] or {}) do values[i] = value end
  return values
end

-- The names that have values, sorted.
function methods:names()
  local names = {}
  for name in pairs(contents[self].values) do names[#names + 1] = name end
  table.sort(names)
  return names
end

-- All files, or those of a name.
function methods:files(name)
  local found = {}
  for _, file in ipairs(contents[self].files) do
    if name == nil or file.field == name then found[#found + 1] = file end
  end
  return found
end

-- The last file of a name, or nil.
function methods:file(name)
  local found = self:files(name)
  return found[#found]
end

form.methods, form.file_methods = methods, File -- for the test of the documentation

function form.new()
  local self = setmetatable({}, Form)
  contents[self] = { values = {}, files = {} }
  return self
end

function form.add_value(self, name, value)
  local values = contents[self].values
  values[name] = values[name] or {}
  table.insert(values[name], value)
end

function form.add_file(self, file) table.insert(contents[self].files, file) end

-- Removes the files that nobody moved.
function form.discard(self)
  for _, file in ipairs(contents[self].files) do remove(file) end
end

return form
