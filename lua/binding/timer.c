/* Timers and signals of scripts. The userdata is kept by the registry while it can still call. */
#include <math.h>
#include <stdio.h>

#include "binding.h"

#define TIMER "lunawire.timer"
#define SIGNAL "lunawire.signal"

typedef struct alarm {
  lw_lua *lua;
  lw_timer *timer; /* one of the two, NULL once it is stopped */
  lw_signal *signal;
  int function, self;
  bool repeats;
  char name[16]; /* of the signal */
} alarm;

static void forget(alarm *a) {
  a->timer = NULL;
  a->signal = NULL;
  lw__unref(a->lua, &a->function);
  lw__unref(a->lua, &a->self);
}

static void stop(alarm *a) {
  bool has_loop = a->lua->loop != NULL; /* it took its timers with it */
  if (has_loop && a->timer != NULL) lw_timer_stop(a->timer);
  if (has_loop && a->signal != NULL) lw_signal_stop(a->signal);
  forget(a);
}

static int timer_stop(lua_State *L) {
  stop(luaL_checkudata(L, 1, TIMER));
  return 0;
}

static int signal_stop(lua_State *L) {
  stop(luaL_checkudata(L, 1, SIGNAL));
  return 0;
}

static void push_function(lua_State *L, const alarm *a) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, a->function);
}

static void timer_body(lua_State *L, void *context) {
  alarm *a = context;
  push_function(L, a);
  if (!a->repeats) forget(a); /* the core has forgotten it too */
  lua_call(L, 0, 0);
}

static void on_timer(void *context) {
  lw_lua *lua = ((alarm *)context)->lua;
  if (!lw__call(lua, timer_body, context)) lw__report(lua);
}

static void signal_body(lua_State *L, void *context) {
  const alarm *a = context;
  push_function(L, a);
  lua_pushstring(L, a->name);
  lua_call(L, 1, 0);
}

static void on_signal(void *context) {
  lw_lua *lua = ((alarm *)context)->lua;
  if (!lw__call(lua, signal_body, context)) lw__report(lua);
}

/* Pushes an alarm that calls the function at the index. */
static alarm *alarm_new(lua_State *L, lw_lua *lua, int function, const char *metatable) {
  luaL_checktype(L, function, LUA_TFUNCTION);
  alarm *a = lua_newuserdata(L, sizeof *a);
  *a = (alarm){.lua = lua, .function = LUA_NOREF, .self = LUA_NOREF};
  luaL_getmetatable(L, metatable);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, function);
  a->function = lw__ref(lua, L);
  lua_pushvalue(L, -1);
  a->self = lw__ref(lua, L);
  return a;
}

static uint64_t milliseconds(lua_State *L, int index) {
  double ms = ceil(luaL_checknumber(L, index) * 1000);
  if (!(ms >= 0)) luaL_argerror(L, index, "must be a number of seconds that is not negative");
  return ms < 1e15 ? (uint64_t)ms : UINT64_C(1000000000000000);
}

static int timer_new(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  uint64_t delay_ms = milliseconds(L, 1), every_ms = 0;
  if (!lua_isnoneornil(L, 2)) every_ms = milliseconds(L, 2);
  alarm *a = alarm_new(L, lua, 3, TIMER);
  a->repeats = every_ms > 0;
  a->timer = lw_timer_start(lua->loop, delay_ms, every_ms, on_timer, a);
  if (a->timer != NULL) return 1;
  forget(a);
  return luaL_error(L, "out of memory");
}

static int signal_new(lua_State *L) {
  lw_lua *lua = lw__lua(L);
  lw_failure failure;
  const char *name = luaL_checkstring(L, 1);
  alarm *a = alarm_new(L, lua, 2, SIGNAL);
  snprintf(a->name, sizeof a->name, "%s", name);
  a->signal = lw_signal_start(lua->loop, name, on_signal, a, &failure);
  if (a->signal != NULL) return 1;
  forget(a);
  return lw__push_failure(L, failure.message, failure.code);
}

static void new_type(lua_State *L, const char *name, lua_CFunction stop_function) {
  luaL_newmetatable(L, name);
  lua_newtable(L);
  lua_pushcfunction(L, stop_function);
  lua_setfield(L, -2, "stop");
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

void lw__open_timer(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {{"timer", timer_new}, {"signal", signal_new}, {NULL, NULL}};
  new_type(L, TIMER, timer_stop);
  new_type(L, SIGNAL, signal_stop);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
