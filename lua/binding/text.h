/* Slices and heads of the protocol library as Lua values: apart from binding.h because only the
 * files that show heads to scripts need to know what one is. */
#ifndef LW_LUA_TEXT_H
#define LW_LUA_TEXT_H

#include "../../core/proto/http.h"
#include "compat.h"

void lw__push_slice(lua_State *L, lw_slice slice); /* "" for none */
/* The same as a field of the table on top. */
void lw__set_slice(lua_State *L, const char *name, lw_slice slice);
/* Pushes the header fields as an array { name, value, name, value, ... }. */
void lw__push_fields(lua_State *L, const lw_http_head *head);

#endif
