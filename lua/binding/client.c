/* Connecting to a server. */
#include "binding.h"

/* The option `proxy`, into *proxy; NULL when there is none. The table keeps all of it alive. */
static const lw_proxy *read_proxy(lua_State *L, lw_proxy *proxy) {
  static const char *const kinds[] = {
      [LW_PROXY_HTTP] = "http", [LW_PROXY_SOCKS5] = "socks5", [LW_PROXY_SOCKS5H] = "socks5h", NULL};
  lua_getfield(L, 1, "proxy");
  bool wanted = lua_istable(L, -1);
  int table = lua_gettop(L);
  if (wanted) {
    lua_getfield(L, table, "kind");
    proxy->kind = (lw_proxy_kind)luaL_checkoption(L, -1, NULL, kinds);
    lua_pop(L, 1);
    proxy->host = lw__opt_string(L, table, "host");
    proxy->port = (int)lw__opt_number(L, table, "port");
    proxy->user = lw__opt_string(L, table, "user");
    proxy->password = lw__opt_string(L, table, "password");
    proxy->tls = lw__opt_tls(L, table);
  }
  lua_pop(L, 1);
  return wanted ? proxy : NULL;
}

static void read_options(lua_State *L, lw_connect_options *options, lw_field few[LW_FEW_FIELDS]) {
  lw__opt_limits(L, 1, "timeout", &options->limits);
  options->path = lw__opt_string(L, 1, "unix_path");
  options->host = lw__opt_string(L, 1, "host");
  options->port = options->path == NULL ? (int)lw__opt_number(L, 1, "port") : 0;
  options->local_address = lw__opt_string(L, 1, "local_address");
  options->authority = lw__opt_string(L, 1, "authority");
  options->target = lw__opt_string(L, 1, "target");
  options->tls = lw__opt_tls(L, 1);
  options->tls_name = lw__opt_string(L, 1, "tls_name");
  options->protocols = lw__opt_list(L, 1, "protocols");
  lua_getfield(L, 1, "headers");
  options->fields = lw__fields(L, lua_gettop(L), few, &options->field_count);
}

/* connect(options) -> connection, or nil, message, code */
static int connect(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw_failure failure;
  lw_connect_options options = {0};
  lw_compression compression;
  lw_proxy proxy;
  lw_field few[LW_FEW_FIELDS];
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  options.proxy = read_proxy(L, &proxy);
  read_options(L, &options, few);
  options.compression = lw__opt_compression(L, 1, &compression);
  lua_getfield(L, 1, "handlers");
  lw_handlers *handlers = lw__check_handlers(L, -1);
  options.stream_messages = handlers->functions[LW_ON_CHUNK] != LUA_NOREF;

  lw_conn *conn = lw_connect(lua->loop, &options, &lw__lua_conn_events, NULL, &failure);
  if (conn == NULL) return lw__push_failure(L, failure.message, failure.code);
  lw_lua_conn *c = lw__push_conn(L, lua, conn);
  lw_conn_release(conn); /* the object holds it */
  lw__set_handlers(c, handlers);
  return 1;
}

void lw__open_client(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {{"connect", connect}, {NULL, NULL}};
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
