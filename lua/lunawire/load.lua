-- Loads one of the library's own files by its name: load "options" is require "lunawire.options".
-- Files that a program first needs while it runs may be out of its reach by then.

return function(file)
  local name = "lunawire." .. file
  local value = package.loaded[name]
  if value then return value end
  local ok, loaded = pcall(require, name)
  if ok then return loaded end
  error(("lunawire needs its file %s.lua now: keep its files where they were while the program "
    .. "runs (%s)"):format(file, tostring(loaded)), 0)
end
