/* The differences between Lua 5.1, 5.2, 5.3, 5.4 and LuaJIT: every #if on the version is here and
 * in compat.c. The names are those of the newest API where that has one. */
#ifndef LW_LUA_COMPAT_H
#define LW_LUA_COMPAT_H

#include <stdbool.h>

#include <lauxlib.h>
#include <lua.h>

#if LUA_VERSION_NUM < 502
#define lua_rawlen lua_objlen
#endif

/* lua_rawget of Lua 5.3: tells the type of what it pushed. */
static inline int lw__rawget(lua_State *L, int index) {
#if LUA_VERSION_NUM >= 503
  return lua_rawget(L, index);
#else
  lua_rawget(L, index);
  return lua_type(L, -1);
#endif
}

/* lua_setuservalue with one value, which is a table. A userdata has none before the first set, and
 * lw__getuservalue must not be called then. */
void lw__setuservalue(lua_State *L, int index);
void lw__getuservalue(lua_State *L, int index);
void *lw__newuserdata(lua_State *L, size_t size);

/* luaL_setfuncs of Lua 5.2: into the table below `upvalues` values, which every function shares. */
void lw__setfuncs(lua_State *L, const luaL_Reg *functions, int upvalues);

/* True when the function that runs on L may yield, as far as this Lua can tell. Never on the main
 * thread. */
bool lw__isyieldable(lua_State *L);

/* Runs the function on top of T, without arguments, until it returns or waits: 0 or LUA_YIELD, and
 * nothing is left on the stack of what it returned. Else an error, which is on top of T. After 0
 * the thread can run another function. */
int lw__resume(lua_State *T, lua_State *from);

/* Replaces the error value at the top by a text with its traceback. */
int lw__traceback(lua_State *L);

/* Pushes the text of any value, as tostring gives it. */
const char *lw__tolstring(lua_State *L, int index, size_t *size);

/* Turns a possibly relative stack index into an absolute one. */
int lw__absindex(lua_State *L, int index);

#endif
