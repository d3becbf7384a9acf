rockspec_format = "3.0"
package = "lunawire"
version = "scm-1"

source = {
  url = "git+https://github.com/lunawire/lunawire.git",
}

description = {
  summary = "WebSocket servers and clients in a few lines of Lua, on a C core",
  detailed = [[
WebSocket for Lua: server and client, ws:// and wss://, compression, heartbeat, back-pressure, limits
with defaults, in handlers or coroutines. A C core on libuv does the work; scripts are short.]],
  homepage = "https://github.com/lunawire/lunawire",
  issues_url = "https://github.com/lunawire/lunawire/issues",
  license = "MIT",
  labels = { "websocket", "network", "http", "server", "client" },
}

dependencies = { "lua >= 5.1, < 5.5" }

external_dependencies = {
  LIBUV = { header = "uv.h", library = "uv" },
  OPENSSL = { header = "openssl/ssl.h", library = "ssl" },
  ZLIB = { header = "zlib.h", library = "z" },
}

build = {
  type = "cmake",
  variables = {
    CMAKE_BUILD_TYPE = "Release",
    CMAKE_INSTALL_PREFIX = "$(PREFIX)",
    LUA_INCDIR = "$(LUA_INCDIR)",
    LUADIR = "$(LUADIR)",
    LIBDIR = "$(LIBDIR)",
    LIBUV_INCDIR = "$(LIBUV_INCDIR)",
    LIBUV_LIBDIR = "$(LIBUV_LIBDIR)",
    OPENSSL_INCDIR = "$(OPENSSL_INCDIR)",
    OPENSSL_LIBDIR = "$(OPENSSL_LIBDIR)",
    ZLIB_INCDIR = "$(ZLIB_INCDIR)",
    ZLIB_LIBDIR = "$(ZLIB_LIBDIR)",
  },
}
