#include "protocol_deflate.h"

#include <string.h>

#include "compat.h"

/* --- reading tables */

static int number_field(lua_State *L, int table, const char *name, int least, int most, int other) {
  lua_getfield(L, table, name);
  lua_Number number = lua_isnil(L, -1) ? other : lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (number < least || number > most || number != (int)number) {
    luaL_error(L, "%s must be a number between %d and %d", name, least, most);
  }
  return (int)number;
}

static bool flag_field(lua_State *L, int table, const char *name) {
  lua_getfield(L, table, name);
  bool flag = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return flag;
}

static lw_deflate_options check_options(lua_State *L, int table) {
  luaL_checktype(L, table, LUA_TTABLE);
  return (lw_deflate_options){
      .threshold = (uint32_t)number_field(L, table, "threshold", 0, 1 << 30, 128),
      .level = (uint8_t)number_field(L, table, "level", 1, 9, 1),
      .memory_level = (uint8_t)number_field(L, table, "memory_level", 1, 9, 5),
      .window_bits = (uint8_t)number_field(L, table, "window_bits", 9, 15, 15),
      .peer_window_bits = (uint8_t)number_field(L, table, "max_window_bits_of_peer", 8, 15, 15),
      .takeover = flag_field(L, table, "takeover")};
}

static lw_deflate_agreement check_agreement(lua_State *L, int table) {
  lw_deflate_agreement agreement = {
      .own_bits = (uint8_t)number_field(L, table, "own_bits", 8, 15, 15),
      .peer_bits = (uint8_t)number_field(L, table, "peer_bits", 8, 15, 15),
      .own_takeover = flag_field(L, table, "own_takeover"),
      .peer_takeover = flag_field(L, table, "peer_takeover"),
      .peer_forgets = flag_field(L, table, "peer_forgets")};
  return agreement;
}

static void push_agreement(lua_State *L, const lw_deflate_agreement *agreement) {
  lua_createtable(L, 0, 5);
  lua_pushinteger(L, agreement->own_bits);
  lua_setfield(L, -2, "own_bits");
  lua_pushinteger(L, agreement->peer_bits);
  lua_setfield(L, -2, "peer_bits");
  lua_pushboolean(L, agreement->own_takeover);
  lua_setfield(L, -2, "own_takeover");
  lua_pushboolean(L, agreement->peer_takeover);
  lua_setfield(L, -2, "peer_takeover");
  lua_pushboolean(L, agreement->peer_forgets);
  lua_setfield(L, -2, "peer_forgets");
}

/* --- sessions */

void lw__protocol_deflate_open(lua_State *L, protocol_deflate *d, lw_session *session) {
  lua_getfield(L, 1, "deflate");
  if (lua_toboolean(L, -1)) {
    int table = lua_gettop(L);
    d->options = check_options(L, table);
    lw_deflate_agreement agreement = check_agreement(L, table);
    d->pool = lw_deflate_pool_new();
    lw_deflate *deflate = d->pool == NULL ? NULL : lw_deflate_new(d->pool, &d->options, &agreement);
    if (deflate == NULL) luaL_error(L, "out of memory");
    lw_session_use_deflate(session, deflate);
  }
  lua_pop(L, 1);
}

bool lw__protocol_is_uncompressed(lua_State *L, int index) {
  if (!lua_istable(L, index)) return false;
  lua_getfield(L, index, "compress");
  bool uncompressed = lua_isboolean(L, -1) && !lua_toboolean(L, -1);
  lua_pop(L, 1);
  return uncompressed;
}

static bool wants_deflate(const lw_deflate *deflate, bool uncompressed, const lw_frame *frame) {
  if (frame->opcode == LW_OP_CONTINUATION) return lw_deflate_is_streaming(deflate);
  if (uncompressed) return false;
  return frame->fin ? lw_deflate_wants(deflate, (size_t)frame->length)
                    : lw_deflate_may_stream(deflate);
}

bool lw__protocol_deflate(const lw_session *session, bool uncompressed, lw_frame *frame,
                          lw_slice *payload) {
  lw_deflate *deflate = session->deflate;
  bool wanted = deflate != NULL && lw_session_may_send(session, frame) &&
                wants_deflate(deflate, uncompressed, frame);
  if (!wanted) return true;
  bool is_first = frame->opcode != LW_OP_CONTINUATION;
  const lw_slice part = *payload;
  lw_deflate_result result = is_first && frame->fin
                                 ? lw_deflate_message(deflate, &part, 1, payload)
                                 : lw_deflate_fragment(deflate, &part, 1, frame->fin, payload);
  if (result == LW_DEFLATE_PLAIN) *payload = part;
  frame->rsv1 = is_first && result == LW_DEFLATED;
  frame->length = payload->size;
  return result != LW_DEFLATE_NOMEM;
}

/* --- negotiation */

/* deflate_offer(options) -> the value of Sec-WebSocket-Extensions that a client sends */
static int deflate_offer(lua_State *L) {
  char text[LW_DEFLATE_TEXT_MAX];
  lw_deflate_options options = check_options(L, 1);
  lua_pushlstring(L, text, lw_deflate_write_offer(text, &options));
  return 1;
}

/* deflate_accept(options, offers) -> the answer and the agreement, or nil: no offer will do */
static int deflate_accept(lua_State *L) {
  char text[LW_DEFLATE_TEXT_MAX];
  lw_slice offers;
  lw_deflate_agreement agreement;
  lw_deflate_options options = check_options(L, 1);
  offers.data = luaL_checklstring(L, 2, &offers.size);
  if (!lw_deflate_accept_value(&agreement, &options, offers)) return 0;
  lua_pushlstring(L, text, lw_deflate_write_answer(text, &agreement, true));
  push_agreement(L, &agreement);
  return 2;
}

/* deflate_check(options, answer) -> the agreement; or nil, message, code */
static int deflate_check(lua_State *L) {
  lw_slice answer;
  lw_deflate_agreement agreement;
  lw_deflate_options options = check_options(L, 1);
  answer.data = luaL_checklstring(L, 2, &answer.size);
  lw_error error = lw_deflate_check(&agreement, &options, answer);
  if (error == LW_OK) {
    push_agreement(L, &agreement);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, lw_error_text(error));
  lua_pushstring(L, lw_error_name(error));
  return 3;
}

void lw__lua_open_protocol_deflate(lua_State *L) {
  static const luaL_Reg functions[] = {{"deflate_offer", deflate_offer},
                                       {"deflate_accept", deflate_accept},
                                       {"deflate_check", deflate_check},
                                       {NULL, NULL}};
  lw__setfuncs(L, functions, 0);
}
