-- Which part may include what: docs/architecture.md says it in words.

local helper = require "spec.helper"

local function set(text)
  local members = {}
  for word in text:gmatch "%S+" do members[word] = true end
  return members
end

-- What a library without I/O, clock and threads may use of the C library.
local pure = set [[ limits.h stdalign.h stdarg.h stdatomic.h stdbool.h stddef.h stdint.h stdio.h
  stdlib.h string.h strings.h inttypes.h emmintrin.h immintrin.h smmintrin.h tmmintrin.h
  arm_neon.h ]]
local libc = set [[ ctype.h errno.h fcntl.h math.h netdb.h poll.h pthread.h signal.h time.h unistd.h
  arpa/inet.h netinet/in.h netinet/tcp.h sys/mman.h sys/random.h sys/resource.h sys/sendfile.h
  sys/socket.h sys/stat.h sys/types.h sys/uio.h sys/un.h ucontext.h ]]

-- Each rule: which files, which of our own folders they may include from, which other headers.
local rules = {
  { name = "the public header", files = "^core/lunawire%.h$", own = {}, other = { pure } },
  { name = "its other parts", files = "^core/lunawire_%w+%.h$", own = { "^core/lunawire%.h$" },
    other = { pure } },
  { name = "core/proto", files = "^core/proto/", own = { "^core/proto/[^/]+$" },
    other = { pure, set "zlib.h libdeflate.h" } },
  { name = "TLS", files = "^core/net/tls", own = { "^core/net/[^/]+$" },
    other = { pure, libc, set "uv.h linux/tls.h" }, patterns = { "^openssl/[%w_]+%.h$" } },
  { name = "the poller by epoll", files = "^core/net/poller_epoll%.c$",
    own = { "^core/net/[^/]+$" }, other = { pure, libc, set "uv.h sys/epoll.h sys/timerfd.h" } },
  { name = "sockets", files = "^core/net/socket%.c$", own = { "^core/net/[^/]+$" },
    other = { pure, libc, set "uv.h linux/tls.h" } },
  { name = "core/net", files = "^core/net/", own = { "^core/net/[^/]+$" },
    other = { pure, libc, set "uv.h" } },
  { name = "core", files = "^core/[^/]+%.[ch]$",
    own = { "^core/[^/]+$", "^core/proto/[^/]+$", "^core/net/[^/]+$" },
    other = { pure, libc, set "uv.h" } },
  { name = "tests of the core", files = "^core/test/",
    own = { "^core/test/[^/]+$", "^core/[^/]+$", "^core/proto/[^/]+$", "^core/net/[^/]+$" },
    other = { pure, libc, set "uv.h zlib.h openssl/evp.h linux/tls.h sys/time.h" } },
  { name = "fuzz targets", files = "^core/fuzz/",
    own = { "^core/fuzz/[^/]+$", "^core/proto/[^/]+$" },
    other = { pure, libc, set "zlib.h" } },
  { name = "lua/binding", files = "^lua/binding/",
    own = { "^lua/binding/[^/]+$", "^core/[^/]+$", "^core/proto/[^/]+$" },
    other = { pure, libc, set "lua.h lauxlib.h lualib.h luajit.h uv.h" } },
}

-- "core/net/../proto/a.h" -> "core/proto/a.h"
local function normal(path)
  local parts = {}
  for part in path:gmatch "[^/]+" do
    if part == ".." then table.remove(parts) elseif part ~= "." then parts[#parts + 1] = part end
  end
  return table.concat(parts, "/")
end

local function rule_of(path)
  for _, rule in ipairs(rules) do
    if path:find(rule.files) then return rule end
  end
end

local function allowed(rule, path, quote, header)
  if quote == '"' then
    local target = normal(path:match "^(.*/)" .. header)
    for _, pattern in ipairs(rule.own) do
      if target:find(pattern) then return true end
    end
    return false
  end
  for _, headers in ipairs(rule.other) do
    if headers[header] then return true end
  end
  for _, pattern in ipairs(rule.patterns or {}) do
    if header:find(pattern) then return true end
  end
  return false
end

-- The forbidden includes of one file, as "path:line: ..." lines.
local function forbidden(path, text)
  local rule, found, number = rule_of(path), {}, 0
  if not rule then return { path .. ": belongs to no layer; spec/layers_spec.lua lists them" } end
  for line in (text .. "\n"):gmatch "(.-)\n" do
    number = number + 1
    local quote, header = line:match '^%s*#%s*include%s*([<"])([^>"]+)'
    if header and not allowed(rule, path, quote, header) then
      found[#found + 1] = ("%s:%d: %s may not include %s"):format(path, number, rule.name, header)
    end
  end
  return found
end

describe("the layers", function()
  it("are kept by every file", function()
    local files, found = helper.find "core lua -name '*.[ch]'", {}
    assert.is_true(#files > 20)
    for _, path in ipairs(files) do
      for _, problem in ipairs(forbidden(path, helper.read(path))) do
        found[#found + 1] = problem
      end
    end
    assert.equal("", table.concat(found, "\n"))
  end)

  for _, case in ipairs {
    { "core/proto/x.c", "#include <uv.h>" },
    { "core/proto/x.c", "#include <time.h>" },
    { "core/proto/x.c", '#include "../net/out.h"' },
    { "core/proto/x.c", '# include "../conn.h"' },
    { "core/net/tcp.c", '#include "../proto/frame.h"' },
    { "core/net/tcp.c", "#include <openssl/ssl.h>" },
    { "core/conn.c", "#include <lua.h>" },
    { "core/conn.c", "#include <openssl/ssl.h>" },
    { "core/conn.c", '#include "../lua/binding/module.h"' },
    { "core/lunawire.h", '#include "proto/frame.h"' },
    { "core/lunawire.h", "#include <uv.h>" },
    { "lua/binding/conn.c", '#include "../../core/net/tcp.h"' },
    { "elsewhere/x.c", "" },
  } do
    it(("refuse %s in %s"):format(case[2], case[1]), function()
      assert.equal(1, #forbidden(case[1], case[2]))
    end)
  end
end)
