/* The fields of a connection object: methods first, then what the script stored, then what C knows,
 * then what Lua computes (the `property` hook). */
#include "binding.h"
#include "text.h"

/* Values of the name table that lw__conn_index looks a key up in. */
typedef enum field {
  FIELD_STATE = 1,
  FIELD_BUFFERED,
  FIELD_UNSENT,
  FIELD_PROTOCOL,
  FIELD_EXTENSIONS,
  FIELD_REMOTE_ADDRESS,
  FIELD_REMOTE_PORT,
  FIELD_RTT,
  FIELD_IS_SERVER,
  FIELD_TLS,
  FIELD_RAW_REQUEST,
  FIELD_RAW_RESPONSE,
  FIELD_SERVER
} field;

static const struct {
  const char *name;
  field field;
} names[] = {
    {"state", FIELD_STATE},
    {"buffered", FIELD_BUFFERED},
    {"unsent", FIELD_UNSENT},
    {"protocol", FIELD_PROTOCOL},
    {"extensions", FIELD_EXTENSIONS},
    {"remote_address", FIELD_REMOTE_ADDRESS},
    {"remote_port", FIELD_REMOTE_PORT},
    {"rtt", FIELD_RTT},
    {"is_server", FIELD_IS_SERVER},
    {"tls", FIELD_TLS},
    {"raw_request", FIELD_RAW_REQUEST},
    {"raw_response", FIELD_RAW_RESPONSE},
    {"server", FIELD_SERVER},
};

/* Upvalues of __index and __newindex. */
enum { UP_LUA = 1, UP_METHODS, UP_FIELDS };

/* The head as it came, for parse_request. */
static void push_raw_request(lua_State *L, const lw_conn *conn) {
  size_t size;
  const char *data = lw_conn_head(conn, &size);
  if (lw_conn_is_server(conn) && size > 0) {
    lua_pushlstring(L, data, size);
  } else {
    lua_pushnil(L);
  }
}

/* { status, reason, headers } */
static void push_raw_response(lua_State *L, const lw_conn *conn) {
  lw_http_head head;
  size_t size;
  const char *data = lw_conn_head(conn, &size);
  if (lw_conn_is_server(conn) || size == 0 || lw_http_parse_response(&head, data, size) != LW_OK) {
    lua_pushnil(L);
    return;
  }
  lua_createtable(L, 3, 0);
  lua_pushinteger(L, head.status);
  lua_rawseti(L, -2, 1);
  lw__push_slice(L, head.reason);
  lua_rawseti(L, -2, 2);
  lw__push_fields(L, &head);
  lua_rawseti(L, -2, 3);
}

/* The object's own table, made when it is first needed. */
static void push_own(lua_State *L, lw_lua_conn *c, int index) {
  if (c->has_fields) {
    lw__getuservalue(L, index);
    return;
  }
  lua_newtable(L);
  lua_pushvalue(L, -1);
  lw__setuservalue(L, index);
  c->has_fields = true;
}

/* The address is kept once it was asked for, because the socket knows it only while it is there. */
static void push_remote(lua_State *L, lw_lua_conn *c, const char *wanted) {
  char address[128];
  int port;
  if (!lw_conn_remote(c->conn, address, sizeof address, &port)) {
    lua_pushnil(L);
    return;
  }
  push_own(L, c, 1);
  lua_pushstring(L, address);
  lua_setfield(L, -2, "remote_address");
  lua_pushinteger(L, port);
  lua_setfield(L, -2, "remote_port");
  lua_getfield(L, -1, wanted);
}

static void push_protocol(lua_State *L, const lw_conn *conn) {
  size_t size;
  const char *protocol = lw_conn_protocol(conn, &size);
  if (size > 0) {
    lua_pushlstring(L, protocol, size);
  } else {
    lua_pushnil(L);
  }
}

static void push_extensions(lua_State *L, const lw_conn *conn) {
  char text[LW_EXTENSIONS_MAX];
  size_t size = lw_conn_extensions(conn, text);
  if (size > 0) {
    lua_pushlstring(L, text, size);
  } else {
    lua_pushnil(L);
  }
}

static void push_server(lua_State *L, const lw_conn *conn) {
  lw_server *server = lw_conn_server(conn);
  const lw_lua_server *s = server != NULL ? lw_server_user(server) : NULL;
  if (s != NULL && s->self != LUA_NOREF) {
    lw__push_ref(L, s->self);
  } else {
    lua_pushnil(L);
  }
}

/* Kept once it was asked for, as the address is. */
static void push_tls(lua_State *L, lw_lua_conn *c) {
  if (!lw__push_tls(L, c->conn)) return;
  push_own(L, c, 1);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "tls");
  lua_pop(L, 1);
}

static void push_field(lua_State *L, lw_lua_conn *c, field which) {
  static const char *const states[] = {
      [LW_CONNECTING] = "connecting", [LW_REQUEST] = "request", [LW_OPEN] = "open",
      [LW_CLOSING] = "closing",       [LW_CLOSED] = "closed",
  };
  const lw_conn *conn = c->conn;
  switch (which) {
  case FIELD_STATE:
    lua_pushstring(L, states[lw_conn_state(conn)]);
    break;
  case FIELD_BUFFERED:
    lua_pushinteger(L, (lua_Integer)lw_conn_buffered(conn));
    break;
  case FIELD_UNSENT:
    lua_pushinteger(L, (lua_Integer)lw_conn_unsent(conn));
    break;
  case FIELD_PROTOCOL:
    push_protocol(L, conn);
    break;
  case FIELD_EXTENSIONS:
    push_extensions(L, conn);
    break;
  case FIELD_REMOTE_ADDRESS:
    push_remote(L, c, "remote_address");
    break;
  case FIELD_REMOTE_PORT:
    push_remote(L, c, "remote_port");
    break;
  case FIELD_RTT:
    if (lw_conn_rtt(conn) >= 0) {
      lua_pushnumber(L, lw_conn_rtt(conn));
    } else {
      lua_pushnil(L);
    }
    break;
  case FIELD_IS_SERVER:
    lua_pushboolean(L, lw_conn_is_server(conn));
    break;
  case FIELD_RAW_REQUEST:
    push_raw_request(L, conn);
    break;
  case FIELD_RAW_RESPONSE:
    push_raw_response(L, conn);
    break;
  case FIELD_SERVER:
    push_server(L, conn);
    break;
  case FIELD_TLS:
    push_tls(L, c);
    break;
  }
}

static int conn_index(lua_State *L) {
  lua_pushvalue(L, 2);
  if (lw__rawget(L, lua_upvalueindex(UP_METHODS)) != LUA_TNIL) return 1;
  lw_lua_conn *c = lw__check_conn(L, 1);
  if (c->has_fields) {
    lw__getuservalue(L, 1);
    lua_pushvalue(L, 2);
    if (lw__rawget(L, -2) != LUA_TNIL) return 1;
  }
  lua_pushvalue(L, 2);
  lua_rawget(L, lua_upvalueindex(UP_FIELDS));
  lua_Integer which = lua_tointeger(L, -1);
  if (which != 0) {
    push_field(L, c, (field)which);
    return 1;
  }
  int hook = c->lua->hooks[LW_HOOK_PROPERTY];
  if (hook == LUA_NOREF) return 0;
  lw__push_ref(L, hook);
  lua_pushvalue(L, 1);
  lua_pushvalue(L, 2);
  lua_call(L, 2, 1);
  return 1;
}

static int conn_newindex(lua_State *L) {
  lw_lua_conn *c = lw__check_conn(L, 1);
  for (int up = UP_METHODS; up <= UP_FIELDS; up++) {
    lua_pushvalue(L, 2);
    if (lw__rawget(L, lua_upvalueindex(up)) != LUA_TNIL) {
      return luaL_error(L, "a connection's %s cannot be assigned to", lw__tolstring(L, 2, NULL));
    }
    lua_pop(L, 1);
  }
  push_own(L, c, 1);
  lua_pushvalue(L, 2);
  lua_pushvalue(L, 3);
  lua_rawset(L, -3);
  return 0;
}

static void push_names(lua_State *L) {
  lua_newtable(L);
  for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
    lua_pushinteger(L, names[i].field);
    lua_setfield(L, -2, names[i].name);
  }
}

void lw__open_conn_fields(lua_State *L, int lua, int metatable) {
  const luaL_Reg accessors[] = {
      {"__index", conn_index}, {"__newindex", conn_newindex}, {NULL, NULL}};
  lua_pushvalue(L, metatable);
  lua_insert(L, -2); /* metatable, methods */
  lua_pushvalue(L, lua);
  lua_insert(L, -2);
  push_names(L); /* metatable, lua, methods, names */
  lw__setfuncs(L, accessors, 3);
  lua_pop(L, 1);
}
