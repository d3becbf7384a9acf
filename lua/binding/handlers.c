/* Sets of handler functions. One set serves all connections of a route, so that a connection costs
 * no table and finding a handler is one array access. */
#include <stdlib.h>
#include <string.h>

#include "binding.h"

#define METATABLE "lunawire.handlers"

static const char *const names[LW_HANDLERS] = {
    [LW_ON_OPEN] = "on_open",   [LW_ON_MESSAGE] = "on_message", [LW_ON_CHUNK] = "on_chunk",
    [LW_ON_CLOSE] = "on_close", [LW_ON_ERROR] = "on_error",     [LW_ON_DRAIN] = "on_drain",
    [LW_ON_PING] = "on_ping",   [LW_ON_PONG] = "on_pong",
};

typedef struct box {
  lw_handlers *handlers;
} box;

/* As luaL_checkudata, which each upgrade would pay for, but without looking a name up. */
lw_handlers *lw__check_handlers(lua_State *L, const lw_lua *lua, int index) {
  bool is_ours = false;
  if (lua_getmetatable(L, index)) {
    is_ours = lua_topointer(L, -1) == lua->handlers_metatable;
    lua_pop(L, 1);
  }
  const box *b = is_ours ? lua_touserdata(L, index) : NULL;
  if (b == NULL) b = luaL_checkudata(L, index, METATABLE); /* raises */
  return b->handlers;
}

void lw__handlers_hold(lw_handlers *handlers) {
  handlers->count++;
}

void lw__handlers_release(lw_handlers *handlers) {
  if (--handlers->count > 0) return;
  for (int i = 0; i < LW_HANDLERS; i++) lw__unref(handlers->lua, &handlers->functions[i]);
  free(handlers);
}

lw_handlers *lw__handlers_of(const lw_conn *conn) {
  const lw_lua_conn *c = lw_conn_user(conn);
  return c != NULL ? c->handlers : lw_conn_context(conn);
}

void lw__set_handlers(lw_conn *conn, lw_handlers *handlers) {
  lw_lua_conn *c = lw_conn_user(conn);
  lw_handlers *before = lw__handlers_of(conn);
  if (handlers != NULL) lw__handlers_hold(handlers);
  if (c != NULL) {
    c->handlers = handlers;
  } else {
    lw_conn_set_context(conn, handlers);
  }
  if (before != NULL) lw__handlers_release(before);
}

static int handlers_gc(lua_State *L) {
  box *b = luaL_checkudata(L, 1, METATABLE);
  if (b->handlers != NULL) lw__handlers_release(b->handlers);
  b->handlers = NULL;
  return 0;
}

static int handlers_new(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  luaL_checktype(L, 1, LUA_TTABLE);
  box *b = lw__newuserdata(L, sizeof *b);
  b->handlers = NULL;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  b->handlers = malloc(sizeof *b->handlers);
  if (b->handlers == NULL) return luaL_error(L, "out of memory");
  b->handlers->lua = lua;
  b->handlers->count = 1;
  for (int i = 0; i < LW_HANDLERS; i++) b->handlers->functions[i] = LUA_NOREF;
  for (int i = 0; i < LW_HANDLERS; i++) {
    lua_getfield(L, 1, names[i]);
    if (lua_isnil(L, -1)) {
      lua_pop(L, 1);
    } else {
      b->handlers->functions[i] = lw__ref(lua, L);
    }
  }
  return 1;
}

/* handler(conn, name): the function that a connection calls; nil: none, or it has ended. */
static int handler(lua_State *L) {
  const lw_handlers *handlers = lw__check_conn(L, 1)->handlers;
  const char *name = luaL_checkstring(L, 2);
  for (int i = 0; i < LW_HANDLERS && handlers != NULL; i++) {
    if (strcmp(name, names[i]) != 0 || handlers->functions[i] == LUA_NOREF) continue;
    lw__push_ref(L, handlers->functions[i]);
    return 1;
  }
  return 0;
}

void lw__open_handlers(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {
      {"handlers", handlers_new}, {"handler", handler}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, handlers_gc);
  lua_setfield(L, -2, "__gc");
  ((lw_lua *)lua_touserdata(L, lua))->handlers_metatable = lua_topointer(L, -1);
  lua_pop(L, 1);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
