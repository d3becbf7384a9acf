-- The page that lists a directory, for `listing = true` of ws.files. Pure.

local listing = {}

local entities = { ["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;",
  ["'"] = "&#39;" }

function listing.escape(text) return (text:gsub("[&<>\"']", entities)) end

-- Percent-encodes what is not plain in a segment of a path. "./" in front keeps "a:b" from being
-- read as an address with the scheme a.
local function link(name)
  return "./" .. name:gsub("[^%w%-._~/]", function(char) return ("%%%02X"):format(char:byte()) end)
end

local page = [[
<!DOCTYPE html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>%s</title>
<h1>%s</h1>
<ul>
%s</ul>
</html>
]]

-- Directories first, then by name; a directory's ends with "/".
local function before(a, b)
  local a_is_directory, b_is_directory = a:sub(-1) == "/", b:sub(-1) == "/"
  if a_is_directory ~= b_is_directory then return a_is_directory end
  return a < b
end

-- `path` is shown as the title, as it was sent. Hidden names are left out unless `hidden`.
function listing.page(path, names, hidden, is_top)
  local items = is_top and {} or { "../" }
  for _, name in ipairs(names) do
    if hidden or name:sub(1, 1) ~= "." then items[#items + 1] = name end
  end
  table.sort(items, function(a, b)
    if a == "../" or b == "../" then return a == "../" and b ~= "../" end
    return before(a, b)
  end)
  for i, name in ipairs(items) do
    items[i] = ('<li><a href="%s">%s</a>\n'):format(link(name), listing.escape(name))
  end
  local title = listing.escape(path)
  return page:format(title, title, table.concat(items))
end

return listing
