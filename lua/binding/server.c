/* Servers. What a script answers to their requests is in request.c. */
#include <string.h>

#include "../../core/proto/close.h"
#include "../../core/proto/utf8.h"
#include "binding.h"

#define METATABLE "lunawire.server"

lw_lua_server *lw__check_server(lua_State *L, int index) {
  lw_lua_server *s = luaL_checkudata(L, index, METATABLE);
  if (s->server == NULL) luaL_error(L, "the Lua state is ending, and this server has ended");
  return s;
}

/* --- events --- */

typedef struct accept_error {
  lw_lua_server *s;
  const char *message, *code;
} accept_error;

static void call_on_error(lua_State *L, void *context) {
  const accept_error *e = context;
  lw__push_ref(L, e->s->on_error);
  lua_pushstring(L, e->message);
  lua_pushstring(L, e->code);
  lua_call(L, 2, 0);
}

static void on_accept_error(lw_server *server, const char *message, const char *code) {
  lw_lua_server *s = lw_server_user(server);
  if (s->on_error == LUA_NOREF) return;
  if (!lw__call(s->lua, call_on_error, &(accept_error){s, message, code})) lw__report(s->lua);
}

static void forget_calls(lw_lua_server *s) {
  lw__unref(s->lua, &s->on_request);
  lw__unref(s->lua, &s->upgrades);
  if (s->handlers != NULL) lw__handlers_release(s->handlers);
  s->handlers = NULL;
}

static void forget(lw_lua_server *s) {
  forget_calls(s);
  lw__unref(s->lua, &s->on_error);
  lw__unref(s->lua, &s->self);
}

/* Connections that a script keeps hold the core's server, but not this object. */
static void on_end(lw_server *server) {
  forget(lw_server_user(server));
  lw_server_set_user(server, NULL);
}

static const lw_server_events server_events = {&lw__lua_conn_events, on_accept_error, on_end};

/* --- serving --- */

/* A reference to the value of that type in the table at 1, or LUA_NOREF. */
static int take(lua_State *L, lw_lua *lua, const char *name, int type) {
  lua_getfield(L, 1, name);
  if (lua_type(L, -1) == type) return lw__ref(lua, L);
  lua_pop(L, 1);
  return LUA_NOREF;
}

/* What is called for requests: handlers or on_request, of the table at 1. */
static void take_calls(lua_State *L, lw_lua_server *s) {
  s->on_request = take(L, s->lua, "on_request", LUA_TFUNCTION);
  s->upgrades = take(L, s->lua, "upgrades", LUA_TTABLE);
  lua_getfield(L, 1, "handlers");
  if (!lua_isnil(L, -1)) {
    s->handlers = lw__check_handlers(L, s->lua, -1);
    lw__handlers_hold(s->handlers);
  }
  lua_pop(L, 1);
}

static bool decides(const lw_lua_server *s) {
  return s->on_request != LUA_NOREF;
}

static bool streams(const lw_lua_server *s) {
  return s->handlers != NULL && s->handlers->functions[LW_ON_CHUNK] != LUA_NOREF;
}

static void read_options(lua_State *L, lw_server_options *options) {
  lw__opt_limits(L, 1, "handshake_timeout", &options->limits);
  options->limits.keep_alive_ms = lw__opt_milliseconds(L, 1, "keep_alive");
  options->limits.body_ms = lw__opt_milliseconds(L, 1, "body_timeout");
  options->limits.write_ms = lw__opt_milliseconds(L, 1, "write_timeout");
  options->host = lw__opt_string(L, 1, "host");
  options->path = lw__opt_string(L, 1, "path");
  options->port = options->path == NULL ? (int)lw__opt_number(L, 1, "port") : 0;
  options->backlog = (int)lw__opt_number(L, 1, "backlog");
  options->reuse_port = lw__opt_boolean(L, 1, "reuse_port");
  options->proxy_protocol = lw__opt_boolean(L, 1, "proxy_protocol");
  options->max_connections = (uint32_t)lw__opt_number(L, 1, "max_connections");
  options->max_topics = (uint32_t)lw__opt_number(L, 1, "max_topics");
  options->protocols = lw__opt_list(L, 1, "protocols");
  options->origins = lw__opt_list(L, 1, "origins");
  options->tls = lw__opt_tls(L, 1);
}

/* origins = "*" */
static bool any_origin(lua_State *L) {
  const char *text = lw__opt_string(L, 1, "origins");
  return text != NULL && text[0] == '*' && text[1] == '\0';
}

static int serve(lua_State *L) {
  static const char *const any[] = {"*", NULL};
  lw_lua *lua = lw__lua(L);
  lw_failure failure;
  lw_server_options options = {0};
  lw_compression compression;
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 1);
  read_options(L, &options);
  options.compression = lw__opt_compression(L, 1, &compression);
  if (any_origin(L)) options.origins = any;

  lw_lua_server *s = lua_newuserdata(L, sizeof *s);
  int object = lua_gettop(L);
  *s = (lw_lua_server){.lua = lua,
                       .on_request = LUA_NOREF,
                       .upgrades = LUA_NOREF,
                       .on_error = LUA_NOREF,
                       .self = LUA_NOREF};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, object);
  s->on_error = take(L, lua, "on_error", LUA_TFUNCTION);
  take_calls(L, s);
  options.decide_upgrades = decides(s);
  options.stream_messages = streams(s);
  lua_pushvalue(L, object);
  s->self = lw__ref(lua, L);

  s->server = lw_server_open(lua->loop, &options, &server_events, s, &failure);
  if (s->server == NULL) {
    forget(s);
    return lw__push_failure(L, failure.message, failure.code);
  }
  lw_server_hold(s->server);
  lua_pushvalue(L, object);
  return 1;
}

/* set_calls(server, { handlers =, on_request =, upgrades =, protocols = }): for requests that come
 * from now on. */
static int set_calls(lua_State *L) {
  lw_lua_server *s = lw__check_server(L, 1);
  luaL_checktype(L, 2, LUA_TTABLE);
  lua_settop(L, 2);
  lua_insert(L, 1); /* the table is where serve has it */
  const char *const *protocols = lw__opt_list(L, 1, "protocols");
  if (s->self == LUA_NOREF) return 0; /* it has ended */
  forget_calls(s);
  take_calls(L, s);
  if (lw_server_set_rules(s->server, protocols, decides(s), streams(s))) return 0;
  return luaL_error(L, "out of memory");
}

/* --- server methods --- */

/* server:stop([code [, reason]]): stops listening and closes every connection (1001). */
static int server_stop(lua_State *L) {
  lw_lua_server *s = lw__check_server(L, 1);
  size_t size;
  unsigned code = lw__close_code(L, 2, 1001);
  const char *reason = luaL_optlstring(L, 3, "", &size);
  if (!lw_close_code_valid(code) || size > LW_CLOSE_REASON_MAX ||
      !lw_utf8_valid((const uint8_t *)reason, size)) {
    return lw__raise_closing(L, "stop");
  }
  lw_server_stop(s->server, code, reason);
  return 0;
}

/* stop_listening(server): the connections stay. */
static int stop_listening(lua_State *L) {
  lw_server_stop(lw__check_server(L, 1)->server, 0, NULL);
  return 0;
}

/* server:connections() -> array of the open ones */
static int server_connections(lua_State *L) {
  const lw_lua_server *s = lw__check_server(L, 1);
  lw__push_conns(L, s->lua, s->server);
  return 1;
}

static void set_number(lua_State *L, const char *name, uint64_t number) {
  lua_pushinteger(L, (lua_Integer)number);
  lua_setfield(L, -2, name);
}

static int server_stats(lua_State *L) {
  lw_server_stats stats;
  lw_server_stats_get(lw__check_server(L, 1)->server, &stats);
  lua_createtable(L, 0, 9);
  set_number(L, "connections", stats.connections);
  set_number(L, "open", stats.open);
  set_number(L, "accepted", stats.accepted);
  set_number(L, "opened", stats.opened);
  set_number(L, "refused", stats.refused);
  set_number(L, "messages_in", stats.messages_in);
  set_number(L, "messages_out", stats.messages_out);
  set_number(L, "bytes_in", stats.bytes_in);
  set_number(L, "bytes_out", stats.bytes_out);
  return 1;
}

/* The fields that are not methods: listening, port, address. */
static int server_index(lua_State *L) {
  const lw_lua_server *s = lw__check_server(L, 1);
  const char *name = luaL_checkstring(L, 2);
  char address[256];
  int port;
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(2));
  if (!lua_isnil(L, -1)) return 1;
  if (strcmp(name, "listening") == 0) {
    lua_pushboolean(L, lw_server_listening(s->server));
  } else if (!lw_server_address(s->server, address, sizeof address, &port)) {
    lua_pushnil(L);
  } else if (strcmp(name, "port") == 0) {
    lua_pushinteger(L, port);
  } else if (strcmp(name, "address") == 0) {
    lua_pushstring(L, address);
  }
  return 1;
}

static int server_tostring(lua_State *L) {
  char address[256];
  int port;
  if (!lw_server_address(lw__check_server(L, 1)->server, address, sizeof address, &port)) {
    lua_pushliteral(L, "lunawire server (stopped)");
  } else if (port == 0) {
    lua_pushfstring(L, "lunawire server (%s)", address);
  } else {
    lua_pushfstring(L, "lunawire server (%s port %d)", address, port);
  }
  return 1;
}

static void silence(lw_conn *conn, void *context) {
  (void)context;
  lw__set_handlers(conn, NULL);
}

/* A server that did not end by itself is collected at the end of the Lua state only. */
static int server_gc(lua_State *L) {
  lw_lua_server *s = luaL_checkudata(L, 1, METATABLE);
  if (s->server != NULL) lw_server_each(s->server, silence, NULL);
  if (s->handlers != NULL) lw__handlers_release(s->handlers);
  if (s->server != NULL) lw_server_release(s->server);
  s->handlers = NULL;
  s->server = NULL;
  return 0;
}

void lw__open_server(lua_State *L, int lua) {
  static const luaL_Reg methods[] = {{"stop", server_stop},
                                     {"connections", server_connections},
                                     {"stats", server_stats},
                                     {NULL, NULL}};
  static const luaL_Reg functions[] = {
      {"serve", serve}, {"set_calls", set_calls}, {"stop_listening", stop_listening}, {NULL, NULL}};
  int module = lua_gettop(L);
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, server_gc);
  lua_setfield(L, -2, "__gc");
  lua_pushcfunction(L, server_tostring);
  lua_setfield(L, -2, "__tostring");
  lua_pushvalue(L, lua);
  lua_newtable(L);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, methods, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, module, "server_methods");
  lua_pushcclosure(L, server_index, 2);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
