/* The one door from C into Lua. Whatever is called through it cannot take the process down: every
 * push and every call happens inside a protected call, on a thread of its own. */
#include <stdio.h>

#include "binding.h"
#include "fiber.h"

typedef struct call {
  void (*body)(lua_State *L, void *context);
  void *context;
} call;

/* Its two upvalues, "text" and "binary", are there for the bodies that push a message's kind. */
static int trampoline(lua_State *L) {
  const call *c = lua_touserdata(L, 1);
  lua_settop(L, 0);
  c->body(L, c->context);
  return 0;
}

bool lw__call(lw_lua *lua, void (*body)(lua_State *L, void *context), void *context) {
  lua_State *L = lua->L;
  call c = {body, context};
  lw__push_ref(L, lua->traceback);
  lw__push_ref(L, lua->trampoline);
  lua_pushlightuserdata(L, &c);
  bool done = lua_pcall(L, 1, 0, -3) == 0;
  if (done) {
    lua_pop(L, 1);
  } else {
    lua_remove(L, -2);
  }
  return done;
}

static int traceback(lua_State *L) {
  return lw__traceback(L);
}

/* Scripts get hold of the thread: coroutine.running() in a handler. Nothing stays on its stack, so
 * that they cannot resume it later: it looks dead. */
void lw__open_door(lw_lua *lua) {
  lua_State *L = lua->L;
  lua_pushcfunction(L, traceback);
  lua->traceback = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushliteral(L, "text");
  lua->text = lua_tostring(L, -1);
  lua_pushliteral(L, "binary");
  lua->binary = lua_tostring(L, -1);
  lua_pushcclosure(L, trampoline, 2);
  lua->trampoline = luaL_ref(L, LUA_REGISTRYINDEX);
}

/* Calls the hook with the message at the index. Leaves the stack as it was. */
static bool call_report(lw_lua *lua, int message) {
  lua_State *L = lua->L;
  lw__push_ref(L, lua->traceback);
  lw__push_ref(L, lua->hooks[LW_HOOK_REPORT]);
  lua_pushvalue(L, message);
  bool done = lua_pcall(L, 1, 0, message + 1) == 0;
  lua_settop(L, message);
  return done;
}

void lw__report(lw_lua *lua) {
  lua_State *L = lua->L;
  if (lua->hooks[LW_HOOK_REPORT] != LUA_NOREF && call_report(lua, lua_gettop(L))) {
    lua_pop(L, 1);
    return;
  }
  const char *message = lua_tostring(L, -1);
  fprintf(stderr, "lunawire: %s\n", message != NULL ? message : "error without a message");
  lua_pop(L, 1);
}

void lw__check_may_run(lua_State *L, lw_lua *lua, const char *what) {
  if (!lw_loop_in_callback(lua->loop)) return;
  luaL_error(L, "%s cannot wait inside a handler: use ws.spawn(function() ... end)", what);
}

bool lw__can_yield(lua_State *L, lw_lua *lua) {
  return lw__in_fiber(lua) || (L != lua->L && lw__isyieldable(L));
}
