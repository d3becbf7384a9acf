/* TLS contexts, which servers and clients are given. What a connection tells of its own is in
 * walk.c. */
#include "binding.h"

#define METATABLE "lunawire.tls"

/* --- contexts --- */

static lw_tls_context **check_context(lua_State *L, int index) {
  return luaL_checkudata(L, index, METATABLE);
}

lw_tls_context *lw__opt_tls(lua_State *L, int table) {
  lua_getfield(L, table, "tls");
  lw_tls_context *context = lua_isnil(L, -1) ? NULL : *check_context(L, -1);
  lua_pop(L, 1); /* the table keeps it alive */
  return context;
}

/* The array `pairs` of { name =, cert =, key = }; a userdata that is left on the stack. */
static const lw_tls_pair *read_pairs(lua_State *L, int table, size_t *count) {
  lua_getfield(L, table, "pairs");
  int list = lua_gettop(L);
  *count = lua_istable(L, list) ? lua_rawlen(L, list) : 0;
  lw_tls_pair *pairs = lua_newuserdata(L, (*count + 1) * sizeof *pairs);
  for (size_t i = 0; i < *count; i++) {
    lua_rawgeti(L, list, (int)i + 1);
    int pair = lua_gettop(L);
    pairs[i].name = lw__opt_string(L, pair, "name");
    pairs[i].cert = lw__opt_string(L, pair, "cert");
    pairs[i].key = lw__opt_string(L, pair, "key");
    if (pairs[i].cert == NULL) luaL_error(L, "a pair has no cert");
    lua_pop(L, 1);
  }
  return pairs;
}

/* tls{ server =, self_signed =, verify =, require =, ktls =, ca =, pairs = } -> context, or nil,
 * message, code */
static int open_context(lua_State *L) {
  lw_failure failure;
  luaL_checktype(L, 1, LUA_TTABLE);
  lw_tls_context **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  int object = lua_gettop(L);
  lw_tls_options options = {
      .is_server = lw__opt_boolean(L, 1, "server"),
      .self_signed = lw__opt_boolean(L, 1, "self_signed"),
      .verify = lw__opt_boolean(L, 1, "verify"),
      .require = lw__opt_boolean(L, 1, "require"),
      .ktls = lw__opt_boolean(L, 1, "ktls"),
      .ca = lw__opt_string(L, 1, "ca"),
  };
  options.pairs = read_pairs(L, 1, &options.pair_count);
  *box = lw_tls_open(&options, &failure);
  if (*box == NULL) return lw__push_failure(L, failure.message, failure.code);
  lua_pushvalue(L, object);
  return 1;
}

static int context_gc(lua_State *L) {
  lw_tls_context **box = check_context(L, 1);
  if (*box != NULL) lw_tls_release(*box);
  *box = NULL;
  return 0;
}

/* set_tls(server, context): for new connections */
static int set_tls(lua_State *L) {
  const lw_lua_server *s = lw__check_server(L, 1);
  lw_server_set_tls(s->server, *check_context(L, 2));
  return 0;
}

static int has_tls(lua_State *L) {
  lua_pushboolean(L, lw_server_has_tls(lw__check_server(L, 1)->server));
  return 1;
}

void lw__open_tls(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {
      {"tls", open_context}, {"set_tls", set_tls}, {"has_tls", has_tls}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, context_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
  lua_pushboolean(L, lw_tls_has_ktls());
  lua_setfield(L, -2, "ktls");
}
