/* What the files of the binding share. Everything of one Lua state hangs off one lw_lua, which is
 * the first upvalue of every function here. */
#ifndef LW_LUA_BINDING_H
#define LW_LUA_BINDING_H

#include "../../core/lunawire.h"
#include "compat.h"

/* The calls into Lua code of ours that scripts can replace nothing of; docs/seam.md says when. */
typedef enum lw_hook {
  LW_HOOK_REPORT,
  LW_HOOK_PROPERTY,
  LW_HOOK_PARK,
  LW_HOOK_UNPARK,
  LW_HOOK_BODY,
  LW_HOOK_GONE,
  LW_HOOK_DRAIN,
  LW_HOOK_LENT,
  LW_HOOKS
} lw_hook;

#define LW_IDLE_MAX 16

/* A coroutine that is lent for one call after the other. */
typedef struct lw_lent {
  lua_State *T;
  int reference; /* keeps it alive */
} lw_lent;

typedef struct lw_lua {
  lua_State *L; /* the thread that handlers are called on, anchored in the registry */
  lw_loop *loop;
  struct lw_fiber *fiber;    /* the one that runs, see fiber.h */
  bool has_fibers;           /* they take the place of Lua's coroutines */
  int traceback, trampoline; /* references of the door's own */
  const char *text, *binary; /* the names of kinds, which Lua keeps once; anchored by the door */
  bool is_guarding; /* what is called now is protected already: all messages of one read are */
  bool has_ballast; /* or there was no memory for it */
  int hooks[LW_HOOKS];
  int pins;                       /* the table of strings that are being sent, see message.c */
  long references;                /* references that are held: for leak checks */
  int conn_metatable;             /* a reference: looking it up by name costs more */
  const void *handlers_metatable; /* for comparing */
  lw_lent idle[LW_IDLE_MAX];
  unsigned idle_count;
  const lw_request *request;     /* while on_request is called, for the function `request` */
  struct lw_lua_conn *requester; /* whose request that is */
} lw_lua;

lw_lua *lw__lua(lua_State *L); /* the first upvalue; raises when its loop is gone */

/* References to values, counted. */
int lw__ref(lw_lua *lua, lua_State *L); /* pops the value */
void lw__unref(lw_lua *lua, int *reference);
void lw__push_ref(lua_State *L, int reference);

/* --- callback.c: the one door from C into Lua */

/* Prepares lua->L. */
void lw__open_door(lw_lua *lua);

/* Runs `body(L, context)` on the handlers' thread, protected: it may push, call and raise anything,
 * but not come here again. On an error returns false and leaves the message with its traceback on
 * top of lua->L. */
bool lw__call(lw_lua *lua, void (*body)(lua_State *L, void *context), void *context);

/* Hands the error on top of lua->L to the report hook and pops it. */
void lw__report(lw_lua *lua);

/* Raises when a handler is running: `what` cannot wait there. */
void lw__check_may_run(lua_State *L, lw_lua *lua, const char *what);

/* True when the caller runs in a coroutine that may wait. */
bool lw__can_yield(lua_State *L, lw_lua *lua);

/* --- lend.c */

/* Runs a function, which takes nothing and returns nothing, in a coroutine: it may wait. False when
 * nobody took care of its error, which is then on top of lua->L. */
bool lw__lend(lw_lua *lua, int function);

/* --- handlers.c: sets of handler functions */

typedef enum lw_handler {
  LW_ON_OPEN,
  LW_ON_MESSAGE,
  LW_ON_CHUNK,
  LW_ON_CLOSE,
  LW_ON_ERROR,
  LW_ON_DRAIN,
  LW_ON_PING,
  LW_ON_PONG,
  LW_HANDLERS
} lw_handler;

typedef struct lw_handlers { /* counted: one by its userdata, one by each connection */
  lw_lua *lua;
  unsigned count;
  int functions[LW_HANDLERS]; /* LUA_NOREF where there is none */
} lw_handlers;

lw_handlers *lw__check_handlers(lua_State *L, const lw_lua *lua, int index);
void lw__handlers_hold(lw_handlers *handlers);
void lw__handlers_release(lw_handlers *handlers);
/* Of a connection: NULL before the upgrade is decided and after the end. Its object has them; as
 * long as it has none, they are its context. */
lw_handlers *lw__handlers_of(const lw_conn *conn);
void lw__set_handlers(lw_conn *conn, lw_handlers *handlers);

/* --- conn.c, conn_fields.c, conn_events.c */

typedef struct lw_lua_conn {
  lw_conn *conn; /* held */
  lw_lua *lua;
  lw_handlers *handlers;
  int self;            /* keeps the userdata while the connection can make calls */
  uint16_t tag;        /* LW_CONN_TAG: no other userdata of this size has it here */
  uint8_t stream_kind; /* lw_kind of the fragmented message that is being sent */
  bool has_fields : 1; /* its own table exists */
  bool is_parked : 1;  /* coroutines wait for its output to drain */
  bool has_closed : 1; /* the script closed it, not the peer */
} lw_lua_conn;

#define LW_CONN_TAG 0x4c57

extern const lw_conn_events lw__lua_conn_events;

/* Pushes the connection's object, its user, which is made when it is first needed: most of them
 * make no call that needs one. Whoever is not called by the connection holds it meanwhile. */
void lw__push_conn(lua_State *L, lw_lua *lua, lw_conn *conn);
lw_lua_conn *lw__check_conn(lua_State *L, int index);
/* Sets __index and __newindex in the metatable; pops the table of methods. */
void lw__open_conn_fields(lua_State *L, int lua, int metatable);
int lw__push_failure(lua_State *L, const char *message, const char *code);
/* Hands the string, or the array of strings, at the index to lw_conn_send or its like. */
lw_send_result lw__send_parts(lua_State *L, lw_lua_conn *c, int index, lw_outgoing *message,
                              lw_send_result (*send)(lw_conn *, const lw_outgoing *));
/* What `send` returns for the result; the connection is at index 1. In a coroutine it waits while
 * much is waiting. */
int lw__push_sent(lua_State *L, lw_lua_conn *c, lw_send_result result);

/* nil, message, code for a result below 0. */
int lw__push_send_failure(lua_State *L, lw_send_result result);

/* The close code at the index; 0, which is none, for anything else. */
unsigned lw__close_code(lua_State *L, int index, unsigned usual);
/* Raises: the function was given a code or a reason that may not be sent. */
int lw__raise_closing(lua_State *L, const char *function);

/* --- ballast.c */

#define LW_LARGE_MESSAGE ((size_t)128 * 1024) /* bytes from which on it pays */

/* Before Lua gets the first large message. */
void lw__take_ballast(lua_State *L, lw_lua *lua);

/* --- message.c: what is to be sent */

#define LW_PARTS_ON_STACK 16

typedef struct lw_message_options {
  bool uncompressed;
  const char *key; /* NULL: none; the table keeps it alive */
  size_t key_size;
} lw_message_options;

/* "text" or "binary"; none: text. */
lw_kind lw__check_kind(lua_State *L, const lw_lua *lua, int index);
/* The string or array of strings at the index as parts: `few`, of LW_PARTS_ON_STACK, or more in a
 * userdata that is left on the stack. With a keeper large ones are pinned in its table, until
 * lw__release_part(keeper, token); the others are valid while the value is. */
lw_part *lw__take_parts(lua_State *L, lw_lua *keeper, int index, lw_part *few, size_t *count);
void lw__release_part(void *keeper, intptr_t token);
/* The options of one message at the index, or nothing there. Only what is published has a key,
 * which the stack keeps: it may grow by one. */
lw_message_options lw__message_options(lua_State *L, int index, bool may_have_key);

/* --- server.c */

typedef struct lw_lua_server {
  lw_server *server; /* held */
  lw_lua *lua;
  lw_handlers *handlers; /* NULL when requests are decided by on_request */
  int on_request, on_error, self;
  int upgrades; /* path = handlers: what needs no on_request to be accepted */
} lw_lua_server;

lw_lua_server *lw__check_server(lua_State *L, int index);

/* --- walk.c */

/* Pushes an array of the server's connections that are open or closing. */
void lw__push_conns(lua_State *L, lw_lua *lua, lw_server *server);
/* Pushes an array of the names of the topics that a connection has subscribed to. */
void lw__push_topics(lua_State *L, const lw_conn *conn);
/* Pushes what is known about TLS on the connection, or nil; tells which. */
bool lw__push_tls(lua_State *L, const lw_conn *conn);

/* --- tls.c */

/* The context in the option `tls`, which the table keeps alive; NULL: absent. */
lw_tls_context *lw__opt_tls(lua_State *L, int table);

/* --- options.c: reading tables that the Lua side has checked */

const char *lw__opt_string(lua_State *L, int table, const char *name); /* NULL: absent */
bool lw__opt_boolean(lua_State *L, int table, const char *name);
double lw__opt_number(lua_State *L, int table, const char *name); /* raises when absent */
/* Seconds as milliseconds, rounded up so that a short limit does not become "none". */
uint32_t lw__opt_milliseconds(lua_State *L, int table, const char *name);
/* until_open: the name of the time limit for the opening handshake. */
void lw__opt_limits(lua_State *L, int table, const char *until_open, lw_limits *limits);
/* The table `deflate`; NULL when it is absent or false. */
const lw_compression *lw__opt_compression(lua_State *L, int table, lw_compression *compression);
/* A NULL-terminated array of the strings in the list, or NULL. It is a userdata on the stack, which
 * grows by one in any case; the strings live as long as the list. */
const char *const *lw__opt_list(lua_State *L, int table, const char *name);
#define LW_FEW_FIELDS 16
/* Header fields of the array { name, value, ... } at the index (none or nil: 0): in `few`, or in a
 * userdata on the stack, which grows by one in any case. The strings live as long as the array. */
const lw_field *lw__fields(lua_State *L, int index, lw_field few[LW_FEW_FIELDS], size_t *count);

/* --- one function for each part, which fills the module table on top of the stack; the lw_lua
 * userdata is at index `lua` */

void lw__open_handlers(lua_State *L, int lua);
void lw__open_conn(lua_State *L, int lua);
void lw__open_server(lua_State *L, int lua);
void lw__open_walk(lua_State *L); /* adds nothing to the module */
/* After those of conn.c and server.c: adds to their methods. */
void lw__open_topic(lua_State *L, int lua);
void lw__open_request(lua_State *L, int lua);
void lw__open_client(lua_State *L, int lua);
void lw__open_tls(lua_State *L, int lua);
void lw__open_timer(lua_State *L, int lua);
void lw__open_text(lua_State *L, int lua);
void lw__open_file(lua_State *L, int lua);

#endif
