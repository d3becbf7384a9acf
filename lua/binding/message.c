/* What is to be sent, as scripts describe it: data, kind and options. */
#include <string.h>

#include "binding.h"

lw_kind lw__check_kind(lua_State *L, const lw_lua *lua, int index) {
  const char *kind = lua_tostring(L, index);
  if (kind == lua->text) return LW_TEXT;
  if (kind == lua->binary) return LW_BINARY;
  if (lua_isnoneornil(L, index)) return LW_TEXT;
  luaL_checkstring(L, index);
  if (strcmp(kind, "text") == 0) return LW_TEXT;
  if (strcmp(kind, "binary") == 0) return LW_BINARY;
  luaL_argerror(L, index, "kind must be \"text\" or \"binary\"");
  return LW_TEXT;
}

/* --- data --- */

/* What is being sent is kept in a table of its own: Lua's collector walks over all of a table that
 * was changed since its last round, and the registry has an entry for each connection. */
static int pin(lua_State *L, lw_lua *keeper, int index) {
  lua_pushvalue(L, index);
  lw__push_ref(L, keeper->pins);
  lua_insert(L, -2);
  int token = luaL_ref(L, -2);
  lua_pop(L, 1);
  keeper->references++;
  return token;
}

void lw__release_part(void *context, intptr_t token) {
  lw_lua *keeper = context;
  lw__push_ref(keeper->L, keeper->pins);
  luaL_unref(keeper->L, -1, (int)token);
  lua_pop(keeper->L, 1);
  keeper->references--;
}

/* Describes the string at the index, which stays on the stack for as long as it is needed, or
 * pinned. Its data is NULL when there is no string. */
static void take_part(lua_State *L, lw_lua *keeper, int index, lw_part *part) {
  part->data = lua_tolstring(L, index, &part->size);
  part->pinned = keeper != NULL && part->size >= LW_PIN_MIN;
  if (part->pinned) part->token = pin(L, keeper, index);
}

/* Everything is checked before the first part is taken: an error must not leave a pin behind. */
static void check_parts(lua_State *L, int index, size_t count) {
  for (size_t i = 1; i <= count; i++) {
    lua_rawgeti(L, index, (int)i);
    if (lua_type(L, -1) != LUA_TSTRING) {
      luaL_error(L, "element %d of the message must be a string, not a %s", (int)i,
                 luaL_typename(L, -1));
    }
    lua_pop(L, 1);
  }
}

/* From the first look on nothing allocates what Lua's collector would make a round for: a finalizer
 * of the script might put other values into the array. */
static lw_part *take_array(lua_State *L, lw_lua *keeper, int index, lw_part *few, size_t *count) {
  *count = lua_rawlen(L, index);
  lw_part *parts = *count > LW_PARTS_ON_STACK ? lua_newuserdata(L, *count * sizeof *parts) : few;
  check_parts(L, index, *count);
  for (size_t i = 0; i < *count; i++) {
    lua_rawgeti(L, index, (int)i + 1);
    take_part(L, keeper, -1, &parts[i]);
    lua_pop(L, 1); /* the table keeps it */
  }
  return parts;
}

lw_part *lw__take_parts(lua_State *L, lw_lua *keeper, int index, lw_part *few, size_t *count) {
  *count = 1;
  take_part(L, keeper, index, few);
  if (few->data != NULL) return few;
  if (lua_type(L, index) != LUA_TTABLE) luaL_checkstring(L, index); /* raises */
  return take_array(L, keeper, index, few, count);
}

/* --- options --- */

static void check_names(lua_State *L, int index, bool may_have_key) {
  lua_pushnil(L);
  while (lua_next(L, index) != 0) {
    lua_pop(L, 1);
    const char *name = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : "";
    if (strcmp(name, "compress") == 0 || (may_have_key && strcmp(name, "key") == 0)) continue;
    luaL_argerror(L, index,
                  may_have_key ? "the options of what is published are compress and key"
                               : "the one option of a message is compress");
  }
}

lw_message_options lw__message_options(lua_State *L, int index, bool may_have_key) {
  lw_message_options options = {0};
  if (lua_isnoneornil(L, index)) return options;
  luaL_checktype(L, index, LUA_TTABLE);
  check_names(L, index, may_have_key);
  lua_getfield(L, index, "compress");
  options.uncompressed = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_getfield(L, index, "key");
  if (lua_type(L, -1) == LUA_TSTRING) {
    options.key = lua_tolstring(L, -1, &options.key_size);
  } else if (!lua_isnil(L, -1)) {
    luaL_argerror(L, index, "key must be a string");
  }
  lua_remove(L, -2); /* the key stays: a finalizer might take it from the table */
  return options;
}
