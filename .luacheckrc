-- Only what all of Lua 5.1 to 5.4 and LuaJIT have,
std = "min"
max_line_length = 100
exclude_files = { "spec/peers/node_modules", "build" }

-- and what a file may look for before it uses it.
read_globals = {
  "jit", "newproxy", "unpack", "table.pack", "table.unpack", "coroutine.close",
  "coroutine.isyieldable", "debug.getuservalue",
}

files["spec"] = { std = "+busted" }
files["tools/coverage.lua"] = { globals = { "coroutine" } }
