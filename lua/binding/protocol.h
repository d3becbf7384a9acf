/* The door to the protocol alone, for scripts that bring their own transport: ws.protocol.
 *
 * It knows sessions (core/proto) and Lua, and neither connections nor the loop. */
#ifndef LW_LUA_PROTOCOL_H
#define LW_LUA_PROTOCOL_H

#include <lua.h>

/* Pushes a new table with the functions of ws.protocol: session{...} and utf8_valid(text). */
int lw__lua_open_protocol(lua_State *L);

#endif
