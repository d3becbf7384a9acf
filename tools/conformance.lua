-- Prints docs/conformance.md: the rules of spec/vectors/rules.lua with the cases that test them.
-- Fails when a rule has no case, a case no rule, or a named test is not there.

local rules = dofile "spec/vectors/rules.lua"

local files = { -- and who replays them
  { "handshake_request", "handshake_spec" },
  { "handshake_response", "handshake_spec" },
  { "frames_first_byte", "vectors_spec, conformance_spec" },
  { "frames_head", "vectors_spec, conformance_spec" },
  { "frames_lengths", "vectors_spec, conformance_spec" },
  { "frames_masking", "vectors_spec, conformance_spec" },
  { "frames_fragments", "vectors_spec, conformance_spec" },
  { "frames_text", "vectors_spec, conformance_spec" },
  { "frames_close", "vectors_spec, conformance_spec" },
  { "deflate_frames", "vectors_spec, conformance_spec" },
  { "deflate_negotiation", "protocol_deflate_spec" },
  { "http_exchange", "http_conformance_spec" },
}

local problems = {}
local vectors, used = {}, {} -- [file] = cases; [case] = true

for _, file in ipairs(files) do vectors[file[1]] = dofile("spec/vectors/" .. file[1] .. ".lua") end

local function print_lines(...) io.stdout:write(table.concat({ ... }, "\n"), "\n") end

-- Cases that a rule names -----------------------------------------------------------------------

local function matcher(wanted)
  if wanted == "legal" then return function(case) return case.error == nil end end
  if wanted:find "^[%u%d_]+$" then return function(case) return case.error == wanted end end
  local pattern = "^" .. wanted:gsub("[%-%.%+%[%]%(%)%$%^%%%?]", "%%%0"):gsub("%*", ".*") .. "$"
  return function(case) return case.name:find(pattern) ~= nil end
end

local function count_cases(file, wanted)
  local matches, count = matcher(wanted), 0
  for _, case in ipairs(vectors[file]) do
    if matches(case) then
      used[case] = true
      count = count + (case.role == nil and file:find "frames" and 2 or 1)
    end
  end
  if count == 0 then problems[#problems + 1] = ("no case: %s: %s"):format(file, wanted) end
  return count
end

local function expect_test(file, title)
  local source = assert(io.open("spec/" .. file .. ".lua", "rb"))
  local text = source:read("*a")
  source:close()
  if not text:find('it("' .. title .. '"', 1, true) then
    problems[#problems + 1] = ("no test: %s: %s"):format(file, title)
  end
end

-- "file: cases" as a part of the last column.
local function test_of(text)
  local file, wanted = text:match "^([%w_]+): (.*)$"
  if not vectors[file] then
    expect_test(file, wanted)
    return ("`%s`: %s"):format(file, (wanted:gsub(",? %a* $", ""))) -- the last word varies
  end
  local count = count_cases(file, wanted)
  local what = wanted:find "^[%u%d_]+$" and ", `" .. wanted .. "`"
    or wanted ~= "legal" and ", " .. wanted:gsub("%*$", "") or ""
  return ("`%s`%s (%d)"):format(file, what, count)
end

-- The page --------------------------------------------------------------------------------------

local function print_rules(group)
  print_lines("", "## " .. group.title, "", "| RFC " .. group.rfc .. " | rule | tested by |",
    "|---|---|---|")
  for _, rule in ipairs(group) do
    local tests = {}
    for i = 3, #rule do tests[#tests + 1] = test_of(rule[i]) end
    print_lines(("| %s | %s | %s |"):format(rule[1], rule[2], table.concat(tests, "; ")))
  end
end

local function outcome(case)
  local number = case.close_code or case.status
  if not case.error then return number and tostring(number) or "legal" end
  return ("`%s`"):format(case.error) .. (number and ", " .. number or "")
end

local function print_cases(file, replayed_by)
  print_lines("", "### " .. file, "", "Replayed by " .. replayed_by .. ".", "",
    "| section | case | outcome |", "|---|---|---|")
  for _, case in ipairs(vectors[file]) do
    local name = case.name:gsub("|", "\\|") .. (case.role and " (" .. case.role .. ")" or "")
    print_lines(("| %s | %s | %s |"):format(case.section, name, outcome(case)))
    if not used[case] then
      problems[#problems + 1] = ("no rule: %s: %s"):format(file, case.name)
    end
  end
end

print_lines("# Conformance", "",
  "What the RFCs demand that a peer can put to the test, and what tests it. `./dev docs` makes",
  "this page of spec/vectors.", "",
  "Transcripts (`frames_*`, `deflate_frames`) are replayed through the protocol alone at every",
  "chunk size (`vectors_spec`), and over sockets against a server and a client",
  "(`conformance_spec`), which also looks at what handlers are told, the frames and the end of TCP",
  "that the peer sees, and that nothing that comes later has an effect. A case that breaks a rule",
  "ends with the byte that breaks it. Random frames are compared with other implementations",
  "(`differential_spec`; where these differ is in spec/vectors/differential.lua). Numbers in",
  "brackets are cases, for both roles where both are tried.")
for _, group in ipairs(rules) do print_rules(group) end
print_lines("", "## Cases")
for _, file in ipairs(files) do print_cases(file[1], file[2]) end

if #problems > 0 then
  io.stderr:write(table.concat(problems, "\n"), "\n")
  os.exit(1)
end
