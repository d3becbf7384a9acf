-- What is in a directory that is served: looked at by the core, in a thread of its own, and
-- remembered for a second, with the content of small files. After that it is looked at again, and
-- read again if it has changed.
--
-- An entry is what one path stands for:
--   identity, gzip   representations: the file as it is and its compressed sibling, which may be
--                    missing
--   is_directory     the path lacks the slash behind it
--   checked          when it was looked at
--
-- A representation:
--   name, size, stamp, etag
--   modified         seconds since 1970; nil when that is still to come, with a wrong clock
--   coding           "gzip" of a compressed sibling
--   content          of a small file

local cache = require "lunawire.cache"
local core = require "lunawire.core"
local file_path = require "lunawire.file_path"
local task = require "lunawire.task"

local file_store = {}

local WHOLE_MAX = 64 * 1024 -- bytes up to which a file is small
local FRESH = 1 -- seconds for which an entry is taken to be true
local ENTRY_COST = 2048 -- bytes that an entry takes besides contents, or more

local Store = {}
Store.__index = Store

-- `o`: index, hidden, gzip, cache as the options of ws.files have them.
function file_store.new(root, o)
  return setmetatable({
    root = root, index = o.index, hidden = o.hidden, gzip = o.gzip,
    entries = cache.new(o.cache),
  }, Store)
end

-- Starts to look at a file; returns what to wait for. wait() returns what was found, or nil,
-- message, code.
local function look(self, name, stamp)
  local waiter = task.waiter()
  core.file_open(self.root, name, WHOLE_MAX, stamp, function(...) waiter:wake(...) end)
  return waiter
end

-- The representation that was found; the one from before when it is still the same.
local function representation(name, found, coding, before)
  if found.is_unchanged then return before end
  return {
    name = name, size = found.size, stamp = found.stamp, content = found.content,
    etag = ('"%x-%d.%d%s"'):format(found.size, found.modified, found.modified_ns,
      coding and "-" .. coding or ""),
    coding = coding,
    modified = found.modified <= os.time() and found.modified or nil,
  }
end

local function close(found)
  if found and found.file then found.file:close() end
end

-- A sibling that is older than its file is a rest of an earlier one.
local function is_current(sibling, found)
  if not sibling or sibling.is_directory then return false end
  return sibling.modified > found.modified
    or sibling.modified == found.modified and sibling.modified_ns >= found.modified_ns
end

local function new_entry(name, found, sibling, before)
  local entry = { checked = core.now(), is_directory = found.is_directory }
  if found.is_directory then return entry end
  entry.identity = representation(name, found, nil, before.identity)
  if is_current(sibling, found) then
    entry.gzip = representation(name .. ".gz", sibling, "gzip", before.gzip)
  end
  return entry
end

local function cost_of(entry)
  local cost = ENTRY_COST
  for _, which in ipairs { "identity", "gzip" } do
    local content = entry[which] and entry[which].content
    if content then cost = cost + #content end
  end
  return cost
end

local function stamp_of(one) return one and one.content and one.stamp end

-- Looks at a file and its compressed sibling at the same time. Returns an entry, or nil, message,
-- code.
local function look_at_both(self, name, before)
  local looking = look(self, name, stamp_of(before.identity))
  local looking_beside = self.gzip and look(self, name .. ".gz", stamp_of(before.gzip))
  local found, message, code = looking:wait()
  local sibling = looking_beside and looking_beside:wait()
  close(found)
  close(sibling)
  if not found then return nil, message, code end
  return new_entry(name, found, sibling, before)
end

local function is_fresh(entry)
  return entry.is_being_checked or core.now() - entry.checked < FRESH
end

-- What is known of a path without looking, if that is fresh; else nil.
function Store:recent(path)
  local entry = path and self.entries:get(path)
  return entry and is_fresh(entry) and entry or nil
end

-- What the path stands for, as it was sent and relative to the directory; or nil, message, code.
function Store:find(path)
  local before = self.entries:get(path)
  if before and is_fresh(before) then return before end
  local name = file_path.clean(path, self.hidden)
  if not name then return nil, "the path names no file", "ENOENT" end
  if name == "" or name:sub(-1) == "/" then name = name .. self.index end
  if before then before.is_being_checked = true end -- one look is enough for all who ask meanwhile
  local entry, message, code = look_at_both(self, name, before or {})
  if before then before.is_being_checked = false end
  if not entry then
    self.entries:remove(path)
    return nil, message, code
  end
  self.entries:put(path, entry, cost_of(entry))
  return entry
end

-- A representation's file to be sent from: what was found now, with a file or a content; or nil,
-- message, code. The representation may be another one by now, so that one is returned second.
function Store:open(one)
  local found, message, code = look(self, one.name):wait()
  if not found then return nil, message, code end
  if found.is_directory then return nil, "there is a directory now", "ENOENT" end
  return found, representation(one.name, found, one.coding)
end

return file_store
