-- From the path of a request to the name of a file. Pure: it looks at no disk.

local core = require "lunawire.core"

local file_path = {}

local is_windows = package.config:sub(1, 1) == "\\"

-- A segment that names exactly one thing in its directory, on every system that we may run on.
local function is_plain(segment)
  return segment ~= "" and segment ~= "." and segment ~= ".."
    and not segment:find("[/\\%z]") and not (is_windows and segment:find("[:%c]"))
end

-- The relative name that a part of a path stands for, as it was sent: percent-encoding is decoded
-- once, in each segment for itself, so that an encoded slash or ".." never becomes one. It ends
-- with "/" where the path did. Nil when the path can name no file, or names a hidden one (its own
-- name or a directory's begins with a dot) while these are not wanted.
function file_path.clean(path, hidden)
  if path == "" then return "" end
  local segments = {}
  local body, slash = path:match("^(.-)(/?)$")
  for segment in (body .. "/"):gmatch("([^/]*)/") do
    if segment:find("%", 1, true) then segment = core.decode(segment) end
    if not segment or not is_plain(segment) then return nil end
    if segment:sub(1, 1) == "." and not hidden then return nil end
    segments[#segments + 1] = segment
  end
  return table.concat(segments, "/") .. slash
end

-- What follows the first `depth` segments of an absolute path, as it was sent; nil when there are
-- fewer. below("/a/b/c", 1) is "b/c", below("/a", 1) is nil, below("/a/", 1) is "".
function file_path.below(path, depth)
  local from = 1
  for _ = 1, depth do
    from = path:find("/", from + 1, true)
    if not from then return nil end
  end
  return path:sub(from + 1)
end

return file_path
