/* lunawire.core: the loop of this Lua state and everything that hangs off it. docs/seam.md lists
 * it. */
#include <stdio.h>
#include <string.h>

#include "binding.h"
#include "fiber.h"
#include "protocol.h"

#define METATABLE "lunawire.state"

#define UP_LUA lua_upvalueindex(1)

/* A finalizer of the script's may come when the loop is gone already. */
lw_lua *lw__lua(lua_State *L) {
  lw_lua *lua = lua_touserdata(L, UP_LUA);
  if (lua->loop == NULL) luaL_error(L, "the Lua state is ending, and lunawire's loop has ended");
  return lua;
}

int lw__ref(lw_lua *lua, lua_State *L) {
  int reference = luaL_ref(L, LUA_REGISTRYINDEX);
  lua->references++;
  return reference;
}

void lw__unref(lw_lua *lua, int *reference) {
  if (*reference == LUA_NOREF) return;
  luaL_unref(lua->L, LUA_REGISTRYINDEX, *reference);
  *reference = LUA_NOREF;
  lua->references--;
}

void lw__push_ref(lua_State *L, int reference) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, reference);
}

/* --- the loop --- */

/* The interpreter takes Ctrl-C by a hook that throws when Lua runs next. That is here, outside of
 * all handlers, so that it ends ws.run and not a connection. */
static void let_hooks_run(lua_State *L) {
  if (luaL_loadbuffer(L, "", 0, "=ws.run") != 0) lua_error(L);
  lua_call(L, 0, 0);
}

static int run(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw__check_may_run(L, lua, "ws.run");
  while (lw_loop_run(lua->loop)) let_hooks_run(L);
  lua_pushboolean(L, 1);
  return 1;
}

static int stop(lua_State *L) {
  lw_loop_stop(lw__lua(L)->loop);
  return 0;
}

static int step(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lua_Number seconds = luaL_optnumber(L, 1, -1);
  lw__check_may_run(L, lua, "ws.step");
  if (seconds > 1e9) seconds = -1;
  int64_t timeout_ms = seconds < 0 ? -1 : (int64_t)(seconds * 1000 + 0.999);
  lua_pushboolean(L, lw_loop_step(lua->loop, timeout_ms));
  return 1;
}

static int fd(lua_State *L) {
  int descriptor = lw_loop_fd(lw__lua(L)->loop);
  if (descriptor < 0) return 0;
  lua_pushinteger(L, descriptor);
  return 1;
}

static int now(lua_State *L) {
  lua_pushnumber(L, (lua_Number)lw_loop_now_ms(lw__lua(L)->loop) / 1000);
  return 1;
}

static int in_handler(lua_State *L) {
  lua_pushboolean(L, lw_loop_in_callback(lw__lua(L)->loop));
  return 1;
}

static int can_yield(lua_State *L) {
  lua_pushboolean(L, lw__can_yield(L, lw__lua(L)));
  return 1;
}

static int set_hook(lua_State *L) {
  static const char *const names[] = {
      [LW_HOOK_REPORT] = "report", [LW_HOOK_PROPERTY] = "property", [LW_HOOK_PARK] = "park",
      [LW_HOOK_UNPARK] = "unpark", [LW_HOOK_BODY] = "body",         [LW_HOOK_GONE] = "gone",
      [LW_HOOK_DRAIN] = "drain",   [LW_HOOK_LENT] = "lent",         [LW_HOOKS] = NULL};
  lw_lua *lua = lw__lua(L);
  int hook = luaL_checkoption(L, 1, NULL, names);
  lw__unref(lua, &lua->hooks[hook]);
  if (lua_isnoneornil(L, 2)) return 0;
  lua_settop(L, 2);
  lua->hooks[hook] = lw__ref(lua, L);
  return 0;
}

/* report(message): what would happen to an error that no handler takes. */
static int report(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw__tolstring(L, 1, NULL);
  lua_xmove(L, lua->L, 1);
  lw__report(lua);
  return 0;
}

static void set_count(lua_State *L, const char *name, long count) {
  lua_pushinteger(L, count);
  lua_setfield(L, -2, name);
}

/* leaks() -> what is alive: connections, servers, timers, signals, files, jobs, and references
 * besides the hooks */
static int leaks(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw_loop_counts counts;
  long hooks = 0;
  for (int i = 0; i < LW_HOOKS; i++) hooks += lua->hooks[i] != LUA_NOREF;
  lw_loop_count(lua->loop, &counts);
  lua_createtable(L, 0, 7);
  set_count(L, "connections", (long)counts.connections);
  set_count(L, "servers", (long)counts.servers);
  set_count(L, "timers", (long)counts.timers);
  set_count(L, "signals", (long)counts.signals);
  set_count(L, "files", (long)counts.files);
  set_count(L, "jobs", (long)counts.jobs);
  set_count(L, "references", lua->references - hooks);
  return 1;
}

/* --- the state --- */

/* At the end of the Lua state. Inside a handler (os.exit there closes the state) libuv is on the C
 * stack below us and the process is about to end: nothing is touched then. */
static int state_gc(lua_State *L) {
  lw_lua *lua = luaL_checkudata(L, 1, METATABLE);
  if (lua->loop != NULL && !lw_loop_in_callback(lua->loop)) lw_loop_free(lua->loop);
  lua->loop = NULL;
  return 0;
}

static void new_state(lua_State *L) {
  lw_failure failure;
  lw_lua *lua = lua_newuserdata(L, sizeof *lua);
  memset(lua, 0, sizeof *lua);
  for (int i = 0; i < LW_HOOKS; i++) lua->hooks[i] = LUA_NOREF;
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, state_gc);
  lua_setfield(L, -2, "__gc");
  lua_setmetatable(L, -2);
  lua->L = lua_newthread(L);
  luaL_ref(L, LUA_REGISTRYINDEX); /* anchored for good, as is the next */
  lua_newtable(L);
  lua->pins = luaL_ref(L, LUA_REGISTRYINDEX);
  lw__open_door(lua);
  lua->loop = lw_loop_new(NULL, &failure);
  if (lua->loop == NULL) luaL_error(L, "%s", failure.message);
}

static void open_loop(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {
      {"run", run},
      {"stop", stop},
      {"step", step},
      {"fd", fd},
      {"now", now},
      {"in_handler", in_handler},
      {"can_yield", can_yield},
      {"set_hook", set_hook},
      {"report", report},
      {"leaks", leaks},
      {NULL, NULL},
  };
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}

#if defined(_WIN32)
#define LW_EXPORT __declspec(dllexport)
#else
#define LW_EXPORT __attribute__((visibility("default")))
#endif

LW_EXPORT int luaopen_lunawire_core(lua_State *L);

LW_EXPORT int luaopen_lunawire_core(lua_State *L) {
  lua_settop(L, 0);
  new_state(L);
  lua_newtable(L);
  open_loop(L, 1);
  lw__open_timer(L, 1);
  lw__open_handlers(L, 1);
  lw__open_conn(L, 1);
  lw__open_server(L, 1);
  lw__open_walk(L);
  lw__open_topic(L, 1);
  lw__open_request(L, 1);
  lw__open_client(L, 1);
  lw__open_tls(L, 1);
  lw__open_text(L, 1);
  lw__open_file(L, 1);
  lw__open_fiber(L, 1);
  lw__lua_open_protocol(L);
  lua_setfield(L, -2, "protocol");
  return 1;
}
