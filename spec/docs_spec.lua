-- What README.md and docs/ say is true: examples run and print what stands below them, api.md names
-- all that scripts can use and nothing else, tables agree with the code, links lead somewhere.

local core = require "lunawire.core"
local helper = require "spec.helper"
local schema = require "lunawire.schema"
local ws = require "lunawire"

local documents = {}
for _, path in ipairs { "README.md", "docs/api.md", "docs/guide.md", "docs/deploy.md" } do
  documents[path] = helper.read(path)
end
local api = documents["docs/api.md"]

local function lines(text) return (text .. "\n"):gmatch("(.-)\n") end

-- All that is wrong at once, sorted, so that one run tells everything.
local function expect_none(problems)
  table.sort(problems)
  assert.equal("", table.concat(problems, "\n"))
end

-- Reading Markdown ------------------------------------------------------------------------------

-- The fenced blocks of a text: { language, text, line, next (the block that follows directly) }.
local function blocks_of(text)
  local blocks, open, number, near = {}, nil, 0, nil
  for line in lines(text) do
    number = number + 1
    local language = line:match("^```(%w*)$")
    if open and language == "" then
      open.text = table.concat(open, "\n") .. "\n"
      open, near = nil, open
    elseif open then
      open[#open + 1] = line
    elseif language then
      open = { language = language, line = number }
      blocks[#blocks + 1] = open
      if near then near.next = open end
    elseif line ~= "" then
      near = nil
    end
  end
  return blocks
end

-- A text without its fenced blocks.
local function prose_of(text)
  local kept, inside = {}, false
  for line in lines(text) do
    if line:find("^```") then
      inside = not inside
    elseif not inside then
      kept[#kept + 1] = line
    end
  end
  return table.concat(kept, "\n") .. "\n"
end

-- The cells of each row below the headings of a level that match the pattern, in one list.
local function rows_below(text, pattern)
  local rows, inside = {}, false
  for line in lines(prose_of(text)) do
    local heading = line:match("^#+ (.*)$")
    if heading then inside = heading:find(pattern) ~= nil end
    if inside and line:find("^| `") then
      local row = {}
      for cell in line:gmatch("|%s*([^|]-)%s*%f[|]") do row[#row + 1] = cell end
      rows[#rows + 1] = row
    end
  end
  return rows
end

-- The anchors of a document's headings, made as the usual renderers do.
local function anchors_of(text)
  local anchors = {}
  for heading in prose_of(text):gmatch("\n?#+ ([^\n]*)") do
    local anchor = heading:lower():gsub("[^%w%s_-]", ""):gsub("%s", "-")
    anchors[anchor] = true
  end
  return anchors
end

-- Examples --------------------------------------------------------------------------------------

-- What is put in front of README's two examples, which are run exactly as printed: every spec run
-- takes a port of its own, whatever they say.
local on_port = [[
local port = %d
local ws = require "lunawire"
local serve, connect = ws.serve, ws.connect
function ws.serve(options)
  options.port = port
  local server = serve(options)
  print(server.port)
  io.stdout:flush()
  return server
end
function ws.connect(url, ...)
  assert(url:find(":9001", 1, true))
  return connect(url:gsub(":9001", ":" .. port), ...)
end
local function example() %s end
example()
]]

describe("the examples of README.md", function()
  it("run as printed, one against the other, and have five lines", function()
    local server, client
    for _, block in ipairs(blocks_of(documents["README.md"])) do
      if block.language == "lua" then
        assert.is_true(#block <= 5)
        if block.text:find("ws.serve", 1, true) then server = block else client = block end
      end
    end
    local path = helper.file(on_port:format(0, server.text))
    local process = helper.background { helper.lua, path, timeout = 120 }
    local port = assert(tonumber(process:read_line()))
    local status, out, err = helper.run_lua(on_port:format(port, client.text))
    process:stop()
    assert.same({ 0, "hello\ttext\n", "" }, { status, out, err })
  end)
end)

describe("the examples of", function()
  for path, text in pairs(documents) do
    it(path .. " are Lua", function()
      local problems, load_text = {}, loadstring or load -- luacheck: ignore 113
      for _, block in ipairs(blocks_of(text)) do
        local ok, problem = true, nil
        if block.language == "lua" then ok, problem = load_text(block.text, "=example") end
        if not ok then problems[#problems + 1] = ("%s:%d: %s"):format(path, block.line, problem) end
      end
      expect_none(problems)
    end)

    for _, block in ipairs(blocks_of(text)) do
      if block.text:find("^%-%- run\n") then
        it(("%s in line %d run"):format(path, block.line), function()
          local status, out, err = helper.run_lua(block.text, { timeout = 120 })
          assert.same({ 0, "" }, { status, err })
          local follower = block.next
          local printed = follower and follower.language == "text" and follower.text or ""
          assert.equal(printed, out)
        end)
      end
    end
  end
end)

-- Names -----------------------------------------------------------------------------------------

local function add_keys(names, prefix, object)
  for key in pairs(object) do names[prefix .. key] = true end
end

local function add_matches(names, prefix, text, pattern)
  for name in text:gmatch(pattern) do names[prefix .. name] = true end
end

-- The fields that a class has in the types for editors.
local function fields_of(class)
  local meta = helper.read("lua/lunawire/meta.lua") .. helper.read("lua/lunawire/meta_http.lua")
    .. helper.read("lua/lunawire/meta_files.lua")
    .. helper.read("lua/lunawire/meta_reconnect.lua")
  return meta:match("%-%-%-@class lunawire%." .. class .. "%f[^%w][^\n]*\n(.-)\n\n")
end

local function methods_of(object) return debug.getmetatable(object).__index end

-- All that scripts can use, as api.md writes it: "ws.run", "conn:send", "conn.state", "on_open".
local function names_of_code()
  local names = {}
  add_keys(names, "ws.", ws)
  add_keys(names, "ws.protocol.", ws.protocol)
  add_keys(names, "conn:", core.methods)
  add_keys(names, "server:", core.server_methods)
  add_keys(names, "session:", methods_of(ws.protocol.session { role = "client" }))

  local writer, response = require "lunawire.stream", require "lunawire.response"
  local link = ws.connect("ws://127.0.0.1:1/", { reconnect = true, on_open = print })
  link:close()
  for prefix, object in pairs {
    ["link:"] = link, ["connections:"] = ws.connections("ws://127.0.0.1:1/"),
    ["writer:"] = writer.new(io.stdout, "text"), ["res:"] = setmetatable({}, response.class),
    ["task:"] = ws.spawn(print),
  } do
    for key, value in pairs(methods_of(object)) do
      if type(value) == "function" and not key:find("^__") then names[prefix .. key] = true end
    end
  end
  add_keys(names, "events:", require "lunawire.events".methods)
  for _, name in ipairs { "body", "chunks", "form", "on_body", "on_close" } do
    names["req:" .. name] = true
  end
  local form = require "lunawire.form"
  add_keys(names, "form:", form.methods)
  names["file:move"] = true
  add_matches(names, "file.", fields_of("File"), "%-%-%-@field ([%l_]+)")
  local timer = ws.after(0, print)
  timer:stop()
  add_keys(names, "timer:", methods_of(timer))

  add_matches(names, "conn.", helper.read("lua/binding/conn_fields.c"), '{"([%l_]+)", FIELD_')
  names["conn.raw_request"], names["conn.raw_response"] = nil, nil -- the library's own
  add_matches(names, "conn.", fields_of("Connection"), "%-%-%-@field ([%l_]+)")
  add_matches(names, "link.", fields_of("Link"), "%-%-%-@field ([%l_]+)")
  add_matches(names, "connections.", fields_of("Connections"), "%-%-%-@field ([%l_]+)")
  add_matches(names, "server.", helper.read("lua/binding/server.c"), 'strcmp%(name, "([%l_]+)"')
  add_matches(names, "req.", fields_of("Request"), "%-%-%-@field ([%l_]+)")
  add_matches(names, "res.", fields_of("Response"), "%-%-%-@field ([%l_]+)")
  add_matches(names, "task.", fields_of("Task"), "%-%-%-@field ([%l_]+)")
  for _, option in ipairs(schema.rows()) do
    if option.name:find("^on_") and option.kind == "function" then names[option.name] = true end
  end
  return names
end

-- What api.md has a heading or the first cell of a row for.
local function names_of_api()
  local names = {}
  local function add(text)
    for name in text:gmatch("%f[%w_][%a_]+[.:][%l%d_.]+") do names[name] = true end
    for name in text:gmatch("%f[%w_.:]on_%l+") do names[name] = true end
  end
  local prose = prose_of(api)
  for heading in prose:gmatch("\n### ([^\n]*)") do
    if not heading:find("^Options") then add((heading:gsub("%b()", ""))) end
  end
  for cell in prose:gmatch("\n| `([%a_]+%.[%l_.]+)` |") do add(cell) end
  return names
end

describe("docs/api.md", function()
  local code, written = names_of_code(), names_of_api()

  it("names everything that scripts can use", function()
    local problems = {}
    for name in pairs(code) do
      if not written[name] then problems[#problems + 1] = name .. " is missing" end
    end
    expect_none(problems)
  end)

  it("names nothing else", function()
    local problems = {}
    for name in pairs(written) do
      if not code[name] then problems[#problems + 1] = name .. " does not exist" end
    end
    expect_none(problems)
  end)

  it("has the fields of server:stats", function()
    local server = assert(ws.serve { port = 0, on_message = print })
    local about = api:match("### server:stats%(%)\n(.-)\n|")
    local problems = {}
    for name in pairs(server:stats()) do
      if not about:find("`" .. name .. "`", 1, true) then problems[#problems + 1] = name end
    end
    server:stop()
    ws.run()
    expect_none(problems)
  end)
end)

describe("the documents", function()
  local signs = {
    ws = ".", conn = ":", server = ":", req = ":", res = ":", events = ":", writer = ":",
    form = ":", file = ":", task = ":", link = ":", connections = ":",
  }

  it("call no function that does not exist", function()
    local code, problems = names_of_code(), {}
    for path, text in pairs(documents) do
      for object, sign, name in text:gmatch("%f[%w_](%l+)([.:])([%l_]+)") do
        local is_session = object == "server" and code["session:" .. name]
        if signs[object] == sign and not code[object .. sign .. name] and not is_session then
          problems[#problems + 1] = path .. ": " .. object .. sign .. name
        end
      end
    end
    expect_none(problems)
  end)

  it("have links that lead somewhere", function()
    local problems = {}
    for path, text in pairs(documents) do
      local folder = path:match("^(.*/)") or ""
      for link in prose_of(text):gmatch("%]%(([^)%s]+)%)") do
        local file, anchor = link:match("^([^#]*)#?(.*)$")
        local target = file == "" and path or (folder .. file):gsub("[^/]+/%.%./", "")
        local exists = #helper.find(target .. " -maxdepth 0") == 1
        local has_anchor = anchor == "" or exists and anchors_of(helper.read(target))[anchor]
        if not exists or not has_anchor then problems[#problems + 1] = path .. ": " .. link end
      end
    end
    expect_none(problems)
  end)
end)

-- Tables ----------------------------------------------------------------------------------------

-- A default as the tables write it; nil where the option has none.
local function written_default(option)
  local default = option.default
  if type(default) == "string" then return ('`"%s"`'):format(default) end
  if default ~= nil then return "`" .. tostring(default) .. "`" end
end

local function kind_of(option)
  local kinds = {
    tokens = "list of names", origins = '`"*"` or list', deflate = "boolean or table",
    tls_server = 'table or `"self-signed"`', tls_client = "table", auth = "table",
    proxy = "string or false", reconnect = "boolean or table", slow = "choice",
  }
  return kinds[option.kind] or option.kind
end

describe("the options in", function()
  for scope, heading in pairs {
    serve = "^Options of ws%.serve$", connect = "^Options of ws%.connect$",
    route = "^Options of a route$", page = "^Options of a plain route$",
    files = "^Options of ws%.files$", form = "^Options of req:form$",
  } do
    it("docs/api.md are those of " .. scope, function()
      local problems, known = {}, {}
      for _, row in ipairs(rows_below(api, heading)) do known[row[1]] = row end
      for _, option in ipairs(schema.rows()) do
        local row = known["`" .. option.name .. "`"]
        local belongs = (" " .. option.scopes .. " "):find(" " .. scope .. " ", 1, true)
        if belongs and not row then
          problems[#problems + 1] = option.name .. " is missing"
        elseif belongs then
          known[row[1]] = nil
          local default = written_default(option)
          local wrong = default and row[3] ~= default or not default and row[3]:find("`%f[%d\"]")
          if wrong then problems[#problems + 1] = option.name .. " has another default" end
          if row[2] ~= kind_of(option) then
            problems[#problems + 1] = option.name .. " is a " .. option.kind
          end
        end
      end
      for name in pairs(known) do problems[#problems + 1] = name .. " does not exist" end
      expect_none(problems)
    end)
  end

  it("README.md have their defaults", function()
    local problems, by_name = {}, {}
    for _, option in ipairs(schema.rows()) do by_name["`" .. option.name .. "`"] = option end
    local rows = rows_below(documents["README.md"], "^Defaults$")
    assert.is_true(#rows > 8)
    for _, row in ipairs(rows) do
      local option = by_name[row[1]]
      if not option or (written_default(option) or "none") ~= row[2] then
        problems[#problems + 1] = row[1] .. " is not " .. row[2]
      end
    end
    expect_none(problems)
  end)
end)

describe("the error codes in docs/api.md", function()
  local rows = rows_below(api, "^Error codes$")
  local listed = {}
  for _, row in ipairs(rows) do
    for code in row[1]:gmatch("`([%u%d_]+)`") do listed[code] = row end
  end

  -- { code, number, text } of each line of the table in error.h
  local function errors_of_protocol()
    local errors, header = {}, helper.read("core/proto/error.h"):gsub("\\\n", "")
    for code, number, text in header:gmatch('X%(([%u%d_]+), (%d+), "(.-)"%)') do
      errors[#errors + 1] = { code, number, text }
    end
    return errors
  end

  it("are those of the protocol, with number and text", function()
    local problems, errors = {}, errors_of_protocol()
    assert.is_true(#errors > 40)
    for _, err in ipairs(errors) do
      local row = listed[err[1]]
      if not row or row[2] ~= err[2] or row[3] ~= err[3] then
        problems[#problems + 1] = ("| `%s` | %s | %s |"):format(err[1], err[2], err[3])
      end
    end
    expect_none(problems)
  end)

  it("are those of sending", function()
    local problems = {}
    for code in helper.read("core/conn_send.c"):gmatch('%[%-LW_SEND_%u+%] = {"([%u%d_]+)"') do
      if not listed[code] then problems[#problems + 1] = code .. " is missing" end
    end
    expect_none(problems)
  end)

  it("exist", function()
    local sources = {}
    for _, path in ipairs(helper.find "core lua -name '*.[ch]' -o -name '*.lua'") do
      sources[#sources + 1] = helper.read(path)
    end
    local source, problems = table.concat(sources), {}
    for code in pairs(listed) do
      local is_ours = source:find('"' .. code .. '"', 1, true)
      if not is_ours and not source:find("X(" .. code .. ",", 1, true) then
        problems[#problems + 1] = code .. " does not exist"
      end
    end
    expect_none(problems)
  end)
end)
