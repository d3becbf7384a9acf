/* What keeps Lua's collector from a round for each large message.
 *
 * A round begins when what is in use has grown by a share of itself, and takes time by all that is
 * alive. A message larger than everything else that a script has is such a share alone. It is not
 * beside a block that counts as in use: of no content, never touched, so that the system gives no
 * memory for it. Smaller messages do better without: their strings stay in the processor's cache
 * when they are collected soon. */
#include "binding.h"

#define BALLAST_SIZE ((size_t)512 * 1024)

static int make_ballast(lua_State *L) {
  lw__newuserdata(L, BALLAST_SIZE);
  luaL_ref(L, LUA_REGISTRYINDEX); /* for good */
  return 0;
}

void lw__take_ballast(lua_State *L, lw_lua *lua) {
  lua_pushcfunction(L, make_ballast);
  int status = lua_pcall(L, 0, 0, 0);
  lua->has_ballast = status == 0 || status == LUA_ERRMEM;
  if (!lua->has_ballast) lua_error(L); /* a finalizer of the script's threw */
  if (status != 0) lua_pop(L, 1);      /* all works without, only slower */
}
