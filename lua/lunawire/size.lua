-- Sizes as scripts write them.

local units = { [""] = 1, K = 1024, M = 1024 ^ 2, G = 1024 ^ 3, T = 1024 ^ 4 }

-- Bytes of 65536, "65536" or "64K"; nil when it is not a size.
return function(value)
  if type(value) == "string" then
    local digits, unit = value:match("^(%d+%.?%d*)([KMGT]?)$")
    value = digits and tonumber(digits) * units[unit]
  end
  if type(value) == "number" and value >= 0 and value < 2 ^ 53 then return math.floor(value) end
end
