/* Events of a connection become calls of its handlers. */
#include <string.h>

#include "../../core/lunawire_http.h"
#include "binding.h"

typedef struct event {
  lw_conn *conn;
  lw_handlers *handlers;
  lw_handler handler;
  lw_kind kind;
  const char *data, *code;
  size_t size;
  unsigned close_code;
  bool final;
} event;

/* Pushes what the handler takes after the connection, and returns how many. */
static int push_arguments(lua_State *L, const event *e) {
  lw_lua *lua = e->handlers->lua;
  switch (e->handler) {
  case LW_ON_MESSAGE:
  case LW_ON_CHUNK:
    if (e->size >= LW_LARGE_MESSAGE && !lua->has_ballast) lw__take_ballast(L, lua);
    lua_pushlstring(L, e->data, e->size);
    lua_pushvalue(L, lua_upvalueindex(e->kind == LW_TEXT ? 1 : 2));
    if (e->handler == LW_ON_MESSAGE) return 2;
    lua_pushboolean(L, e->final);
    return 3;
  case LW_ON_CLOSE:
    lua_pushinteger(L, (lua_Integer)e->close_code);
    lua_pushlstring(L, e->data, e->size);
    return 2;
  case LW_ON_ERROR:
    lua_pushlstring(L, e->data, e->size);
    lua_pushstring(L, e->code);
    return 2;
  case LW_ON_PING:
  case LW_ON_PONG:
    lua_pushlstring(L, e->data, e->size);
    return 1;
  default:
    return 0;
  }
}

static void call_handler(lua_State *L, void *context) {
  const event *e = context;
  lua_rawgeti(L, LUA_REGISTRYINDEX, e->handlers->functions[e->handler]);
  lw__push_conn(L, e->handlers->lua, e->conn);
  int arguments = push_arguments(L, e);
  lua_call(L, 1 + arguments, 0);
}

static bool have(const lw_handlers *handlers, lw_handler handler) {
  return handlers != NULL && handlers->functions[handler] != LUA_NOREF;
}

static bool has_handler(const lw_conn *conn, lw_handler handler) {
  return have(lw__handlers_of(conn), handler);
}

/* The error on top of lua->L was thrown by a handler: it goes to on_error, or to the report hook
 * when there is none (or when it throws too), and the connection ends. */
static void handler_failed(lw_lua *lua, lw_conn *conn, lw_handler handler) {
  bool told = false;
  if (handler != LW_ON_ERROR && has_handler(conn, LW_ON_ERROR)) {
    event e = {.conn = conn, .handlers = lw__handlers_of(conn), .handler = LW_ON_ERROR};
    e.data = lua_tolstring(lua->L, -1, &e.size);
    e.code = "HANDLER";
    told = lw__call(lua, call_handler, &e);
    if (!told) lw__report(lua);
  }
  if (told) {
    lua_pop(lua->L, 1);
  } else {
    lw__report(lua);
  }
  if (handler != LW_ON_CLOSE) lw_conn_abort(conn, 1011, "an error in a handler");
}

static void fire(lw_conn *conn, event *e) {
  e->conn = conn;
  e->handlers = lw__handlers_of(conn);
  if (!have(e->handlers, e->handler)) return;
  lw_lua *lua = e->handlers->lua;
  if (lua->is_guarding) {
    call_handler(lua->L, e);
  } else if (!lw__call(lua, call_handler, e)) {
    handler_failed(lua, conn, e->handler);
  }
}

typedef struct guarded {
  lw_conn *conn;
  void (*body)(lw_conn *conn);
} guarded;

static void run_guarded(lua_State *L, void *context) {
  (void)L;
  const guarded *g = context;
  g->body(g->conn);
}

/* One protected call for all messages of a read. After an error the connection is not open any
 * more, so that no handler is called again. The first read of a connection is often its last, and
 * just a close frame: there each call is protected by itself. */
static void guard(lw_conn *conn, void (*body)(lw_conn *conn)) {
  lw_lua_conn *c = lw_conn_user(conn);
  if (c == NULL) {
    body(conn);
    return;
  }
  lw_lua *lua = c->lua;
  bool done = false;
  while (!done) {
    lua->is_guarding = true;
    done = lw__call(lua, run_guarded, &(guarded){conn, body});
    lua->is_guarding = false;
    if (!done) handler_failed(lua, conn, LW_ON_MESSAGE);
  }
}

static void on_message(lw_conn *conn, lw_kind kind, const char *data, size_t size) {
  fire(conn, &(event){.handler = LW_ON_MESSAGE, .kind = kind, .data = data, .size = size});
}

static void on_chunk(lw_conn *conn, lw_kind kind, const char *data, size_t size, bool final) {
  fire(conn,
       &(event){.handler = LW_ON_CHUNK, .kind = kind, .data = data, .size = size, .final = final});
}

static void on_ping(lw_conn *conn, const char *data, size_t size) {
  fire(conn, &(event){.handler = LW_ON_PING, .data = data, .size = size});
}

static void on_pong(lw_conn *conn, const char *data, size_t size) {
  fire(conn, &(event){.handler = LW_ON_PONG, .data = data, .size = size});
}

/* --- requests and the upgrade --- */

static void make_object(lua_State *L, void *context) {
  const lw_lua_server *server = lw_server_user(lw_conn_server(context));
  lw__push_conn(L, server->lua, context);
}

/* Gives a server's connection its Lua object when it is first needed. False when there is no
 * memory; the connection is ended then. */
static bool needs_object(lw_conn *conn) {
  if (lw_conn_user(conn) != NULL) return true;
  const lw_lua_server *server = lw_server_user(lw_conn_server(conn));
  if (lw__call(server->lua, make_object, conn)) return true;
  lw__report(server->lua);
  lw_conn_terminate(conn);
  return false;
}

/* Ends what a script failed to handle: with 500, if nothing was answered yet. */
static void fail_request(lw_conn *conn) {
  static const char body[] = "the server failed to handle the request\n";
  lw__report(((lw_lua_conn *)lw_conn_user(conn))->lua);
  lw_answer answer = {.status = 500, .length = sizeof body - 1, .close = true};
  lw_part part = {.data = body, .size = sizeof body - 1};
  bool answered =
      lw_conn_answer(conn, &answer, NULL) &&
      lw_conn_answer_write(conn, &(lw_outgoing){.parts = &part, .part_count = 1}) >= 0 &&
      lw_conn_answer_finish(conn);
  if (!answered) lw_conn_terminate(conn);
}

typedef struct search {
  const lw_lua_server *server;
  const lw_request *request;
  lw_handlers *found;
} search;

/* The handlers of an upgrade's path, where those are all that its route consists of. */
static void find_upgrade(lua_State *L, void *context) {
  search *s = context;
  lw__push_ref(L, s->server->upgrades);
  lua_pushlstring(L, s->request->path, s->request->path_size);
  lua_rawget(L, -2);
  if (!lua_isnil(L, -1)) s->found = lw__check_handlers(L, s->server->lua, -1);
}

/* Accepts it if there is nothing to decide about. */
static bool accept_upgrade(lw_conn *conn, const lw_request *request) {
  search s = {lw_server_user(lw_conn_server(conn)), request, NULL};
  if (s.server->upgrades == LUA_NOREF) return false;
  if (!lw__call(s.server->lua, find_upgrade, &s)) lw__report(s.server->lua);
  if (s.found == NULL) return false;
  bool streams = s.found->functions[LW_ON_CHUNK] != LUA_NOREF;
  if (!lw_conn_accept(conn, NULL, streams, NULL, 0, NULL)) return false;
  lw__set_handlers(conn, s.found);
  return true;
}

static void on_request(lw_conn *conn, const lw_request *request) {
  if (request->is_upgrade && accept_upgrade(conn, request)) return;
  if (!needs_object(conn)) return;
  lw_lua_conn *c = lw_conn_user(conn);
  lw_lua *lua = c->lua;
  const lw_lua_server *server = lw_server_user(lw_conn_server(conn));
  lua->request = request;
  lua->requester = c;
  bool handled = lw__lend(lua, server->on_request);
  lua->request = NULL;
  if (!handled) fail_request(conn);
}

typedef struct hook_call {
  lw_lua_conn *c;
  const char *text, *code; /* text: not NULL */
  size_t size;
  lw_hook hook;
  bool final;
} hook_call;

/* body(conn, chunk, final), gone(conn, message, code), drain(conn) */
static void call_hook(lua_State *L, void *context) {
  const hook_call *call = context;
  lw__push_ref(L, call->c->lua->hooks[call->hook]);
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->c->self);
  lua_pushlstring(L, call->text, call->size);
  if (call->code != NULL) {
    lua_pushstring(L, call->code);
  } else {
    lua_pushboolean(L, call->final);
  }
  lua_call(L, 3, 0);
}

/* False when the hook threw, which is reported. */
static bool fire_hook(lw_conn *conn, hook_call *call) {
  call->c = lw_conn_user(conn);
  if (call->c == NULL || call->c->lua->hooks[call->hook] == LUA_NOREF) return true;
  return lw__call(call->c->lua, call_hook, call);
}

static void on_body(lw_conn *conn, const char *data, size_t size, bool final) {
  hook_call call = {.hook = LW_HOOK_BODY, .text = data, .size = size, .final = final};
  if (!fire_hook(conn, &call)) fail_request(conn);
}

/* The server's own, where no route gave it others: it may have asked for plain pages before, when
 * the server had routes. */
static void take_handlers(lw_conn *conn) {
  if (lw__handlers_of(conn) != NULL || lw_conn_server(conn) == NULL) return;
  const lw_lua_server *server = lw_server_user(lw_conn_server(conn));
  if (server->handlers != NULL) lw__set_handlers(conn, server->handlers);
}

/* What is called at the end may ask for the peer's address, which only an object keeps so long. */
static void on_open(lw_conn *conn) {
  take_handlers(conn);
  bool tells_end = has_handler(conn, LW_ON_CLOSE) || has_handler(conn, LW_ON_ERROR);
  if (tells_end && !needs_object(conn)) return;
  fire(conn, &(event){.handler = LW_ON_OPEN});
}

/* --- parked senders --- */

typedef struct unparking {
  lw_lua_conn *c;
  bool drained;
} unparking;

static void call_unpark(lua_State *L, void *context) {
  const unparking *u = context;
  lw__push_ref(L, u->c->lua->hooks[LW_HOOK_UNPARK]);
  lua_rawgeti(L, LUA_REGISTRYINDEX, u->c->self);
  if (u->drained) {
    lua_pushboolean(L, 1);
    lua_call(L, 2, 0);
  } else {
    const char *code, *message = lw_send_error(LW_SEND_CLOSED, &code);
    lua_pushnil(L);
    lua_pushstring(L, message);
    lua_pushstring(L, code);
    lua_call(L, 4, 0);
  }
}

static void unpark(lw_conn *conn, bool drained) {
  lw_lua_conn *c = lw_conn_user(conn);
  if (c == NULL || !c->is_parked) return;
  c->is_parked = false;
  if (!lw__call(c->lua, call_unpark, &(unparking){c, drained})) lw__report(c->lua);
}

static void on_gone(lw_conn *conn, const char *message, const char *code) {
  hook_call call = {.hook = LW_HOOK_GONE, .text = message, .code = code};
  call.size = strlen(message);
  unpark(conn, false);
  if (!fire_hook(conn, &call)) lw__report(call.c->lua);
}

static void on_drain(lw_conn *conn) {
  unpark(conn, true);
  if (lw_conn_state(conn) == LW_REQUEST) {
    if (!fire_hook(conn, &(hook_call){.hook = LW_HOOK_DRAIN, .text = ""})) fail_request(conn);
    return;
  }
  fire(conn, &(event){.handler = LW_ON_DRAIN});
}

/* --- endings --- */

static void on_error(lw_conn *conn, const char *message, const char *code) {
  fire(conn,
       &(event){.handler = LW_ON_ERROR, .data = message, .size = strlen(message), .code = code});
}

static void on_close(lw_conn *conn, unsigned code, const char *reason, size_t size) {
  unpark(conn, false);
  fire(conn, &(event){.handler = LW_ON_CLOSE, .close_code = code, .data = reason, .size = size});
}

static void on_end(lw_conn *conn) {
  lw_lua_conn *c = lw_conn_user(conn);
  unpark(conn, false);
  lw__set_handlers(conn, NULL);
  if (c == NULL) return;
  lw__unref(c->lua, &c->self); /* the script may keep the object; we do not need it any more */
}

/* It may go with its loop, and without an end. */
static void on_free(lw_conn *conn) {
  lw__set_handlers(conn, NULL);
}

const lw_conn_events lw__lua_conn_events = {
    .on_request = on_request,
    .on_body = on_body,
    .on_gone = on_gone,
    .on_open = on_open,
    .guard = guard,
    .on_message = on_message,
    .on_chunk = on_chunk,
    .on_ping = on_ping,
    .on_pong = on_pong,
    .on_drain = on_drain,
    .on_error = on_error,
    .on_close = on_close,
    .on_end = on_end,
    .on_free = on_free,
};
