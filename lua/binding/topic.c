/* Topics: subscribing connections, and publishing to them. */
#include "binding.h"

/* A topic is a name: a number that is used for one is a mistake more often than not. */
static const char *check_topic(lua_State *L, size_t *size) {
  luaL_checktype(L, 2, LUA_TSTRING);
  return lua_tolstring(L, 2, size);
}

static lw_conn *check_member(lua_State *L, const char *what) {
  lw_conn *conn = lw__check_conn(L, 1)->conn;
  if (!lw_conn_is_server(conn)) {
    luaL_error(L, "%s: topics belong to a server; a client's connection has none", what);
  }
  return conn;
}

/* conn:subscribe(topic) */
static int conn_subscribe(lua_State *L) {
  lw_conn *conn = check_member(L, "subscribe");
  size_t size;
  const char *topic = check_topic(L, &size);
  lw_send_result result = lw_conn_subscribe(conn, topic, size);
  if (result != LW_SEND_OK) return lw__push_send_failure(L, result);
  lua_pushboolean(L, 1);
  return 1;
}

/* conn:unsubscribe(topic) -> whether it had subscribed */
static int conn_unsubscribe(lua_State *L) {
  lw_conn *conn = check_member(L, "unsubscribe");
  size_t size;
  const char *topic = check_topic(L, &size);
  lua_pushboolean(L, lw_conn_unsubscribe(conn, topic, size));
  return 1;
}

/* conn:topics() -> array */
static int conn_topics(lua_State *L) {
  lw__push_topics(L, check_member(L, "topics"));
  return 1;
}

/* publish(self, topic, data [, kind [, options]]) -> how many took it; or nil, message, code */
static int publish(lua_State *L, lw_server *server, const lw_conn *except) {
  lw_publication publication = {.except = except};
  publication.topic = check_topic(L, &publication.topic_size);
  lw_message_options options = lw__message_options(L, 5, true);
  publication.key = options.key;
  publication.key_size = options.key_size;
  lw_outgoing message = {.kind = lw__check_kind(L, lw__lua(L), 4),
                         .uncompressed = options.uncompressed};
  lw_part few[LW_PARTS_ON_STACK];
  message.parts = lw__take_parts(L, NULL, 3, few, &message.part_count);
  publication.message = &message;
  size_t count;
  lw_send_result result = lw_server_publish(server, &publication, &count);
  if (result != LW_SEND_OK) return lw__push_send_failure(L, result);
  lua_pushinteger(L, (lua_Integer)count);
  return 1;
}

/* conn:publish(topic, data [, kind [, options]]): to all but itself */
static int conn_publish(lua_State *L) {
  const lw_conn *conn = check_member(L, "publish");
  return publish(L, lw_conn_server(conn), conn);
}

/* server:publish(topic, data [, kind [, options]]) */
static int server_publish(lua_State *L) {
  return publish(L, lw__check_server(L, 1)->server, NULL);
}

/* server:subscribers(topic) -> how many there are */
static int server_subscribers(lua_State *L) {
  const lw_server *server = lw__check_server(L, 1)->server;
  size_t size;
  const char *topic = check_topic(L, &size);
  lua_pushinteger(L, (lua_Integer)lw_server_subscribers(server, topic, size));
  return 1;
}

static void add(lua_State *L, int lua, const char *table, const luaL_Reg *methods) {
  lua_getfield(L, -1, table);
  lua_pushvalue(L, lua);
  lw__setfuncs(L, methods, 1);
  lua_pop(L, 1);
}

void lw__open_topic(lua_State *L, int lua) {
  static const luaL_Reg of_conn[] = {{"subscribe", conn_subscribe},
                                     {"unsubscribe", conn_unsubscribe},
                                     {"topics", conn_topics},
                                     {"publish", conn_publish},
                                     {NULL, NULL}};
  static const luaL_Reg of_server[] = {
      {"publish", server_publish}, {"subscribers", server_subscribers}, {NULL, NULL}};
  add(L, lua, "methods", of_conn);
  add(L, lua, "server_methods", of_server);
}
