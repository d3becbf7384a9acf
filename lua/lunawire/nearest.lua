-- "did you mean ...?": the known name that is the fewest typing mistakes away.

-- How many letters must be inserted, removed, replaced or swapped with their neighbour to turn one
-- word into the other (optimal string alignment: three rows of the usual matrix are enough).
local function distance(a, b)
  local before, above = nil, {}
  for j = 0, #b do above[j] = j end
  for i = 1, #a do
    local row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      local cost = math.min(above[j] + 1, row[j - 1] + 1, above[j - 1] + (same and 0 or 1))
      local swapped = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      row[j] = swapped and math.min(cost, before[j - 2] + 1) or cost
    end
    before, above = above, row
  end
  return above[#b]
end

-- The nearest of `names` (an array), or nil when none is near enough to be what was meant: a few
-- typing mistakes away, or what the word begins with, as in "cert_file".
return function(word, names)
  local best, begin
  local least = math.max(1, math.floor(#word / 3)) + 1
  for _, name in ipairs(names) do
    local mistakes = distance(word:lower(), name)
    if mistakes < least then best, least = name, mistakes end
    if word:sub(1, #name) == name then begin = name end
  end
  return best or begin
end
