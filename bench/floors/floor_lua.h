/* With -DFLOOR_LUA a floor hands each message to a Lua 5.4 function, which returns it: a string
 * made and a function called is the least that a server costs whose messages a script sees. */
#ifndef FLOOR_LUA_H
#define FLOOR_LUA_H

#include <lauxlib.h>
#include <lua.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* A state whose stack holds the function, collected as lua5.4 collects. */
static inline lua_State *floor_lua_new(void) {
  lua_State *L = luaL_newstate();
  if (L == NULL || luaL_dostring(L, "return function(message) return message end") != 0) abort();
  lua_gc(L, LUA_GCGEN, 0, 0);
  return L;
}

/* The message becomes what the function returns, which is of its size. */
static inline void floor_lua_echo(uint8_t *message, size_t size) {
  static lua_State *L;
  if (L == NULL) L = floor_lua_new();
  lua_pushvalue(L, 1);
  lua_pushlstring(L, (const char *)message, size);
  lua_call(L, 1, 1);
  memcpy(message, lua_tostring(L, -1), size);
  lua_pop(L, 1);
}

#endif
