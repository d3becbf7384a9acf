-- Files that are needed in passing, as while a server is set up. Nothing keeps them, so the
-- collector takes them back when they have done their work, and whoever needs one again loads it
-- again. A file that is loaded in passing keeps no state, and loads others of the kind in passing.

local load = require "lunawire.load"

local held = setmetatable({}, { __mode = "v" })

-- passing "options" is what require "lunawire.options" would return.
return function(file)
  local name = "lunawire." .. file
  local value = package.loaded[name] or held[file]
  if not value then
    value = load(file)
    held[file], package.loaded[name] = value, nil
  end
  return value
end
