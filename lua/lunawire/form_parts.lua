-- What the parts of a form are: their names, and which of them are files. Pure.

local core = require "lunawire.core"
local parameters = require "lunawire.parameters"

local form_parts = {}

local NAME_MAX = 255 -- bytes of a file name: what file systems take

-- Browsers write these three, and no others, percent-encoded into names.
local encoded = { ["%22"] = '"', ["%0D"] = "\r", ["%0A"] = "\n", ["%0d"] = "\r", ["%0a"] = "\n" }

local function decode_name(name)
  return (name:gsub("%%%x%x", encoded))
end

-- The last part of a path in the way of any system, without control characters and not too long.
-- It may still be any name at all: a file that is kept should get a name of our own.
function form_parts.base_name(name)
  name = name:gsub("^.*[/\\]", ""):gsub("[%c\127]", "")
  if #name > NAME_MAX then -- its end tells what kind of file it is; not from inside a character
    name = name:sub(-NAME_MAX):gsub("^[\128-\191]+", "")
  end
  if name == "" or name == "." or name == ".." then return "unnamed" end
  return name
end

-- What the fields of a part's head say: { name, file_name, type }, where file_name is nil unless it
-- is a file; or nil, message.
function form_parts.describe(fields)
  local disposition = fields["content-disposition"]
  local kind, given = parameters.parse(disposition or "")
  if kind ~= "form-data" or not given.name then
    return nil, "a part of the form has no name"
  end
  local encoding = (fields["content-transfer-encoding"] or "binary"):lower()
  if encoding ~= "binary" and encoding ~= "8bit" and encoding ~= "7bit" then
    return nil, "a part of the form is encoded in a way that is not used any more"
  end
  return {
    name = decode_name(given.name),
    file_name = given.filename and decode_name(given.filename),
    type = fields["content-type"],
  }
end

-- A name or a value of "a=1&b=2": "+" is a space. What is malformed stays as it was sent.
function form_parts.decode(text)
  text = text:gsub("%+", " ")
  return core.decode(text) or text
end

return form_parts
