#include "fiber.h"

#if LUA_VERSION_NUM == 501 && !defined(_WIN32)

#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#define METATABLE "lunawire.fiber"

/* Address space, of which only what is touched costs memory. Lua 5.1 nests at most 200 C calls, and
 * string functions keep buffers of 8 KiB in their frames. */
#define STACK_SIZE (1024 * 1024)

typedef struct lw_fiber {
  lw_lua *lua;
  lua_State *T;             /* the Lua thread; the key of this userdata in the table of fibers */
  struct lw_fiber *resumer; /* the fiber that resumed it, or NULL */
  lua_State *from;          /* where values come from and go to: of resume, or of yield */
  int count;                /* how many */
  void *stack;              /* NULL once it is over */
  bool is_over, failed;
  ucontext_t context, back;
} lw_fiber;

bool lw__in_fiber(const lw_lua *lua) {
  return lua->fiber != NULL;
}

/* --- stacks --- */

static size_t page_size(void) {
  return (size_t)sysconf(_SC_PAGESIZE);
}

/* With a page at its low end that faults, so that an overflow does not go unseen. */
static void *stack_new(void) {
  void *stack = mmap(NULL, STACK_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (stack == MAP_FAILED) return NULL;
  if (mprotect(stack, page_size(), PROT_NONE) == 0) return stack;
  munmap(stack, STACK_SIZE);
  return NULL;
}

static void stack_free(lw_fiber *fiber) {
  if (fiber->stack != NULL) munmap(fiber->stack, STACK_SIZE);
  fiber->stack = NULL;
}

/* A fiber that waits for ever is collected like any coroutine; its C frames are simply dropped. */
static int fiber_gc(lua_State *L) {
  stack_free(luaL_checkudata(L, 1, METATABLE));
  return 0;
}

/* --- switching --- */

/* Moves `count` values from the top of one stack to the other. */
static bool move_values(lua_State *from, lua_State *to, int count) {
  if (!lua_checkstack(to, count + LUA_MINSTACK)) return false;
  if (from != to) lua_xmove(from, to, count);
  return true;
}

static int add_traceback(lua_State *T) {
  return lw__traceback(T);
}

/* What runs on the fiber's stack. makecontext passes ints only, so the pointer comes in two. */
static void entry(unsigned high, unsigned low) {
  lw_fiber *fiber = (lw_fiber *)((uintptr_t)high << 32 | (uintptr_t)low);
  lua_State *T = fiber->T; /* below the arguments: the error handler and the function */
  fiber->failed = lua_pcall(T, fiber->count, LUA_MULTRET, 1) != 0;
  fiber->from = T;
  fiber->count = lua_gettop(T) - 1;
  fiber->is_over = true;
  setcontext(&fiber->back);
}

static bool prepare(lw_fiber *fiber) {
  fiber->stack = stack_new();
  if (fiber->stack == NULL || getcontext(&fiber->context) != 0) return false;
  size_t guard = page_size();
  fiber->context.uc_stack.ss_sp = (char *)fiber->stack + guard;
  fiber->context.uc_stack.ss_size = STACK_SIZE - guard;
  fiber->context.uc_link = NULL;
  uint64_t pointer = (uint64_t)(uintptr_t)fiber;
  makecontext(&fiber->context, (void (*)(void))entry, 2, (unsigned)(pointer >> 32),
              (unsigned)pointer);
  return true;
}

/* Runs the fiber until it yields or ends, and leaves what it gave on the stack of L. */
static int switch_to(lua_State *L, lw_fiber *fiber, int count) {
  lw_lua *lua = fiber->lua;
  fiber->from = L;
  fiber->count = count;
  fiber->resumer = lua->fiber;
  lua->fiber = fiber;
  swapcontext(&fiber->back, &fiber->context);
  lua->fiber = fiber->resumer;
  if (fiber->is_over) stack_free(fiber);
  lua_pushboolean(L, !fiber->failed);
  if (!move_values(fiber->from, L, fiber->count)) return luaL_error(L, "too many values");
  return 1 + fiber->count;
}

int lw__yield(lua_State *L, lw_lua *lua, int count) {
  lw_fiber *fiber = lua->fiber;
  if (fiber == NULL) return lua_yield(L, count);
  fiber->from = L;
  fiber->count = count;
  swapcontext(&fiber->context, &fiber->back);
  if (!move_values(fiber->from, L, fiber->count)) return luaL_error(L, "too many values");
  return fiber->count;
}

/* --- for Lua scripts --- */

/* Upvalues of every function below: the lw_lua, and the table of fibers by thread. */
#define UP_FIBERS lua_upvalueindex(2)

/* The fiber of the thread at the index, or NULL for Lua's own coroutines. */
static lw_fiber *fiber_of(lua_State *L, int index) {
  luaL_checktype(L, index, LUA_TTHREAD);
  lua_pushvalue(L, index);
  lua_rawget(L, UP_FIBERS);
  lw_fiber *fiber = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return fiber;
}

/* Calls coroutine.<name> with the arguments on the stack. */
static int call_lua(lua_State *L, const char *name) {
  lua_getglobal(L, "coroutine");
  lua_getfield(L, -1, name);
  lua_replace(L, -2);
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

static int create(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_settop(L, 1);
  lua_State *T = lua_newthread(L);
  lw_fiber *fiber = lua_newuserdata(L, sizeof *fiber);
  memset(fiber, 0, sizeof *fiber);
  fiber->lua = lw__lua(L);
  fiber->T = T;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  lua_pushvalue(L, 2);
  lua_insert(L, -2);
  lua_rawset(L, UP_FIBERS);
  lua_pushcfunction(T, add_traceback);
  lua_pushvalue(L, 1);
  lua_xmove(L, T, 1);
  return 1;
}

static int resume(lua_State *L) {
  lw_fiber *fiber = fiber_of(L, 1);
  if (fiber == NULL) return call_lua(L, "resume");
  int count = lua_gettop(L) - 1;
  bool is_new = fiber->stack == NULL && !fiber->is_over;
  if (fiber->is_over || fiber == fiber->lua->fiber || (is_new && !prepare(fiber))) {
    lua_pushboolean(L, 0);
    lua_pushstring(L, fiber->is_over ? "cannot resume a dead coroutine" : "out of memory");
    return 2;
  }
  if (is_new && !move_values(L, fiber->T, count)) return luaL_error(L, "too many values");
  return switch_to(L, fiber, count);
}

static int yield(lua_State *L) {
  return lw__yield(L, lw__lua(L), lua_gettop(L));
}

static int running(lua_State *L) {
  const lw_fiber *fiber = lw__lua(L)->fiber;
  if (fiber == NULL) return call_lua(L, "running");
  lua_pushthread(fiber->T);
  move_values(fiber->T, L, 1);
  return 1;
}

static int is_over(lua_State *L) {
  const lw_fiber *fiber = fiber_of(L, 1);
  if (fiber != NULL) {
    lua_pushboolean(L, fiber->is_over);
  } else {
    call_lua(L, "status");
    lua_pushboolean(L, strcmp(lua_tostring(L, -1), "dead") == 0);
  }
  return 1;
}

/* The traceback of a fiber was added to its message when the error was thrown. */
static int traceback(lua_State *L) {
  if (fiber_of(L, 1) != NULL) {
    lua_settop(L, 2);
    return 1;
  }
  lua_getglobal(L, "debug");
  lua_getfield(L, -1, "traceback");
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  return 1;
}

static void new_fiber_table(lua_State *L) {
  lua_newtable(L);
  lua_createtable(L, 0, 1);
  lua_pushliteral(L, "k");
  lua_setfield(L, -2, "__mode");
  lua_setmetatable(L, -2);
}

void lw__open_fiber(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {
      {"create", create},   {"resume", resume},       {"yield", yield}, {"running", running},
      {"is_over", is_over}, {"traceback", traceback}, {NULL, NULL}};
  lua_getglobal(L, "jit"); /* LuaJIT has the version number of 5.1, but yields anywhere */
  bool needed = lua_isnil(L, -1);
  lua_pop(L, 1);
  if (!needed) return;
  ((lw_lua *)lua_touserdata(L, lua))->has_fibers = true;
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, fiber_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  lua_newtable(L);
  lua_pushvalue(L, lua);
  new_fiber_table(L);
  lw__setfuncs(L, functions, 2);
  lua_setfield(L, -2, "fiber");
}

#else

bool lw__in_fiber(const lw_lua *lua) {
  return lua->fiber != NULL;
}
int lw__yield(lua_State *L, lw_lua *lua, int count) {
  (void)lua;
  return lua_yield(L, count);
}
void lw__open_fiber(lua_State *L, int lua) {
  (void)L;
  (void)lua;
}

#endif
