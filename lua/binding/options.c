/* Reading option tables. The Lua side has checked and completed them (lua/lunawire/options.lua), so
 * what is wrong here is a mistake of ours and raises. */
#include <string.h>

#include "binding.h"

const char *lw__opt_string(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  const char *text = lua_tostring(L, -1); /* the table keeps the string alive */
  lua_pop(L, 1);
  return text;
}

bool lw__opt_boolean(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  bool value = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return value;
}

double lw__opt_number(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  if (!lua_isnumber(L, -1)) luaL_error(L, "option %s is missing", name);
  double value = lua_tonumber(L, -1);
  lua_pop(L, 1);
  return value;
}

uint32_t lw__opt_milliseconds(lua_State *L, int table, const char *name) {
  double ms = lw__opt_number(L, table, name) * 1000;
  if (ms <= 0) return 0;
  if (ms > 4e9) return 4000000000u;
  uint32_t whole = (uint32_t)ms;
  return whole < ms ? whole + 1 : whole;
}

void lw__opt_limits(lua_State *L, int table, const char *until_open, lw_limits *limits) {
  const char *on_slow = lw__opt_string(L, table, "on_slow");
  limits->max_message = (uint64_t)lw__opt_number(L, table, "max_message");
  limits->max_buffered = (uint64_t)lw__opt_number(L, table, "max_buffered");
  limits->high_water = (uint64_t)lw__opt_number(L, table, "high_water");
  limits->handshake_ms = lw__opt_milliseconds(L, table, until_open);
  limits->idle_ms = lw__opt_milliseconds(L, table, "idle_timeout");
  limits->ping_ms = lw__opt_milliseconds(L, table, "ping_interval");
  limits->close_ms = lw__opt_milliseconds(L, table, "close_timeout");
  limits->drop_when_slow = on_slow != NULL && strcmp(on_slow, "drop") == 0;
}

const lw_compression *lw__opt_compression(lua_State *L, int table, lw_compression *c) {
  lua_getfield(L, table, "deflate");
  bool wanted = lua_istable(L, -1);
  int deflate = lua_gettop(L);
  if (wanted) {
    c->threshold = (uint32_t)lw__opt_number(L, deflate, "threshold");
    c->level = (uint8_t)lw__opt_number(L, deflate, "level");
    c->memory_level = (uint8_t)lw__opt_number(L, deflate, "memory_level");
    c->window_bits = (uint8_t)lw__opt_number(L, deflate, "window_bits");
    c->peer_window_bits = (uint8_t)lw__opt_number(L, deflate, "max_window_bits_of_peer");
    c->takeover = lw__opt_boolean(L, deflate, "takeover");
  }
  lua_pop(L, 1);
  return wanted ? c : NULL;
}

const char *const *lw__opt_list(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  if (!lua_istable(L, -1)) {
    lua_pop(L, 1);
    lua_pushnil(L);
    return NULL;
  }
  size_t count = lua_rawlen(L, -1);
  const char **list = lua_newuserdata(L, (count + 1) * sizeof *list);
  for (size_t i = 0; i < count; i++) {
    lua_rawgeti(L, -2, (int)i + 1);
    list[i] = luaL_checkstring(L, -1);
    lua_pop(L, 1);
  }
  list[count] = NULL;
  lua_remove(L, -2);
  return list;
}

const lw_field *lw__fields(lua_State *L, int index, lw_field few[LW_FEW_FIELDS], size_t *count) {
  size_t values = lua_istable(L, index) ? lua_rawlen(L, index) : 0;
  *count = values / 2;
  lw_field *fields = few;
  if (*count > LW_FEW_FIELDS) {
    fields = lua_newuserdata(L, *count * sizeof *fields);
  } else {
    lua_pushnil(L);
  }
  for (size_t i = 0; i < *count; i++) {
    lua_rawgeti(L, index, (int)(2 * i + 1));
    fields[i].name = luaL_checklstring(L, -1, &fields[i].name_size);
    lua_rawgeti(L, index, (int)(2 * i + 2));
    fields[i].value = luaL_checklstring(L, -1, &fields[i].value_size);
    lua_pop(L, 2);
  }
  return fields;
}
