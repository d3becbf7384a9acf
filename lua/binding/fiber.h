/* Coroutines that may wait anywhere, for Lua 5.1.
 *
 * PUC Lua 5.1 cannot yield from inside an iterator of a generic `for`, a pcall or a metamethod,
 * because their C frames are on the stack. A fiber is a Lua thread that runs on a C stack of its
 * own, so those frames can simply stay where they are. Other Luas do not need it, and Windows does
 * not have it: the module then has no `fiber`, and coroutines are Lua's own.
 *
 * core.fiber has create, resume, yield, running, is_over and traceback, which take the places of
 * the coroutine functions of those names and accept Lua's own coroutines as well. */
#ifndef LW_LUA_FIBER_H
#define LW_LUA_FIBER_H

#include "binding.h"

/* True while a fiber runs. */
bool lw__in_fiber(const lw_lua *lua);

/* Yields from a C function, with the values above `top` as results of resume: to be returned, like
 * lua_yield. In a fiber it comes back with what resume was given. */
int lw__yield(lua_State *L, lw_lua *lua, int count);

/* Adds `fiber` to the module table on top of the stack, where this Lua needs it. */
void lw__open_fiber(lua_State *L, int lua);

#endif
