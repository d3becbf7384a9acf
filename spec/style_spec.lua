-- The part of CONTRIBUTING.md's style that can be counted.

local helper = require "spec.helper"

local max_columns, max_lines, max_function = 100, 420, 60

local function lines_of(path)
  local lines = {}
  for line in helper.read(path):gmatch "([^\n]*)\n" do lines[#lines + 1] = line end
  return lines
end

local function columns(line)
  return #line:gsub("[\128-\191]", "") -- counts the characters of UTF-8
end

local function sources(folders, patterns)
  local expression = "%s -not -path '*/node_modules/*' -type f \\( %s \\)"
  return helper.find(expression:format(folders, patterns))
end

local function fail_on(problems)
  assert.equal("", table.concat(problems, "\n"))
end

-- clang-format and luacheck see to the indentation, so a function ends at the first line that ends
-- it in the column where it began. These answer where the function that ends at lines[last] began.
local function c_function_start(lines, last)
  if lines[last] ~= "}" then return end
  for first = last - 1, 1, -1 do
    local line = lines[first]
    if line:find "^}" or line:find "^#" then return end
    if line:find "^[%a_]" then return first end
  end
end

local function lua_function_start(lines, last)
  local indent = lines[last]:match "^(%s*)end%f[^%w_]"
  for first = last - 1, indent and 1 or last, -1 do
    local line = lines[first]
    if line:find("^" .. indent .. "%S") then
      return line:find "%f[%w_]function%f[^%w_]" and first
    end
  end
end

local function check_functions(paths, start_of)
  local problems = {}
  for _, path in ipairs(paths) do
    local lines = lines_of(path)
    for last in ipairs(lines) do
      local length = last - (start_of(lines, last) or last) + 1
      if length > max_function then
        problems[#problems + 1] = ("%s:%d: ends a function of %d lines"):format(path, last, length)
      end
    end
  end
  fail_on(problems)
end

describe("style", function()
  local code = sources("core lua spec examples bench", "-name '*.[ch]' -o -name '*.lua'")

  it("looks at all code", function() assert.is_true(#code > 30) end)

  it("keeps lines within the page", function()
    local problems = {}
    for _, path in ipairs(code) do
      for number, line in ipairs(lines_of(path)) do
        if columns(line) > max_columns then
          problems[#problems + 1] = ("%s:%d: %d columns"):format(path, number, columns(line))
        end
      end
    end
    fail_on(problems)
  end)

  it("keeps files short", function()
    local problems = {}
    for _, path in ipairs(code) do
      local count = #lines_of(path)
      if count > max_lines then problems[#problems + 1] = ("%s: %d lines"):format(path, count) end
    end
    fail_on(problems)
  end)

  it("keeps functions in C on a screen", function()
    check_functions(sources("core lua", "-name '*.[ch]'"), c_function_start)
  end)

  it("keeps functions in Lua on a screen", function()
    check_functions(sources("lua examples", "-name '*.lua'"), lua_function_start)
  end)

  it("leaves nothing to do later, and no trace of a machine", function()
    local problems = {}
    local words = { "TO" .. "DO", "FIX" .. "ME" }
    for _, folder in ipairs { "home", "root", "work" } do
      words[#words + 1] = "/" .. folder .. "/"
    end
    local all = [[. \( -name .git -o -name build -o -name node_modules \) -prune ]] ..
      [[-o -type f -size -200k -print]]
    for _, path in ipairs(helper.find(all)) do
      for number, line in ipairs(lines_of(path)) do
        for _, word in ipairs(words) do
          if line:find(word, 1, true) then
            problems[#problems + 1] = ("%s:%d: %s"):format(path, number, word)
          end
        end
      end
    end
    fail_on(problems)
  end)
end)
