-- Replays the transcripts of plain HTTP (spec/vectors/http_exchange.lua) over sockets, in pieces of
-- many sizes: what comes back, in which order, and whether the connection goes on.

local helper = require "spec.helper"
local raw = require "spec.raw_peer"
local ws = require "lunawire"

local errors = {} -- [code] = "status text"
local entry = 'X%(([%w_]+), (%d+),%s+\\?%s*"([^\n]-)"%)'
for id, number, text in helper.read("core/proto/error.h"):gmatch(entry) do
  errors[id] = number .. " " .. text .. "\n"
end

local routes = {
  ["GET /"] = function(_, res) res:send("hello") end,
  ["GET /last"] = function(_, res) res:send("last") end,
  ["GET /echo/:text"] = function(req, res) res:send(req.params.text) end,
  ["GET /204"] = function(_, res) res:status(204):send("not to be sent") end,
  ["GET /304"] = function(_, res) res:status(304):header("ETag", '"x"'):finish("nor this") end,
  ["GET /close"] = function(_, res) res:header("Connection", "close"):send("bye") end,
  ["GET /slow"] = function(_, res)
    ws.sleep(0.01)
    res:send("slow")
  end,
  ["GET /stream"] = function(_, res)
    res:write("a")
    res:write("")
    res:write("b")
    res:finish("c")
  end,
  ["POST /echo"] = { max_body = 1000, handler = function(req, res) res:send((req:body())) end },
  ["POST /slow"] = function(req, res)
    ws.sleep(0.01)
    res:send((req:body()))
  end,
  ["POST /unread"] = function(_, res) res:send("unread") end,
  ["POST /stream"] = function(req, res)
    req:on_body(function(chunk, final)
      res:write(chunk)
      if final then res:finish() end
    end)
  end,
}

-- The body of chunks that begin there, and where it ends.
local function parse_chunks(bytes, at)
  local body = {}
  while true do
    local digits, from = bytes:match("^(%x+)\r\n()", at)
    assert(digits, "a chunk begins with its size")
    local size = tonumber(digits, 16)
    body[#body + 1] = bytes:sub(from, from + size - 1)
    at = from + size + 2
    assert(bytes:sub(at - 2, at - 1) == "\r\n", "a chunk ends with CR LF")
    if size == 0 then return table.concat(body), at end
  end
end

-- The next answer: "status body" and where it ends.
local function parse(bytes, at)
  local interim, behind = bytes:match("^HTTP/1.1 (1%d%d) [^\r]+\r\n\r\n()", at)
  if interim then return interim .. " ", behind end
  local status, fields, start = bytes:match("^HTTP/1.1 (%d+) [^\r]+(\r\n.-\r\n)\r\n()", at)
  assert(status, "not an answer: " .. bytes:sub(at, at + 300))
  local length = fields:match("\r\nContent%-Length: (%d+)\r\n")
  if length then
    return status .. " " .. bytes:sub(start, start + length - 1), start + tonumber(length)
  elseif fields:find("\r\nTransfer%-Encoding: chunked\r\n") then
    local body, stop = parse_chunks(bytes, start)
    return status .. " " .. body, stop
  elseif status == "204" or status == "304" then
    return status .. " ", start
  end
  assert(fields:find("\r\nConnection: close\r\n"), "the body ends with the connection")
  return status .. " " .. bytes:sub(start), #bytes + 1
end

local function parse_all(bytes)
  local answers, at = {}, 1
  while at <= #bytes do
    answers[#answers + 1], at = parse(bytes, at)
  end
  return answers
end

local function expected(case)
  local answers = {}
  for _, answer in ipairs(case.answers or {}) do answers[#answers + 1] = answer end
  if case.error then answers[#answers + 1] = errors[case.error] end
  if not case.ends then answers[#answers + 1] = "200 last" end
  return answers
end

local last = "GET /last HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"

local function check(case, port, size)
  local peer = raw.connect(port):drip(case.request, size)
  local first = ""
  if case.more then
    first = peer:read_until("\r\n\r\n")
    peer:send(case.more)
  end
  if not case.ends then peer:send(last) end
  local rest, ending = peer:read_all()
  local answers, wanted = parse_all(first .. rest), expected(case)
  if case.optional_100 and #answers < #wanted then table.remove(wanted, 1) end
  assert.same(wanted, answers)
  assert.equal("eof", ending)
  peer:close()
end

local function sizes_for(length)
  local sizes = {}
  for _, size in ipairs { 1, 2, 3, 7, 19, 61, 499 } do
    if size < length and length / size < 1000 then sizes[#sizes + 1] = size end
  end
  sizes[#sizes + 1] = length
  return sizes
end

describe("plain HTTP:", function()
  local server
  setup(function() server = assert(ws.serve { port = 0, routes = routes }) end)
  teardown(function()
    server:stop()
    raw.wait_for_end()
    raw.end_specs()
  end)

  for _, case in ipairs(dofile "spec/vectors/http_exchange.lua") do
    it(("%s (%s)"):format(case.name, case.section), function()
      for _, size in ipairs(sizes_for(#case.request)) do
        local ok, problem = pcall(check, case, server.port, size)
        if not ok then error(("in pieces of %d: %s"):format(size, tostring(problem)), 0) end
      end
    end)
  end
end)
