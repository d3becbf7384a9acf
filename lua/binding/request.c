/* What a script does with a request: the upgrade, or an exchange of plain HTTP. */
#include <string.h>

#include "../../core/lunawire_http.h"
#include "binding.h"
#include "text.h"

static int true_or_failure(lua_State *L, bool done, const lw_failure *failure) {
  if (!done) return lw__push_failure(L, failure->message, failure->code);
  lua_pushboolean(L, 1);
  return 1;
}

/* --- upgrades --- */

/* accept(conn, handlers, protocol, headers) */
static int accept(lua_State *L) {
  lw_failure failure;
  lw_field few[LW_FEW_FIELDS];
  size_t count;
  lw_lua_conn *c = lw__check_conn(L, 1);
  lw_handlers *handlers = lw__check_handlers(L, c->lua, 2);
  const char *protocol = luaL_optstring(L, 3, NULL);
  const lw_field *fields = lw__fields(L, 4, few, &count);
  bool stream = handlers->functions[LW_ON_CHUNK] != LUA_NOREF;
  bool accepted = lw_conn_accept(c->conn, protocol, stream, fields, count, &failure);
  if (accepted) lw__set_handlers(c->conn, handlers);
  return true_or_failure(L, accepted, &failure);
}

/* check(conn) -> true, or nil, text, status */
static int check(lua_State *L) {
  const char *text;
  int status = lw_conn_check_upgrade(lw__check_conn(L, 1)->conn, &text);
  if (status == 0) {
    lua_pushboolean(L, 1);
    return 1;
  }
  lua_pushnil(L);
  lua_pushstring(L, text);
  lua_pushinteger(L, status);
  return 3;
}

/* --- answers --- */

/* The answer is finished: true, and its size, which the next request makes the core forget. */
static int push_finished(lua_State *L, const lw_conn *conn) {
  lua_pushboolean(L, 1);
  lua_pushinteger(L, (lua_Integer)lw_conn_answer_size(conn));
  return 2;
}

static lw_send_result write_body(lua_State *L, lw_lua_conn *c, int index) {
  lw_outgoing body = {.kind = LW_BINARY};
  return lw__send_parts(L, c, index, &body, lw_conn_answer_write);
}

/* The bytes of a string or of an array of strings. */
static uint64_t length_of(lua_State *L, int index) {
  if (!lua_istable(L, index)) {
    size_t size = 0;
    luaL_optlstring(L, index, "", &size);
    return size;
  }
  uint64_t length = 0;
  for (size_t i = 1; i <= lua_rawlen(L, index); i++) {
    lua_rawgeti(L, index, (int)i);
    luaL_argcheck(L, lua_type(L, -1) == LUA_TSTRING, index, "an array of strings");
    length += lua_rawlen(L, -1);
    lua_pop(L, 1);
  }
  return length;
}

/* A whole answer, whose body is at the index. */
static int give(lua_State *L, lw_lua_conn *c, const lw_answer *answer, int index) {
  lw_failure failure;
  if (!lw_conn_answer(c->conn, answer, &failure)) return true_or_failure(L, false, &failure);
  lw_send_result result = answer->length > 0 ? write_body(L, c, index) : LW_SEND_OK;
  if (result < 0 || !lw_conn_answer_finish(c->conn))
    return lw__push_send_failure(L, LW_SEND_CLOSED);
  return push_finished(L, c->conn);
}

/* respond(conn, status, headers, body, close): a whole answer -> what answer_finish returns */
static int respond(lua_State *L) {
  lw_field few[LW_FEW_FIELDS];
  lw_lua_conn *c = lw__check_conn(L, 1);
  lua_settop(L, 5);
  lw_answer answer = {.status = (int)luaL_checkinteger(L, 2), .length = length_of(L, 4)};
  answer.close = lua_toboolean(L, 5) != 0;
  answer.fields = lw__fields(L, 3, few, &answer.field_count);
  return give(L, c, &answer, 4);
}

/* respond_plainly(conn, body): the same with status 200 and no fields; false: it is no string */
static int respond_plainly(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  if (lua_type(L, 2) != LUA_TSTRING) {
    lua_pushboolean(L, 0);
    return 1;
  }
  return give(L, c, &(lw_answer){.status = 200, .length = lua_rawlen(L, 2)}, 2);
}

/* answer(conn, status, headers, length or nil, close): the head of one */
static int answer_begin(lua_State *L) {
  lw_failure failure;
  lw_field few[LW_FEW_FIELDS];
  lw_lua_conn *c = lw__check_conn(L, 1);
  lua_settop(L, 5);
  lw_answer answer = {.status = (int)luaL_checkinteger(L, 2), .length = LW_ANSWER_STREAM};
  if (!lua_isnil(L, 4)) answer.length = (uint64_t)luaL_checknumber(L, 4);
  answer.close = lua_toboolean(L, 5) != 0;
  answer.fields = lw__fields(L, 3, few, &answer.field_count);
  return true_or_failure(L, lw_conn_answer(c->conn, &answer, &failure), &failure);
}

/* answer_write(conn, data): returns what `send` does */
static int answer_write(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  return lw__push_sent(L, c, write_body(L, c, 2));
}

/* answer_finish(conn) -> true and the size of the answer, or nil, message, code */
static int answer_finish(lua_State *L) {
  lw_conn *conn = lw__check_conn(L, 1)->conn;
  if (!lw_conn_answer_finish(conn)) return lw__push_send_failure(L, LW_SEND_CLOSED);
  return push_finished(L, conn);
}

/* answer_size(conn) -> bytes of the answer so far */
static int answer_size(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)lw_conn_answer_size(lw__check_conn(L, 1)->conn));
  return 1;
}

/* --- requests --- */

/* request() -> conn, method, path, head: what on_request is called for. No head where an upgrade is
 * asked for: the connection keeps it. */
static int request_now(lua_State *L) {
  const lw_lua *lua = lw__lua(L);
  const lw_request *request = lua->request;
  if (request == NULL) return luaL_error(L, "no request is being handed out");
  lw__push_ref(L, lua->requester->self);
  lua_pushlstring(L, request->method, request->method_size);
  lua_pushlstring(L, request->path, request->path_size);
  if (request->is_upgrade) return 3;
  lua_pushlstring(L, request->head, request->head_size);
  return 4;
}

/* set_metatables(a, b, a's, b's): a request and its response get theirs. setmetatable, which has
 * more to check, costs five times as much. */
static int set_metatables(lua_State *L) {
  lua_settop(L, 4);
  for (int i = 1; i <= 4; i++) luaL_checktype(L, i, LUA_TTABLE);
  lua_setmetatable(L, 2);
  lua_setmetatable(L, 1);
  return 0;
}

static int has_body(lua_State *L) {
  lua_pushboolean(L, lw_conn_has_body(lw__check_conn(L, 1)->conn));
  return 1;
}

/* read_body(conn, max, whole): the hook `body` is called. True, or nil, message, code. */
static int read_body(lua_State *L) {
  lw_failure failure;
  lw_conn *conn = lw__check_conn(L, 1)->conn;
  uint64_t max = (uint64_t)luaL_checknumber(L, 2);
  return true_or_failure(L, lw_conn_read_body(conn, max, lua_toboolean(L, 3) != 0, &failure),
                         &failure);
}

/* parse_request(head) -> { method, target, path, query, minor, fields }, or nil */
static int parse_request(lua_State *L) {
  lw_http_head head;
  size_t size;
  const char *data = luaL_checklstring(L, 1, &size);
  if (lw_http_parse_request(&head, data, size) != LW_OK) return 0;
  lua_createtable(L, 0, 6);
  lw__set_slice(L, "method", head.method);
  lw__set_slice(L, "target", head.target);
  lw__set_slice(L, "path", head.path);
  if (head.query.size > 0)
    lw__set_slice(L, "query", (lw_slice){head.query.data + 1, head.query.size - 1});
  lua_pushinteger(L, head.minor);
  lua_setfield(L, -2, "minor");
  lw__push_fields(L, &head);
  lua_setfield(L, -2, "fields");
  return 1;
}

void lw__open_request(lua_State *L, int lua) {
  static const luaL_Reg functions[] = {{"accept", accept},
                                       {"check", check},
                                       {"respond", respond},
                                       {"respond_plainly", respond_plainly},
                                       {"answer", answer_begin},
                                       {"answer_write", answer_write},
                                       {"answer_finish", answer_finish},
                                       {"answer_size", answer_size},
                                       {"request", request_now},
                                       {"set_metatables", set_metatables},
                                       {"has_body", has_body},
                                       {"read_body", read_body},
                                       {"parse_request", parse_request},
                                       {NULL, NULL}};
  lua_pushvalue(L, lua);
  lw__setfuncs(L, functions, 1);
}
