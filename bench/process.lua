-- Starting servers and the load generator, each on a processor of its own.

local process = {}

local function quote(text) return "'" .. tostring(text):gsub("'", "'\\''") .. "'" end

-- The first line that a command prints; nil when it fails.
local function ask(command)
  local pipe = assert(io.popen(command))
  local line = pipe:read "*l"
  return pipe:close() and line or nil
end
process.ask = ask

function process.exists(program)
  return ask(("command -v %s 2> /dev/null"):format(quote(program))) ~= nil
end

local has_two = ask "taskset -c 1 true 2> /dev/null && echo yes" ~= nil

-- What runs a command on one processor; nothing where there is no second one to part them.
local function on_processor(number) return has_two and ("taskset -c %d "):format(number) or "" end

local function environment(...)
  local words = {}
  for _, set in ipairs { ... } do
    for name, value in pairs(set) do words[#words + 1] = name .. "=" .. quote(value) end
  end
  return table.concat(words, " ")
end

-- The load generator finds out when it listens; until then it is asked again.
local function does_listen(server)
  local probe = ("for i in $(seq 100); do build/bench/load churn --conns 1 --count 1 --port %d %s "
    .. "> /dev/null 2>&1 && echo up && exit; sleep 0.05; done"):format(server.port,
    server.tls and "--tls" or "")
  return ask(probe) ~= nil
end

-- Starts a server of the matrix on the first processor. variant: { tls =, deflate =, mode = }.
-- Returns nil and why when it does not listen.
function process.start(entry, variant)
  local port = assert(ask "build/bench/load port", "the load generator is not built")
  local server = { name = entry.name, port = tonumber(port), tls = variant.tls }
  local extra = {
    DEFLATE = variant.deflate and "1" or nil, PAGES = variant.mode == "request" and "1" or nil,
  }
  if variant.tls then
    extra.TLS_CERT, extra.TLS_KEY = "build/bench/cert.pem", "build/bench/key.pem"
  end
  server.pid = tonumber(ask(("%s %s%s %d > build/bench/server.log 2>&1 & echo $!")
    :format(environment(entry.env or {}, extra), on_processor(0), entry.command, server.port)))
  if does_listen(server) then return server end
  process.stop(server)
  return nil, "does not listen, see build/bench/server.log"
end

function process.stop(server)
  os.execute(("kill %d; for i in $(seq 100); do kill -0 %d 2> /dev/null || exit 0; sleep 0.02; "
    .. "done; kill -9 %d"):format(server.pid, server.pid, server.pid))
end

-- Runs the load generator on the second processor, for that many seconds or messages. Returns its
-- figures; nil and why it failed.
function process.load(server, cell, seconds, count)
  local words = { on_processor(1) .. "build/bench/load", cell.mode,
    "--port", server.port, "--pid", server.pid, "--conns", cell.conns, "--seconds", seconds }
  if count then words[#words + 1] = "--count " .. count end
  for _, name in ipairs { "size", "depth" } do
    if cell[name] then words[#words + 1] = ("--%s %d"):format(name, cell[name]) end
  end
  for _, name in ipairs { "tls", "deflate" } do
    if cell[name] then words[#words + 1] = "--" .. name end
  end
  local line = ask(table.concat(words, " ") .. " 2>&1")
  if not line or line:sub(1, 1) ~= "{" then return nil, line or "the load generator failed" end
  local figures = {}
  for name, value in line:gmatch '"([%w_]+)":([%d.]+)' do figures[name] = tonumber(value) end
  return figures
end

return process
