#include "protocol.h"

#include <string.h>
#include <uv.h>

#include "../../core/proto/mask.h"
#include "../../core/proto/session.h"
#include "compat.h"
#include "protocol_deflate.h"

#define METATABLE "lunawire.protocol.session"
#define KEPT "lunawire.protocol.kept"
#define DEFAULT_MAX_MESSAGE (1 << 20)
#define MAX_EXACT_NUMBER 9007199254740992.0 /* 2^53 */

typedef struct protocol_session {
  lw_session session;
  lw_session_config config;
  protocol_deflate deflate;
  lw_buf input;    /* what was fed; the session reads from here */
  bool in_message; /* a message sent with final = false goes on */
} protocol_session;

static protocol_session *check_session(lua_State *L) {
  return luaL_checkudata(L, 1, METATABLE);
}

static int push_failure(lua_State *L, const char *message, const char *code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushstring(L, code);
  return 3;
}

/* --- what is kept while Lua works
 *
 * Whatever Lua allocates may run finalizers of the script, and reading a table may run its
 * metamethods; these may call the same session, which gives no more than borrowed bytes. So what it
 * gave is kept in memory that goes with a userdata before anything of Lua's is made of it, and
 * tables are read before the session is asked. */

static int kept_gc(lua_State *L) {
  lw_buf_free(luaL_checkudata(L, 1, KEPT));
  return 0;
}

static lw_buf *push_kept(lua_State *L) {
  lw_buf *kept = lw__newuserdata(L, sizeof *kept);
  *kept = (lw_buf){0};
  luaL_getmetatable(L, KEPT);
  lua_setmetatable(L, -2);
  return kept;
}

/* Pushes what is kept as a string, and keeps it no longer. */
static void push_string(lua_State *L, lw_buf *kept) {
  lua_pushlstring(L, kept->size > 0 ? (const char *)kept->data : "", kept->size);
  lw_buf_free(kept);
}

/* --- making one */

static bool check_is_server(lua_State *L) {
  lua_getfield(L, 1, "role");
  const char *role = lua_tostring(L, -1);
  bool is_server = role != NULL && strcmp(role, "server") == 0;
  bool is_client = role != NULL && strcmp(role, "client") == 0;
  luaL_argcheck(L, is_server || is_client, 1, "role must be \"server\" or \"client\"");
  lua_pop(L, 1);
  return is_server;
}

static uint64_t check_max_message(lua_State *L) {
  lua_getfield(L, 1, "max_message");
  bool is_legal = lua_isnil(L, -1) || lua_type(L, -1) == LUA_TNUMBER;
  lua_Number number = lua_isnil(L, -1) ? DEFAULT_MAX_MESSAGE : lua_tonumber(L, -1);
  lua_pop(L, 1);
  is_legal = is_legal && number >= 0 && number <= MAX_EXACT_NUMBER;
  luaL_argcheck(L, is_legal, 1, "max_message must be a number of bytes");
  return (uint64_t)number;
}

static bool has_flag(lua_State *L, const char *name) {
  lua_getfield(L, 1, name);
  bool flag = lua_toboolean(L, -1) != 0;
  lua_pop(L, 1);
  return flag;
}

/* session{ role = "server" or "client", max_message = bytes, stream = boolean, deflate = table } */
static int protocol_new_session(lua_State *L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const lw_session_config config = {.max_message = check_max_message(L),
                                    .is_server = check_is_server(L),
                                    .stream_messages = has_flag(L, "stream")};
  protocol_session *p = lw__newuserdata(L, sizeof *p);
  memset(p, 0, sizeof *p);
  p->config = config;
  lw_session_init(&p->session, &p->config);
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  lw__protocol_deflate_open(L, &p->deflate, &p->session);
  return 1;
}

static int session_gc(lua_State *L) {
  protocol_session *p = check_session(L);
  lw_session_free(&p->session);
  lw_deflate_pool_free(p->deflate.pool);
  p->deflate.pool = NULL;
  lw_buf_free(&p->input);
  return 0;
}

/* --- the way in */

/* feed(bytes): what events() has not read yet comes before them. */
static int session_feed(lua_State *L) {
  protocol_session *p = check_session(L);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  lw_buf_drop(&p->input, p->input.size - lw_session_unread(&p->session));
  bool appended = lw_buf_append(&p->input, data, size);
  lw_session_feed(&p->session, p->input.data, p->input.size); /* what was there has moved */
  return appended ? 0 : luaL_error(L, "out of memory");
}

static void set_string(lua_State *L, const char *name, const char *value) {
  lua_pushstring(L, value);
  lua_setfield(L, -2, name);
}

/* Its data is what is kept. */
static void push_event(lua_State *L, const lw_event *event, lw_buf *kept) {
  static const char *const types[] = {[LW_EVENT_MESSAGE] = "message",
                                      [LW_EVENT_CHUNK] = "chunk",
                                      [LW_EVENT_PING] = "ping",
                                      [LW_EVENT_PONG] = "pong",
                                      [LW_EVENT_CLOSE] = "close"};
  lua_createtable(L, 0, 4);
  set_string(L, "type", types[event->type]);
  push_string(L, kept);
  lua_setfield(L, -2, "data");
  if (event->type == LW_EVENT_MESSAGE || event->type == LW_EVENT_CHUNK) {
    set_string(L, "kind", event->opcode == LW_OP_TEXT ? "text" : "binary");
  }
  if (event->type == LW_EVENT_CHUNK) {
    lua_pushboolean(L, event->final);
    lua_setfield(L, -2, "final");
  }
  if (event->type == LW_EVENT_CLOSE) {
    lua_pushinteger(L, event->code);
    lua_setfield(L, -2, "code");
  }
}

static int session_next(lua_State *L) {
  protocol_session *p = check_session(L);
  lw_buf *kept = push_kept(L);
  lw_event event;
  if (lw_session_next(&p->session, &event) == LW_DONE) {
    if (!lw_buf_append_slice(kept, event.data)) return luaL_error(L, "out of memory");
    push_event(L, &event, kept);
    return 1;
  }
  lw_buf_free(&p->input); /* all of it was read */
  lua_pushnil(L);
  return 1;
}

/* for event in s:events() do: type, kind, data, final, code. */
static int session_events(lua_State *L) {
  check_session(L);
  lua_pushcfunction(L, session_next);
  lua_pushvalue(L, 1);
  return 2;
}

/* Once the peer broke a rule: its code, text and the close code to answer with. */
static int session_error(lua_State *L) {
  lw_error error = lw_session_error(&check_session(L)->session);
  if (error == LW_OK) return 0;
  lua_pushstring(L, lw_error_name(error));
  lua_pushstring(L, lw_error_text(error));
  lua_pushinteger(L, lw_error_number(error));
  return 3;
}

/* --- the way out */

/* The masking key of a client: from the options table at `index`, for tests, or fresh. */
static bool make_key(lua_State *L, int index, const protocol_session *p, uint8_t key[4]) {
  if (p->config.is_server) return true;
  size_t size = 0;
  const char *given = NULL;
  if (lua_istable(L, index)) {
    lua_getfield(L, index, "key");
    given = lua_tolstring(L, -1, &size);
    lua_pop(L, 1); /* the table keeps it */
  }
  if (given == NULL) return uv_random(NULL, NULL, key, 4, 0, NULL) == 0;
  luaL_argcheck(L, size == 4, index, "the key must have 4 bytes");
  memcpy(key, given, 4);
  return true;
}

/* Encodes one whole frame; nothing is kept when a close frame was sent before. False when out of
 * memory. */
static bool encode(protocol_session *p, const lw_frame *frame, const void *payload, lw_buf *kept) {
  size_t size = (size_t)frame->length;
  if (!lw_buf_reserve(kept, LW_FRAME_HEAD_MAX + size, SIZE_MAX)) return false;
  size_t head = lw_session_send(&p->session, frame, kept->data);
  if (head == 0) return true;
  kept->size = head;
  if (p->config.is_server) return lw_buf_append(kept, payload, size);
  lw_mask(kept->data + head, payload, size, frame->key, 0);
  kept->size += size;
  return true;
}

/* Pushes what encode() made; is_encoded: what it returned. */
static int push_frame(lua_State *L, lw_buf *kept, bool is_encoded) {
  if (!is_encoded) {
    return push_failure(L, lw_error_text(LW_E_NOMEM), lw_error_name(LW_E_NOMEM));
  }
  if (kept->size == 0) {
    return push_failure(L, "a close frame was sent: nothing may follow it", "CLOSED");
  }
  push_string(L, kept);
  return 1;
}

static int push_no_key(lua_State *L) {
  return push_failure(L, "the system's random source failed", "RANDOM");
}

static bool is_final(lua_State *L, int index) {
  if (!lua_istable(L, index)) return true;
  lua_getfield(L, index, "final");
  bool final = lua_isnil(L, -1) || lua_toboolean(L, -1);
  lua_pop(L, 1);
  return final;
}

/* send(data [, kind [, { final = boolean, key = bytes, compress = boolean }]]): after final = false
 * the next calls go on with the same message, whatever their kind. */
static int session_send(lua_State *L) {
  static const char *const kinds[] = {"text", "binary", NULL};
  protocol_session *p = check_session(L);
  size_t size;
  const char *data = luaL_checklstring(L, 2, &size);
  int kind = luaL_checkoption(L, 3, "text", kinds);
  lw_frame frame = {
      .opcode = kind == 0 ? LW_OP_TEXT : LW_OP_BINARY, .fin = is_final(L, 4), .length = size};
  bool is_plain = lw__protocol_is_uncompressed(L, 4);
  if (!make_key(L, 4, p, frame.key)) return push_no_key(L);
  lw_buf *kept = push_kept(L);

  if (p->in_message) frame.opcode = LW_OP_CONTINUATION;
  lw_slice payload = {data, size};
  bool is_encoded = lw__protocol_deflate(&p->session, is_plain, &frame, &payload) &&
                    encode(p, &frame, payload.data, kept);
  if (kept->size > 0) p->in_message = !frame.fin;
  return push_frame(L, kept, is_encoded);
}

static int send_frame(lua_State *L, protocol_session *p, lw_frame *frame, const void *payload,
                      int options) {
  if (!make_key(L, options, p, frame->key)) return push_no_key(L);
  lw_buf *kept = push_kept(L);
  return push_frame(L, kept, encode(p, frame, payload, kept));
}

static int send_control(lua_State *L, lw_opcode opcode) {
  protocol_session *p = check_session(L);
  size_t size;
  const char *data = luaL_optlstring(L, 2, "", &size);
  if (size > LW_CONTROL_MAX) {
    return push_failure(L, lw_error_text(LW_E_LONG_CONTROL), lw_error_name(LW_E_LONG_CONTROL));
  }
  lw_frame frame = {.opcode = (uint8_t)opcode, .fin = true, .length = size};
  return send_frame(L, p, &frame, data, 3);
}

static int session_ping(lua_State *L) {
  return send_control(L, LW_OP_PING);
}

static int session_pong(lua_State *L) {
  return send_control(L, LW_OP_PONG);
}

/* close([code [, reason [, { key = bytes }]]]): a reason that is too long is cut. */
static int session_close(lua_State *L) {
  protocol_session *p = check_session(L);
  lua_Number code = luaL_optnumber(L, 2, LW_CLOSE_NO_STATUS);
  bool legal = code >= 1000 && code < 5000 && lw_close_code_valid((unsigned)code);
  luaL_argcheck(L, code == LW_CLOSE_NO_STATUS || legal, 2, "this code must not be sent");
  lw_slice reason;
  reason.data = luaL_optlstring(L, 3, "", &reason.size);
  bool is_text = lw_utf8_valid((const uint8_t *)reason.data, reason.size);
  luaL_argcheck(L, is_text, 3, "the reason is not valid UTF-8");
  uint8_t payload[LW_CONTROL_MAX];
  size_t size = lw_close_encode(payload, (uint16_t)code, reason);
  lw_frame frame = {.opcode = LW_OP_CLOSE, .fin = true, .length = size};
  return send_frame(L, p, &frame, payload, 4);
}

/* --- the module */

static int protocol_utf8_valid(lua_State *L) {
  size_t size;
  const char *text = luaL_checklstring(L, 1, &size);
  lua_pushboolean(L, lw_utf8_valid((const uint8_t *)text, size));
  return 1;
}

static const luaL_Reg methods[] = {{"feed", session_feed},   {"events", session_events},
                                   {"error", session_error}, {"send", session_send},
                                   {"ping", session_ping},   {"pong", session_pong},
                                   {"close", session_close}, {NULL, NULL}};

static const luaL_Reg functions[] = {
    {"session", protocol_new_session}, {"utf8_valid", protocol_utf8_valid}, {NULL, NULL}};

int lw__lua_open_protocol(lua_State *L) {
  luaL_newmetatable(L, KEPT);
  lua_pushcfunction(L, kept_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
  if (luaL_newmetatable(L, METATABLE)) {
    lua_pushcfunction(L, session_gc);
    lua_setfield(L, -2, "__gc");
    lua_newtable(L);
    lw__setfuncs(L, methods, 0);
    lua_setfield(L, -2, "__index");
  }
  lua_pop(L, 1);
  lua_newtable(L);
  lw__setfuncs(L, functions, 0);
  lw__lua_open_protocol_deflate(L);
  return 1;
}
