-- Dates as HTTP writes them (RFC 9110 section 5.6.7). Times are seconds since 1970, UTC.

local http_date = {}

-- Written out here, because those of os.date are in the language of the machine.
local weekdays = { "Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat" }
local months = { "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov",
  "Dec" }

local month_of = {}
for number, name in ipairs(months) do month_of[name] = number end

local LATEST = 253402300799 -- the end of the year 9999: the last that has four digits

-- "Sun, 06 Nov 1994 08:49:37 GMT"; nil when the time cannot be written like this.
function http_date.format(time)
  if not (time >= 0 and time <= LATEST) then return nil end
  local t = os.date("!*t", time)
  return ("%s, %02d %s %04d %02d:%02d:%02d GMT"):format(
    weekdays[t.wday], t.day, months[t.month], t.year, t.hour, t.min, t.sec)
end

-- Days from 1970-01-01 to a date. Years begin in March here, so that the leap day is their last.
local function days_to(year, month, day)
  if month <= 2 then year, month = year - 1, month + 12 end
  local leap_days = math.floor(year / 4) - math.floor(year / 100) + math.floor(year / 400)
  return 365 * year + leap_days + math.floor((153 * (month - 3) + 2) / 5) + day - 719469
end

-- Two digits stand for the year that is at most 50 years ahead (RFC 9110 section 5.6.7).
local function full_year(digits)
  local year = tonumber(digits)
  if #digits > 2 then return year end
  local now = tonumber(os.date("!%Y"))
  year = year + now - now % 100
  return year > now + 50 and year - 100 or year
end

local function read(text)
  local day, month, year, clock = text:match("^%a+, (%d%d)[ -](%a%a%a)[ -](%d+) (%S+) GMT$")
  if not day then
    month, day, clock, year = text:match("^%a%a%a (%a%a%a) ([ %d]%d) (%S+) (%d%d%d%d)$")
  end
  if not day or #year ~= 4 and #year ~= 2 then return nil end
  return full_year(year), month_of[month], tonumber(day), clock
end

-- The time of a date in any of the three forms that HTTP ever had; nil when it is none.
function http_date.parse(text)
  local year, month, day, clock = read(text)
  if not month or day < 1 or day > 31 then return nil end
  local hour, minute, second = clock:match("^(%d%d):(%d%d):(%d%d)$")
  if not hour then return nil end
  hour, minute, second = tonumber(hour), tonumber(minute), tonumber(second)
  if hour > 23 or minute > 59 or second > 60 then return nil end
  return ((days_to(year, month, day) * 24 + hour) * 60 + minute) * 60 + second
end

return http_date
