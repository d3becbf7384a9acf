/* Connecting to a server. The options are a table at index 1 of the stack. */
#include <stdio.h>
#include <stdlib.h>

#include "../../core/lunawire_client.h"
#include "binding.h"

/* --- options --- */

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

/* What options point to besides the table. */
typedef struct storage {
  lw_proxy proxy;
  lw_field few[LW_FEW_FIELDS];
} storage;

/* What is said where, and how: all that a redirect may change. */
static void read_options(lua_State *L, lw_connect_options *options, storage *kept) {
  options->proxy = read_proxy(L, &kept->proxy);
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
  options->fields = lw__fields(L, lua_gettop(L), kept->few, &options->field_count);
}

/* --- redirects --- */

/* The option `redirect`: a function (status, location) that returns the options of the next
 * attempt; or nil, message, code. */
typedef struct redirector {
  lw_lua *lua;
  int function;
} redirector;

typedef struct redirect {
  const redirector *by;
  lw_conn *conn;
  int status;
  const char *location;
  size_t size;
  lw_failure *failure;
  bool followed;
} redirect;

static void call_redirect(lua_State *L, void *context) {
  redirect *r = context;
  lw__push_ref(L, r->by->function);
  lua_pushinteger(L, r->status);
  lua_pushlstring(L, r->location, r->size);
  lua_call(L, 2, 3);
  if (!lua_istable(L, 1)) {
    snprintf(r->failure->message, sizeof r->failure->message, "%s", luaL_checkstring(L, 2));
    snprintf(r->failure->code, sizeof r->failure->code, "%s", luaL_checkstring(L, 3));
    return;
  }
  lw_connect_options options = {0};
  storage kept;
  lua_settop(L, 1);
  read_options(L, &options, &kept);
  r->followed = lw_conn_redirect(r->conn, &options, r->failure);
}

static bool follow(void *context, lw_conn *conn, int status, const char *location, size_t size,
                   lw_failure *failure) {
  const redirector *by = context;
  lw_lua *lua = by->lua;
  redirect r = {by, conn, status, location, size, failure, false};
  *failure = (lw_failure){"NOMEM", "out of memory"};
  if (!lw__call(lua, call_redirect, &r)) lw__report(lua);
  return r.followed;
}

static void release(void *context) {
  redirector *by = context;
  lw__unref(by->lua, &by->function);
  free(by);
}

static void read_redirect(lua_State *L, lw_lua *lua, lw_redirector *to) {
  lua_getfield(L, 1, "redirect");
  if (lua_isnil(L, -1)) {
    lua_pop(L, 1);
    return;
  }
  redirector *by = malloc(sizeof *by);
  if (by == NULL) luaL_error(L, "out of memory");
  *by = (redirector){lua, lw__ref(lua, L)};
  *to = (lw_redirector){follow, release, by};
}

/* --- connecting --- */

/* connect(options) -> connection, or nil, message, code */
static int connect(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw_failure failure;
  lw_connect_options options = {0};
  lw_compression compression;
  storage kept;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  read_options(L, &options, &kept);
  options.compression = lw__opt_compression(L, 1, &compression);
  lua_getfield(L, 1, "handlers");
  lw_handlers *handlers = lw__check_handlers(L, lua, -1);
  options.stream_messages = handlers->functions[LW_ON_CHUNK] != LUA_NOREF;
  read_redirect(L, lua, &options.redirector); /* last: from here on it is owned */

  lw_conn *conn = lw_connect(lua->loop, &options, &lw__lua_conn_events, NULL, &failure);
  if (conn == NULL) return lw__push_failure(L, failure.message, failure.code);
  lw__set_handlers(conn, handlers);
  lw__push_conn(L, lua, conn);
  lw_conn_release(conn); /* the object holds it */
  return 1;
}

void lw__open_client(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {{"connect", connect}, {NULL, NULL}};
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
