/* Lists of what the core has many of, for scripts, and what is known about a connection's TLS.
 *
 * Whatever Lua allocates may run finalizers of the script, and those may end connections and
 * subscriptions, and outside of handlers turn the loop. So nothing of Lua's is made while the core
 * walks over its own: what it shows is noted, in memory that goes with a userdata, and becomes
 * values of Lua's when the walk is over. */
#include <string.h>

#include "../../core/proto/buf.h"
#include "binding.h"

#define METATABLE "lunawire.walk"

typedef struct notes {
  lw_buf bytes; /* pointers to connections, or names, each behind a byte with its size */
  size_t taken; /* bytes that are done with; the connections behind them are held */
  bool has_conns, failed;
} notes;

static void note(notes *n, const void *data, size_t size) {
  if (!n->failed) n->failed = !lw_buf_append(&n->bytes, data, size);
}

static lw_conn *first_conn(const notes *n) {
  lw_conn *conn;
  if (n->taken == n->bytes.size) return NULL;
  memcpy(&conn, n->bytes.data + n->taken, sizeof conn);
  return conn;
}

static void drop_conn(notes *n, lw_conn *conn) {
  n->taken += sizeof conn;
  lw_conn_release(conn);
}

static void forget(notes *n) {
  lw_conn *conn;
  while (n->has_conns && (conn = first_conn(n)) != NULL) drop_conn(n, conn);
  lw_buf_free(&n->bytes);
  n->taken = 0;
}

static int notes_gc(lua_State *L) {
  forget(luaL_checkudata(L, 1, METATABLE));
  return 0;
}

/* Pushes the array that is to be filled, and the notes. */
static notes *begin(lua_State *L, bool has_conns) {
  lua_newtable(L);
  notes *n = lua_newuserdata(L, sizeof *n);
  *n = (notes){.has_conns = has_conns};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  return n;
}

static void check(lua_State *L, const notes *n) {
  if (n->failed) luaL_error(L, "out of memory");
}

/* Pops the notes. */
static void end(lua_State *L, notes *n) {
  forget(n);
  lua_pop(L, 1);
}

/* --- connections --- */

static bool is_open(const lw_conn *conn) {
  lw_state state = lw_conn_state(conn);
  bool is_listed = state == LW_OPEN || state == LW_CLOSING;
  return is_listed && lw__handlers_of(conn) != NULL; /* or on_open is still to come */
}

static void note_conn(lw_conn *conn, void *context) {
  notes *n = context;
  if (!is_open(conn)) return;
  note(n, &conn, sizeof conn);
  if (!n->failed) lw_conn_hold(conn);
}

void lw__push_conns(lua_State *L, lw_lua *lua, lw_server *server) {
  int count = 0;
  notes *n = begin(L, true);
  lw_server_each(server, note_conn, n);
  check(L, n);
  for (lw_conn *conn; (conn = first_conn(n)) != NULL; drop_conn(n, conn)) {
    if (!is_open(conn)) continue;
    lw__push_conn(L, lua, conn);
    if (is_open(conn)) { /* still */
      lua_rawseti(L, -3, ++count);
    } else {
      lua_pop(L, 1);
    }
  }
  end(L, n);
}

/* --- topics --- */

static void note_topic(void *context, const char *topic, size_t size) {
  _Static_assert(LW_TOPIC_MAX <= UINT8_MAX, "a byte is enough for its size");
  note(context, &(uint8_t){(uint8_t)size}, 1);
  note(context, topic, size);
}

void lw__push_topics(lua_State *L, const lw_conn *conn) {
  int count = 0;
  notes *n = begin(L, false);
  lw_conn_topics(conn, note_topic, n);
  check(L, n);
  while (n->taken < n->bytes.size) {
    const uint8_t *name = n->bytes.data + n->taken;
    lua_pushlstring(L, (const char *)name + 1, *name);
    lua_rawseti(L, -3, ++count);
    n->taken += 1 + (size_t)*name;
  }
  end(L, n);
}

/* --- TLS --- */

enum { SLOT_FACTS = 1, SLOT_NOTES, SLOT_PEER, SLOT_NAMES }; /* above `base` */

static void note_fact(void *context, const char *name, const char *value) {
  note(context, name, strlen(name) + 1);
  note(context, value, strlen(value) + 1);
}

static bool is_about_peer(const char *name) {
  static const char *const about_peer[] = {"verified", "subject", "issuer", "expires", NULL};
  for (const char *const *known = about_peer; *known != NULL; known++) {
    if (strcmp(name, *known) == 0) return true;
  }
  return false;
}

static void push_value(lua_State *L, const char *value) {
  if (strcmp(value, "true") == 0 || strcmp(value, "false") == 0) {
    lua_pushboolean(L, value[0] == 't');
  } else {
    lua_pushstring(L, value);
  }
}

static void add_fact(lua_State *L, int base, const char *name, const char *value) {
  if (strcmp(name, "name") == 0) {
    lua_pushstring(L, value);
    lua_rawseti(L, base + SLOT_NAMES, (int)lua_rawlen(L, base + SLOT_NAMES) + 1);
  } else if (is_about_peer(name)) {
    push_value(L, value);
    lua_setfield(L, base + SLOT_PEER, name);
    lua_pushvalue(L, base + SLOT_PEER);
    lua_setfield(L, base + SLOT_FACTS, "peer");
  } else {
    push_value(L, value);
    lua_setfield(L, base + SLOT_FACTS, name);
  }
}

static void add_facts(lua_State *L, int base, notes *n) {
  lua_newtable(L);
  lua_newtable(L);
  lua_pushvalue(L, base + SLOT_NAMES);
  lua_setfield(L, base + SLOT_PEER, "names");
  while (n->taken < n->bytes.size) {
    const char *name = (const char *)n->bytes.data + n->taken;
    const char *value = name + strlen(name) + 1;
    add_fact(L, base, name, value);
    n->taken += (size_t)(value + strlen(value) + 1 - name);
  }
  lua_settop(L, base + SLOT_NOTES);
}

bool lw__push_tls(lua_State *L, const lw_conn *conn) {
  int base = lua_gettop(L);
  luaL_checkstack(L, 8, NULL);
  notes *n = begin(L, false);
  bool has_tls = lw_conn_tls(conn, note_fact, n);
  check(L, n);
  if (has_tls) add_facts(L, base, n);
  end(L, n);
  if (has_tls) return true;
  lua_pop(L, 1);
  lua_pushnil(L);
  return false;
}

void lw__open_walk(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, notes_gc);
  lua_setfield(L, -2, "__gc");
  lua_pop(L, 1);
}
