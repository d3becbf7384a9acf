-- Chance that is the same everywhere: a number to begin with decides all that follows.
--
--     chance.seed(7)
--     chance.between(1, 6)

local chance = {}

local state = 1

function chance.seed(number)
  state = number % 2147483646 + 1
  for _ = 1, 5 do state = state * 16807 % 2147483647 end
end

-- From first to last.
function chance.between(first, last)
  state = state * 16807 % 2147483647
  return first + math.floor(state / 16) % (last - first + 1)
end

function chance.one_in(n) return chance.between(1, n) == 1 end
function chance.pick(list) return list[chance.between(1, #list)] end

-- Up to `most` of the words, side by side.
function chance.text(words, most)
  local picked = {}
  for i = 1, chance.between(0, most) do picked[i] = chance.pick(words) end
  return table.concat(picked)
end

return chance
