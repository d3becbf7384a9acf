/* Small helpers on text that the Lua side needs: URLs, percent-encoding, header syntax, randomness.
 */
#include <stdlib.h>
#include <string.h>

#include "../../core/proto/base64.h"
#include "../../core/proto/url.h"
#include "binding.h"
#include "text.h"

void lw__push_slice(lua_State *L, lw_slice slice) {
  lua_pushlstring(L, slice.data != NULL ? slice.data : "", slice.size);
}

void lw__set_slice(lua_State *L, const char *name, lw_slice slice) {
  lw__push_slice(L, slice);
  lua_setfield(L, -2, name);
}

void lw__push_fields(lua_State *L, const lw_http_head *head) {
  lua_createtable(L, (int)head->field_count * 2, 0);
  for (size_t i = 0; i < head->field_count; i++) {
    lw__push_slice(L, head->fields[i].name);
    lua_rawseti(L, -2, (int)(2 * i + 1));
    lw__push_slice(L, head->fields[i].value);
    lua_rawseti(L, -2, (int)(2 * i + 2));
  }
}

/* The request target: "/" stands for an empty path. */
static void set_target(lua_State *L, const lw_url *url) {
  if (url->path.size == 0) lua_pushliteral(L, "/");
  if (url->path.size > 0) lua_pushlstring(L, url->path.data, url->path.size);
  lw__push_slice(L, url->query);
  lua_concat(L, 2);
  lua_setfield(L, -2, "target");
}

/* url(text) -> table, or nil, message, code */
static int parse_url(lua_State *L) {
  lw_url url;
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  lw_error error = lw_url_parse(&url, text, size);
  if (error != LW_OK) return lw__push_failure(L, lw_error_text(error), lw_error_name(error));
  lua_createtable(L, 0, 9);
  lw__set_slice(L, "scheme", url.scheme);
  lw__set_slice(L, "host", url.host);
  lw__set_slice(L, "authority", url.authority);
  lw__set_slice(L, "user", url.user);
  set_target(L, &url);
  lua_pushboolean(L, url.secure);
  lua_setfield(L, -2, "secure");
  lua_pushinteger(L, url.port);
  lua_setfield(L, -2, "port");
  if (url.is_unix) lw__set_slice(L, "unix_path", url.unix_path);
  return 1;
}

/* resolve(base, reference) -> a URL as text, or nil, message, code */
static int resolve(lua_State *L) {
  lw_buf url = {0};
  lw_slice base, reference;
  base.data = luaL_checklstring(L, 1, &base.size);
  reference.data = luaL_checklstring(L, 2, &reference.size);
  /* Nothing may raise while the buffer holds the URL, which has two characters more at most. */
  char *text = lua_newuserdata(L, base.size + reference.size + 2);
  lw_error error = lw_url_resolve(&url, base, reference);
  if (error != LW_OK) return lw__push_failure(L, lw_error_text(error), lw_error_name(error));
  size_t size = url.size;
  if (size > 0) memcpy(text, url.data, size);
  lw_buf_free(&url);
  lua_pushlstring(L, text, size);
  return 1;
}

/* decode(text) -> text without percent-encoding, or nil */
static int decode(lua_State *L) {
  size_t size, written;
  const char *text = luaL_checklstring(L, 1, &size);
  char *to = lua_newuserdata(L, size + 1);
  if (!lw_url_decode(to, &written, text, size)) return 0;
  lua_pushlstring(L, to, written);
  return 1;
}

static int push_verdict(lua_State *L, bool (*rule)(const char *text, size_t size)) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  lua_pushboolean(L, rule(text, size));
  return 1;
}

static int is_token(lua_State *L) {
  return push_verdict(L, lw_field_name_valid);
}

static int is_value(lua_State *L) {
  return push_verdict(L, lw_field_value_valid);
}

static int is_reserved(lua_State *L) {
  return push_verdict(L, lw_field_reserved);
}

/* base64(text) -> text */
static int base64(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  char *to = lua_newuserdata(L, LW_BASE64_SIZE(size) + 1);
  lw_base64_encode(to, (const uint8_t *)text, size);
  lua_pushlstring(L, to, LW_BASE64_SIZE(size));
  return 1;
}

/* random(n) -> n bytes */
static int random_bytes(lua_State *L) {
  lua_Integer size = luaL_checkinteger(L, 1);
  luaL_argcheck(L, size >= 0 && size <= 1 << 20, 1, "0 to 1048576 bytes");
  void *bytes = lua_newuserdata(L, (size_t)size + 1);
  if (!lw_loop_random(lw__lua(L)->loop, bytes, (size_t)size)) {
    return luaL_error(L, "the system has no randomness to give");
  }
  lua_pushlstring(L, bytes, (size_t)size);
  return 1;
}

void lw__open_text(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {
      {"url", parse_url},       {"decode", decode},           {"is_token", is_token},
      {"is_value", is_value},   {"is_reserved", is_reserved}, {"base64", base64},
      {"random", random_bytes}, {"resolve", resolve},         {NULL, NULL}};
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
