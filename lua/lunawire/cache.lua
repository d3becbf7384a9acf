-- A bounded memory: what was not asked for the longest is forgotten, roughly.
--
-- It keeps two tables. What is new or asked for goes into the young one; when that is full the old
-- one is forgotten and the young one becomes the old. That is as good as an exact order for our
-- purpose, and costs one look-up.

local cache = {}

local Cache = {}
Cache.__index = Cache

-- For values of at most so much cost in all.
function cache.new(max)
  return setmetatable({ half = max / 2, young = {}, old = {}, used = 0 }, Cache)
end

-- The value of a key, or nil.
function Cache:get(key)
  local item = self.young[key]
  if item then return item.value end
  item = self.old[key]
  if not item then return nil end
  self:put(key, item.value, item.cost)
  return item.value
end

-- Forgets a key.
function Cache:remove(key)
  local item = self.young[key]
  if item then self.used = self.used - item.cost end
  self.young[key], self.old[key] = nil, nil
end

-- Remembers a value, unless it alone costs more than half of what there is room for.
function Cache:put(key, value, cost)
  self:remove(key)
  if cost > self.half then return end
  if self.used + cost > self.half then
    self.old, self.young, self.used = self.young, {}, 0
  end
  self.young[key] = { value = value, cost = cost }
  self.used = self.used + cost
end

return cache
