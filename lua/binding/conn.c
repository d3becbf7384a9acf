/* The connection object of scripts: its methods. Its fields are in conn_fields.c. */
#include <math.h>
#include <string.h>

#include "binding.h"
#include "fiber.h"

#define METATABLE "lunawire.connection"

/* --- birth and collection --- */

/* Allocating may run finalizers of the script. They may ask for the same connection's object, which
 * is the one to keep then, or, outside of handlers, turn the loop until the connection has ended.
 */
static void make_object(lua_State *L, lw_lua *lua, lw_conn *conn) {
  bool had_handlers = lw__handlers_of(conn) != NULL;
  lw_lua_conn *c = lw__newuserdata(L, sizeof *c);
  const lw_lua_conn *other = lw_conn_user(conn);
  if (other != NULL && other->self != LUA_NOREF) {
    lua_pop(L, 1);
    lw__push_ref(L, other->self);
    return;
  }
  bool has_ended = had_handlers && lw__handlers_of(conn) == NULL;
  *c = (lw_lua_conn){.conn = conn, .lua = lua, .self = LUA_NOREF, .tag = LW_CONN_TAG};
  lw_conn_hold(conn);
  lw__push_ref(L, lua->conn_metatable);
  lua_setmetatable(L, -2);
  if (!has_ended) {
    lua_pushvalue(L, -1);
    c->self = lw__ref(lua, L);
  }
  c->handlers = lw_conn_context(conn);
  lw_conn_set_context(conn, NULL);
  lw_conn_set_user(conn, c);
}

/* Every send comes by here, and luaL_checkudata, which looks a name up, costs ten times as much:
 * what has the size, the tag and our lw_lua inside is a connection. */
static lw_lua_conn *to_conn(lua_State *L, int index, const lw_lua *lua) {
  lw_lua_conn *c = lua_touserdata(L, index);
  bool has_size = c != NULL && lua_rawlen(L, index) == sizeof *c;
  if (has_size && c->tag == LW_CONN_TAG && c->lua == lua) return c;
  return luaL_checkudata(L, index, METATABLE); /* raises */
}

/* For functions with the lw_lua as first upvalue. */
lw_lua_conn *lw__check_conn(lua_State *L, int index) {
  lw_lua_conn *c = to_conn(L, index, lw__lua(L));
  if (c->conn == NULL) luaL_error(L, "the Lua state is ending, and this connection has ended");
  return c;
}

void lw__push_conn(lua_State *L, lw_lua *lua, lw_conn *conn) {
  const lw_lua_conn *c = lw_conn_user(conn);
  if (c != NULL) {
    lw__push_ref(L, c->self);
  } else {
    make_object(L, lua, conn);
  }
}

/* Only the end of the Lua state collects the object of a connection that is alive. */
static int conn_gc(lua_State *L) {
  lw_lua_conn *c =
      to_conn(L, 1, lua_touserdata(L, lua_upvalueindex(1))); /* without its loop, too */
  if (c->conn == NULL) return 0;
  if (lw_conn_user(c->conn) == c) { /* making it did not fail half way */
    lw__set_handlers(c->conn, NULL);
    lw_conn_set_user(c->conn, NULL);
  }
  lw_conn_release(c->conn);
  c->conn = NULL;
  return 0;
}

int lw__push_failure(lua_State *L, const char *message, const char *code) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  lua_pushstring(L, code);
  return 3;
}

static lw_conn *check(lua_State *L) {
  return lw__check_conn(L, 1)->conn;
}

/* --- sending --- */

lw_send_result lw__send_parts(lua_State *L, lw_lua_conn *c, int index, lw_outgoing *message,
                              lw_send_result (*send)(lw_conn *, const lw_outgoing *)) {
  lw_part few[LW_PARTS_ON_STACK];
  /* A client copies in any case, because it must mask. */
  lw_lua *keeper = lw_conn_is_server(c->conn) ? c->lua : NULL;
  message->parts = lw__take_parts(L, keeper, index, few, &message->part_count);
  message->release = lw__release_part;
  message->context = c->lua;
  return send(c->conn, message);
}

/* The message was accepted, but much is waiting: a coroutine waits for it to drain. What resumes it
 * passes what `send` then returns. */
static int wait_for_drain(lua_State *L, lw_lua_conn *c) {
  if (!lw__can_yield(L, c->lua)) {
    lua_pushboolean(L, 0);
    return 1;
  }
  int top = lua_gettop(L);
  c->is_parked = true;
  lw__push_ref(L, c->lua->hooks[LW_HOOK_PARK]);
  lua_pushvalue(L, 1);
  lua_call(L, 1, LUA_MULTRET);
  int results = lua_gettop(L) - top;
  return results > 0 ? results : lw__yield(L, c->lua, 0);
}

int lw__push_send_failure(lua_State *L, lw_send_result result) {
  const char *code, *message = lw_send_error(result, &code);
  return lw__push_failure(L, message, code);
}

int lw__push_sent(lua_State *L, lw_lua_conn *c, lw_send_result result) {
  if (result == LW_SEND_OK) {
    lua_pushboolean(L, 1);
    return 1;
  }
  if (result == LW_SEND_SLOW) return wait_for_drain(L, c);
  return lw__push_send_failure(L, result);
}

/* conn:send(data [, kind [, { compress = boolean }]]) */
static int conn_send(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  lw_outgoing message = {.kind = lw__check_kind(L, c->lua, 3)};
  if (lua_gettop(L) > 3) message.uncompressed = lw__message_options(L, 4, false).uncompressed;
  return lw__push_sent(L, c, lw__send_parts(L, c, 2, &message, lw_conn_send));
}

/* fragment(conn, kind, data, final [, options]): kind with the first frame of a message, nil later.
 * The kind of the message is remembered here, for the UTF-8 check. */
static int fragment(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  lw_outgoing message = {.fragment = true, .first = !lua_isnil(L, 2)};
  message.kind = message.first ? lw__check_kind(L, c->lua, 2) : (lw_kind)c->stream_kind;
  message.final = lua_toboolean(L, 4) != 0;
  message.uncompressed = lw__message_options(L, 5, false).uncompressed;
  lw_send_result result = lw__send_parts(L, c, 3, &message, lw_conn_send);
  if (result >= 0) c->stream_kind = (uint8_t)message.kind; /* else another may be under way */
  return lw__push_sent(L, c, result);
}

/* conn:ping([payload]) */
static int conn_ping(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  size_t size = 0;
  const char *data = luaL_optlstring(L, 2, NULL, &size);
  return lw__push_sent(L, c, lw_conn_ping(c->conn, data, size));
}

/* --- closing --- */

unsigned lw__close_code(lua_State *L, int index, unsigned usual) {
  lua_Number code = luaL_optnumber(L, index, usual);
  return code >= 0 && code <= 4999 && code == floor(code) ? (unsigned)code : 0;
}

int lw__raise_closing(lua_State *L, const char *function) {
  return luaL_error(L,
                    "%s: the code must be 1000 to 1003, 1007 to 1014 or 3000 to 4999, the reason "
                    "UTF-8 of at most 123 bytes",
                    function);
}

/* conn:close([code [, reason]]) */
static int conn_close(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  size_t size = 0;
  unsigned code = lw__close_code(L, 2, 1000);
  const char *reason = luaL_optlstring(L, 3, "", &size);
  if (!lw_conn_close(c->conn, code, reason, size)) return lw__raise_closing(L, "close");
  c->has_closed = true;
  lua_pushboolean(L, 1);
  return 1;
}

/* has_closed(conn): whether the script called conn:close. */
static int conn_has_closed(lua_State *L) {
  lua_pushboolean(L, lw__check_conn(L, 1)->has_closed);
  return 1;
}

static int conn_terminate(lua_State *L) {
  lw_conn_terminate(check(L));
  return 0;
}

static int conn_pause(lua_State *L) {
  lw_conn_pause(check(L));
  return 0;
}

static int conn_resume(lua_State *L) {
  lw_conn_resume(check(L));
  return 0;
}

/* abort(conn, code, reason): for errors in coroutines, as if a handler had thrown. */
static int conn_abort(lua_State *L) {
  lw_conn_abort(check(L), (unsigned)luaL_checkinteger(L, 2), luaL_checkstring(L, 3));
  return 0;
}

static int conn_tostring(lua_State *L) {
  lua_getfield(L, 1, "state");
  lua_pushfstring(L, "lunawire connection (%s)", lua_tostring(L, -1));
  return 1;
}

void lw__open_conn(lua_State *L, int lua) {
  static const luaL_Reg methods[] = {
      {"send", conn_send},   {"ping", conn_ping},
      {"close", conn_close}, {"terminate", conn_terminate},
      {"pause", conn_pause}, {"resume", conn_resume},
      {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"fragment", fragment}, {"abort", conn_abort}, {"has_closed", conn_has_closed}, {NULL, NULL}};
  int module = lua_gettop(L);
  luaL_newmetatable(L, METATABLE);
  int metatable = module + 1;
  lua_newtable(L);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, methods, 1);
  lua_pushvalue(L, -1);
  lua_setfield(L, module, "methods");
  lw__open_conn_fields(L, lua, metatable); /* pops the methods */
  lua_pushvalue(L, lua);
  lua_pushcclosure(L, conn_gc, 1);
  lua_setfield(L, metatable, "__gc");
  lua_pushcfunction(L, conn_tostring);
  lua_setfield(L, metatable, "__tostring");
  ((lw_lua *)lua_touserdata(L, lua))->conn_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
