-- Conditional requests (RFC 9110 section 13): whether the client has what it asks for already, or
-- wants it only as it was. Pure: validators in, a status out.
--
-- `etag` is strong, like '"5-1a"'. `modified` is in seconds since 1970, nil when it is not known.

local http_date = require "lunawire.http_date"

local conditions = {}

local function date(value) return value and http_date.parse(value) end

-- Whether a list of entity tags, or "*", has the tag. A weak one in the list counts if `weak`.
local function has_tag(list, etag, weak)
  if list:find("^%s*%*%s*$") then return true end
  for prefix, tag in list:gmatch('(W?/?)("[^"]*")') do
    if tag == etag and (weak or prefix ~= "W/") then return true end
  end
  return false
end

-- 304 or 412, when that is the answer to a GET or HEAD request; else nil. In the order of section
-- 13.2.2, where a tag makes the date beside it count for nothing.
function conditions.check(headers, etag, modified)
  local match, none_match = headers["if-match"], headers["if-none-match"]
  if match then
    if not has_tag(match, etag, false) then return 412 end
  else
    local since = modified and date(headers["if-unmodified-since"])
    if since and modified > since then return 412 end
  end
  if none_match then return has_tag(none_match, etag, true) and 304 or nil end
  local since = modified and date(headers["if-modified-since"])
  return since and modified <= since and 304 or nil
end

-- Whether a range may be answered: without If-Range, and when it names what there is now. A date
-- only does when the file was left alone for a second after it (section 8.8.2.2); `now` is in
-- seconds since 1970.
function conditions.allow_range(headers, etag, modified, now)
  local value = headers["if-range"]
  if not value then return true end
  if value:find('"', 1, true) then return value == etag end
  return modified ~= nil and modified < now - 1 and date(value) == modified
end

return conditions
