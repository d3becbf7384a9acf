-- The Range field (RFC 9110 section 14.2). Pure: a text and a size in, positions out.

local ranges = {}

-- What to send of `size` bytes: the first and the last position, counted from 0; nil for all of
-- them; nil, true when there is nothing at the positions that were asked for.
--
-- Several ranges at once get all of the bytes, as the RFC allows. No browser asks for them, the
-- answer would be longer than its parts, and with many that overlap a short request would make a
-- server send far more than there is.
function ranges.find(value, size)
  local range = value:match("^%s*[Bb][Yy][Tt][Ee][Ss]=%s*(%d*%-%d*)%s*$")
  if not range then return nil end
  local first, last = range:match("^(%d*)%-(%d*)$")
  first, last = tonumber(first), tonumber(last)
  if first then
    if last and last < first then return nil end
    if first >= size then return nil, true end
    return first, math.min(last or size, size - 1)
  end
  if not last then return nil end
  if last == 0 then return nil, true end
  if size == 0 then return nil end -- "the last bytes" of nothing are all of it
  return math.max(size - last, 0), size - 1
end

return ranges
