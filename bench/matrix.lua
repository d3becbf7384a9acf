-- What is measured, and beside whom. The first server of a table is ours, the one that the ratios
-- are for.

local matrix = {}

local ours = "lua/?.lua;lua/?/init.lua;;"

-- needs: what must be there, or the server is left out. can: what it is measured with besides echo.
-- slow: one round of it tells enough.
matrix.servers = {
  { name = "lunawire 5.4", command = "lua5.4 bench/servers/lunawire.lua", needs = "lua5.4",
    env = { LUA_PATH = ours, LUA_CPATH = "build/lua5.4/?.so;;" },
    can = { tls = true, deflate = true, publish = true, churn = true, idle = true } },
  { name = "lunawire JIT", command = "luajit bench/servers/lunawire.lua", needs = "luajit",
    env = { LUA_PATH = ours, LUA_CPATH = "build/luajit/?.so;;" },
    can = { tls = true, deflate = true, publish = true, churn = true, idle = true } },
  { name = "uWebSockets", command = "build/bench/uwebsockets", needs = "build/bench/uwebsockets",
    can = { tls = true, deflate = true, publish = true, churn = true, idle = true } },
  { name = "libwebsockets", command = "build/bench/libwebsockets_echo",
    needs = "build/bench/libwebsockets_echo",
    can = { tls = true, deflate = true, churn = true, idle = true } },
  { name = "Beast", command = "build/bench/beast_echo", needs = "build/bench/beast_echo",
    can = { churn = true, idle = true } },
  { name = "node ws", command = "node bench/peers/ws.mjs", needs = "node",
    can = { tls = true, deflate = true, publish = true, churn = true, idle = true } },
  { name = "Python", command = "/usr/bin/python3 bench/peers/python_websockets.py",
    needs = "/usr/bin/python3", slow = true, can = {} },
  { name = "lua-http", command = "lua5.2 bench/peers/lua_http.lua", needs = "lua5.2", slow = true,
    most_conns = 100, most_size = 16384, can = {} },
  { name = "floor, epoll", command = "build/bench/epoll_echo", needs = "build/bench/epoll_echo",
    can = { churn = true, idle = true } },
  { name = "floor, epoll + Lua", command = "build/bench/lua_echo", needs = "build/bench/lua_echo",
    can = {} },
  { name = "floor, libuv", command = "build/bench/libuv_echo", needs = "build/bench/libuv_echo",
    can = { churn = true, idle = true } },
}

local cells = {}
matrix.cells = cells

-- group: cells of one plot. unit: of what is reported.
local function add(group, name, mode, o)
  o.group, o.name, o.mode, o.unit = group, name, mode, o.unit or "µs"
  cells[#cells + 1] = o
end

local sizes = { { 20, "20 B" }, { 1024, "1 KiB" }, { 16384, "16 KiB" }, { 262144, "256 KiB" } }
for _, size in ipairs(sizes) do
  for _, conns in ipairs { 1, 100, 1000 } do
    add("echo", ("%s x %d"):format(size[2], conns), "echo", { size = size[1], conns = conns })
  end
end
add("depth", "20 B x 100, 16 in flight", "echo", { size = 20, conns = 100, depth = 16 })
add("depth", "1 KiB x 100, 16 in flight", "echo", { size = 1024, conns = 100, depth = 16 })
add("publish", "100 B to 1000", "publish", { size = 100, conns = 1000 })
add("publish", "100 B to 1000, 16 in flight", "publish", { size = 100, conns = 1000, depth = 16 })
add("publish", "16 KiB to 200", "publish", { size = 16384, conns = 200 })
for _, size in ipairs { { 20, "20 B" }, { 1024, "1 KiB" }, { 16384, "16 KiB" } } do
  add("tls", ("TLS, %s x 100"):format(size[2]), "echo",
    { size = size[1], conns = 100, tls = true })
end
add("tls", "TLS, 20 B x 100, 16 in flight", "echo",
  { size = 20, conns = 100, depth = 16, tls = true })
add("deflate", "deflate, 1 KiB x 100", "echo", { size = 1024, conns = 100, deflate = true })
add("churn", "connect, upgrade, close", "churn", { conns = 100, churn = true })
add("idle", "idle connection", "idle", { conns = 10000, unit = "B", idle = true })
add("idle", "idle TLS connection", "idle", { conns = 2000, unit = "B", idle = true, tls = true })
add("growth", "20 B x 10000", "echo", { size = 20, conns = 10000 })

-- Whether a server is measured in a cell.
function matrix.fits(server, cell)
  local can = server.can
  if cell.tls and not can.tls or cell.deflate and not can.deflate then return false end
  if cell.mode ~= "echo" and not can[cell.mode] then return false end
  if cell.group == "growth" and server.slow then return false end
  return cell.conns <= (server.most_conns or math.huge)
    and (cell.size or 0) <= (server.most_size or math.huge)
end

return matrix
