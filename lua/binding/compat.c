#include "compat.h"

#include <string.h>

void lw__setuservalue(lua_State *L, int index) {
#if LUA_VERSION_NUM < 502
  lua_setfenv(L, index);
#else
  lua_setuservalue(L, index);
#endif
}

void lw__getuservalue(lua_State *L, int index) {
#if LUA_VERSION_NUM < 502
  lua_getfenv(L, index);
#else
  lua_getuservalue(L, index);
#endif
}

void *lw__newuserdata(lua_State *L, size_t size) {
#if LUA_VERSION_NUM >= 504
  return lua_newuserdatauv(L, size, 1);
#else
  return lua_newuserdata(L, size);
#endif
}

int lw__absindex(lua_State *L, int index) {
  return index > 0 || index <= LUA_REGISTRYINDEX ? index : lua_gettop(L) + index + 1;
}

void lw__setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues) {
  int table = lw__absindex(L, -1 - upvalues);
  for (; functions->name != NULL; functions++) {
    for (int i = 0; i < upvalues; i++) lua_pushvalue(L, -upvalues);
    lua_pushcclosure(L, functions->func, upvalues);
    lua_setfield(L, table, functions->name);
  }
  lua_pop(L, upvalues);
}

bool lw__isyieldable(lua_State *L) {
  bool is_main = lua_pushthread(L) == 1;
  lua_pop(L, 1);
  if (is_main) return false;
#if LUA_VERSION_NUM >= 503
  return lua_isyieldable(L) != 0;
#else
  return true;
#endif
}

int lw__resume(lua_State *T, lua_State *from) {
#if LUA_VERSION_NUM >= 504
  int count;
  int status = lua_resume(T, from, 0, &count);
#elif LUA_VERSION_NUM >= 502
  int status = lua_resume(T, from, 0), count = lua_gettop(T);
#else
  int status = lua_resume(T, 0), count = lua_gettop(T);
  (void)from;
#endif
  if (status == 0 || status == LUA_YIELD) lua_pop(T, count);
  return status;
}

const char *lw__tolstring(lua_State *L, int index, size_t *size) {
#if LUA_VERSION_NUM >= 502
  return luaL_tolstring(L, index, size);
#else
  if (!luaL_callmeta(L, index, "__tostring")) {
    if (lua_isnumber(L, index) || lua_isstring(L, index)) {
      lua_pushvalue(L, index);
    } else if (lua_isboolean(L, index)) {
      lua_pushstring(L, lua_toboolean(L, index) ? "true" : "false");
    } else if (lua_isnil(L, index)) {
      lua_pushliteral(L, "nil");
    } else {
      lua_pushfstring(L, "%s: %p", luaL_typename(L, index), lua_topointer(L, index));
    }
  }
  return lua_tolstring(L, -1, size);
#endif
}

int lw__traceback(lua_State *L) {
  if (!lua_isstring(L, 1)) {
    lw__tolstring(L, 1, NULL);
    lua_replace(L, 1);
  }
  lua_settop(L, 1);
#if LUA_VERSION_NUM >= 502
  luaL_traceback(L, L, lua_tostring(L, 1), 1);
#else
  lua_getglobal(L, "debug");
  if (!lua_istable(L, -1)) return lua_settop(L, 1), 1;
  lua_getfield(L, -1, "traceback");
  if (!lua_isfunction(L, -1)) return lua_settop(L, 1), 1;
  lua_pushvalue(L, 1);
  lua_pushinteger(L, 2);
  lua_call(L, 2, 1);
#endif
  return 1;
}
