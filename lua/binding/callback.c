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
  lua_pushvalue(L, LW_SLOT_TRAMPOLINE);
  lua_pushlightuserdata(L, &c);
  return lua_pcall(L, 1, 0, LW_SLOT_TRACEBACK) == 0;
}

static int traceback(lua_State *L) {
  return lw__traceback(L);
}

void lw__open_door(lw_lua *lua) {
  lua_State *L = lua->L;
  lua_settop(L, 0);
  lua_pushcfunction(L, traceback);
  lua_pushliteral(L, "text");
  lua->text = lua_tostring(L, -1);
  lua_pushliteral(L, "binary");
  lua->binary = lua_tostring(L, -1);
  lua_pushcclosure(L, trampoline, 2);
}

void lw__report(lw_lua *lua) {
  lua_State *L = lua->L;
  if (lua->hooks[LW_HOOK_REPORT] != LUA_NOREF) {
    lw__push_ref(L, lua->hooks[LW_HOOK_REPORT]);
    lua_pushvalue(L, -2);
    if (lua_pcall(L, 1, 0, LW_SLOT_TRACEBACK) == 0) {
      lua_pop(L, 1);
      return;
    }
    lua_pop(L, 1);
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
