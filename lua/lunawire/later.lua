-- Functions of files that many scripts never need: they are loaded by the first call, so that a
-- small script starts fast, and Lua's collector has little to look at while it runs.

local load = require "lunawire.load"

-- later("files.new") is a function that does what `new` of files.lua does. `install(fn)` puts fn
-- itself where the next caller finds it directly.
local function later(place, install)
  local fn
  return function(...)
    if not fn then
      local file, name = place:match("^(.*)%.(.*)$")
      fn = load(file)[name]
      if install then install(fn) end
    end
    return fn(...)
  end
end

return later
