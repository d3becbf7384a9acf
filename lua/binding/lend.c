/* The coroutines that requests are handled in. Making one costs more than most handlers do, so each
 * is lent for one request after the other. Only when a handler waits or throws does Lua hear of its
 * coroutine, by the hook `lent`, and keeps it. */
#include "binding.h"
#include "fiber.h"

/* Where errors may be raised: a thread of its own and what keeps it alive. */
static void new_thread(lua_State *L, void *context) {
  lw_lent *lent = context;
  lent->T = lua_newthread(L);
  lent->reference = luaL_ref(L, LUA_REGISTRYINDEX);
}

static bool take(lw_lua *lua, lw_lent *lent) {
  if (lua->idle_count == 0) return lw__call(lua, new_thread, lent);
  *lent = lua->idle[--lua->idle_count];
  return true;
}

static void give_up(lw_lua *lua, const lw_lent *lent) {
  luaL_unref(lua->L, LUA_REGISTRYINDEX, lent->reference);
}

static void put_back(lw_lua *lua, const lw_lent *lent) {
  if (lua->idle_count == LW_IDLE_MAX) {
    give_up(lua, lent);
  } else {
    lua->idle[lua->idle_count++] = *lent;
  }
}

typedef struct lent_call {
  lw_lent *lent;
  int hook;
  bool threw;
} lent_call;

/* lent(thread, ok, message) */
static void call_lent(lua_State *L, void *context) {
  const lent_call *call = context;
  lw__push_ref(L, call->hook);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->lent->reference);
  lua_pushboolean(L, !call->threw);
  lua_pushnil(L);
  if (call->threw) {
    lua_xmove(call->lent->T, L, 1);
    lua_remove(L, -2);
  }
  lua_call(L, 3, 0);
}

static void call_function(lua_State *L, void *context) {
  lw__push_ref(L, *(int *)context);
  lua_call(L, 0, 0);
}

bool lw__lend(lw_lua *lua, int function) {
  lw_lent lent;
  /* Its coroutines are not Lua's own: it lends them itself. */
  if (lua->has_fibers) return lw__call(lua, call_function, &function);
  if (!take(lua, &lent)) return false;
  lw__push_ref(lent.T, function);
  int status = lw__resume(lent.T, lua->L);
  if (status == 0) {
    put_back(lua, &lent);
    return true;
  }
  lent_call call = {&lent, lua->hooks[LW_HOOK_LENT], status != LUA_YIELD};
  bool kept = lw__call(lua, call_lent, &call);
  give_up(lua, &lent);
  return kept;
}
