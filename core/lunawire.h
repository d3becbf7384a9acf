/* lunawire: WebSocket servers and clients over one event loop.
 *
 * This is the C interface, with lunawire_client.h and lunawire_http.h; it knows no Lua, libuv or
 * OpenSSL type. All of it belongs to one thread per loop. Nothing here blocks but lw_loop_run and
 * lw_loop_step.
 *
 * Callbacks come from the loop only, one at a time, never from inside a call and never inside
 * another callback of the same loop. Any function may be called from any callback.
 *
 * Errors: a function that can fail at run time takes an lw_failure and returns false or NULL after
 * filling it in. Times are milliseconds, sizes are bytes, text is UTF-8. */
#ifndef LUNAWIRE_H
#define LUNAWIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lw_loop lw_loop;
typedef struct lw_conn lw_conn;
typedef struct lw_server lw_server;
typedef struct lw_timer lw_timer;
typedef struct lw_signal lw_signal;
typedef struct lw_file lw_file;
typedef struct lw_tls_context lw_tls_context;

typedef struct lw_failure {
  char code[32];     /* for programs: "ECONNREFUSED", "HTTP_STATUS", "INVALID_UTF8", ... */
  char message[480]; /* for people: one sentence */
} lw_failure;

/* --- the loop --- */

/* A loop of its own, or on a uv_loop_t that somebody else runs (then lw_loop_run is theirs). */
lw_loop *lw_loop_new(void *uv_loop, lw_failure *failure);

/* Ends every connection, server, timer and signal without a callback and releases the loop. Objects
 * that are still held (lw_conn_hold) stay valid and answer as closed. Not from inside a callback.
 */
void lw_loop_free(lw_loop *loop);

/* Runs until nothing is left to wait for, or lw_loop_stop. True when it ended sooner because a
 * signal came, of which not all systems tell: run it again. Not from inside a callback. */
bool lw_loop_run(lw_loop *loop);
void lw_loop_stop(lw_loop *loop);

/* One turn, waiting at most `timeout_ms` for something to happen (negative: as long as it takes).
 * True while something is left to wait for. Not from inside a callback. */
bool lw_loop_step(lw_loop *loop, int64_t timeout_ms);

int lw_loop_fd(const lw_loop *loop);          /* to poll for reading; -1 where there is none */
uint64_t lw_loop_now_ms(const lw_loop *loop); /* monotonic; advances once a turn */
bool lw_loop_in_callback(const lw_loop *loop);

/* Fills `data` from the operating system's random source. */
bool lw_loop_random(lw_loop *loop, void *data, size_t size);

typedef struct lw_loop_counts { /* what is alive, for leak checks */
  size_t connections, servers, timers, signals, files;
  size_t jobs; /* in the thread pool */
} lw_loop_counts;
void lw_loop_count(const lw_loop *loop, lw_loop_counts *counts);

/* Calls fn(context) after `delay_ms`, then every `every_ms` (0: once; the timer is then gone after
 * the call). lw_timer_stop may be called from inside fn; the timer is gone after it. NULL: no
 * memory. */
lw_timer *lw_timer_start(lw_loop *loop, uint64_t delay_ms, uint64_t every_ms,
                         void (*fn)(void *context), void *context);
void lw_timer_stop(lw_timer *timer);

/* Calls fn(context) on a POSIX signal ("SIGINT", ...). Does not keep the loop running. */
lw_signal *lw_signal_start(lw_loop *loop, const char *name, void (*fn)(void *context),
                           void *context, lw_failure *failure);
void lw_signal_stop(lw_signal *signal);

/* --- TLS --- */

/* Certificates and keys are PEM, given as the text itself or as the path of a file. */
typedef struct lw_tls_pair {
  const char
      *name; /* server: "a.example" or "*.a.example"; NULL: for clients that ask for others */
  const char *cert; /* with the certificates of its authorities behind it */
  const char *key;  /* NULL: in the same place as the certificate */
} lw_tls_pair;

typedef struct lw_tls_options {
  bool is_server;
  bool self_signed;         /* server: a certificate for localhost, made now */
  bool verify;              /* the peer's certificate; a server asks for one */
  bool require;             /* server: refuse clients without a certificate */
  bool ktls;                /* the kernel may encrypt, where it offers that */
  const char *ca;           /* who is trusted; NULL: the system's authorities */
  const lw_tls_pair *pairs; /* a client has one or none */
  size_t pair_count;
} lw_tls_options;

/* Reads certificates and keys. One context may serve any number of servers and connections, which
 * hold it. Everything in options is copied. NULL on failure. */
lw_tls_context *lw_tls_open(const lw_tls_options *options, lw_failure *failure);
void lw_tls_hold(lw_tls_context *context);
void lw_tls_release(lw_tls_context *context);

/* Whether this build could let the kernel encrypt; whether the kernel does is seen by trying. */
bool lw_tls_has_ktls(void);

/* --- connections --- */

typedef enum lw_state {
  LW_CONNECTING, /* client: on the way to the server's answer */
  LW_REQUEST,    /* server: until the upgrade is accepted or refused */
  LW_OPEN,
  LW_CLOSING, /* a close frame was sent; the peer's is awaited */
  LW_CLOSED
} lw_state;

typedef enum lw_kind { LW_TEXT = 1, LW_BINARY = 2 } lw_kind; /* the opcodes of RFC 6455 */

/* A request whose head is whole. The texts are not terminated, and valid during the call only. */
typedef struct lw_request {
  const char *method, *path, *head; /* path: as sent, without the query; head: all of it */
  size_t method_size, path_size, head_size;
  bool is_upgrade; /* it asks for a WebSocket */
} lw_request;

/* What happens on a connection. Members may be NULL. `data` is valid during the call only. */
typedef struct lw_conn_events {
  /* Server: a request came, which is to be accepted (lw_conn_accept) or answered (lw_conn_answer,
   * lw_conn_respond), now or later. Only for servers that set decide_upgrades. The next request
   * comes when this one is over. */
  void (*on_request)(lw_conn *conn, const lw_request *request);
  /* A piece of the request's body, or all of it: what lw_conn_read_body asked for. */
  void (*on_body)(lw_conn *conn, const char *data, size_t size, bool final);
  /* A request is off before its answer was finished, or the upgrade decided: the client has gone,
   * is too slow or broke a rule (and was told), or time was up. on_end follows. */
  void (*on_gone)(lw_conn *conn, const char *message, const char *code);
  void (*on_open)(lw_conn *conn);
  /* Calls body(conn), which makes the next four calls for all messages of one read. If one of them
   * leaves it by a longjmp, the guard ends the connection (lw_conn_abort) and calls body again.
   * NULL: nothing stands around it. */
  void (*guard)(lw_conn *conn, void (*body)(lw_conn *conn));
  void (*on_message)(lw_conn *conn, lw_kind kind, const char *data, size_t size);
  /* Instead of on_message for connections that stream messages. */
  void (*on_chunk)(lw_conn *conn, lw_kind kind, const char *data, size_t size, bool final);
  void (*on_ping)(lw_conn *conn, const char *data, size_t size); /* answered already */
  void (*on_pong)(lw_conn *conn, const char *data, size_t size);
  void (*on_drain)(lw_conn *conn); /* after a send that answered LW_SEND_SLOW */
  /* The peer broke a rule, or a client could not connect. */
  void (*on_error)(lw_conn *conn, const char *message, const char *code);
  /* Exactly once for each connection that had on_open. `code` is the peer's, or 1006 with a reason
   * of ours when the connection ended without a close frame, or ours when we failed it. */
  void (*on_close)(lw_conn *conn, unsigned code, const char *reason, size_t size);
  /* The connection will make no call any more, but the next. Also without on_open. */
  void (*on_end)(lw_conn *conn);
  /* The object is about to be freed, after on_end, or without it because the loop was: what the
   * owner's pointers hold can go. */
  void (*on_free)(lw_conn *conn);
} lw_conn_events;

/* Limits and time limits of a connection. Every field counts; 0 means "none" only where said. */
typedef struct lw_limits {
  uint64_t max_message;   /* bytes of an incoming message */
  uint64_t max_buffered;  /* bytes of unsent output */
  uint64_t high_water;    /* bytes of unsent output above which lw_conn_send answers LW_SEND_SLOW */
  uint32_t handshake_ms;  /* from accept or connect to open */
  uint32_t idle_ms;       /* without a message in either direction; 0: none */
  uint32_t ping_ms;       /* silence before a ping, and again before giving up; 0: none */
  uint32_t close_ms;      /* for the closing handshake, and again for the end of TCP */
  uint32_t keep_alive_ms; /* servers: between an answer and the next request's first byte */
  uint32_t body_ms;       /* servers: silence inside a request's body, see lw_conn_read_body */
  uint32_t write_ms;      /* servers: during which a client reads nothing of its answer */
  bool drop_when_slow;    /* at max_buffered: refuse the message instead of ending the connection */
} lw_limits;

/* permessage-deflate (RFC 7692). Without takeover a connection borrows the memory that compressing
 * takes for one message at a time. With it the connection keeps 2^(window_bits + 2) +
 * 2^(memory_level + 9) bytes to compress and 2^peer_window_bits + 7 KiB to inflate. */
typedef struct lw_compression {
  uint32_t threshold;       /* a shorter message is sent as it is; bytes */
  uint8_t level;            /* 1 (fast) to 9 (small) */
  uint8_t memory_level;     /* 1 to 9 */
  uint8_t window_bits;      /* the largest window to compress with: 9 to 15 */
  uint8_t peer_window_bits; /* what to ask of the peer for its window: 8 to 15 */
  bool takeover;            /* keep the window from message to message, where the peer agrees */
} lw_compression;

/* A payload of this size or more may be kept by reference while it waits; a smaller one is copied.
 */
#define LW_PIN_MIN 4096 /* bytes */

/* Bytes to send. A pinned part is kept alive by its sender until release(context, token) is called
 * for it, exactly once, possibly during lw_conn_send and possibly much later. Others are copied. */
typedef struct lw_part {
  const void *data;
  size_t size;
  bool pinned;
  intptr_t token;
} lw_part;

typedef struct lw_outgoing {
  lw_kind kind;
  lw_part *parts; /* sent one after the other as one payload; `pinned` is cleared */
  size_t part_count;
  void (*release)(void *context, intptr_t token);
  void *context;
  bool fragment;     /* one frame of a fragmented message: */
  bool first;        /*   its first frame */
  bool final;        /*   its last frame */
  bool uncompressed; /* never compress it; counts with the first frame */
} lw_outgoing;

typedef enum lw_send_result {
  LW_SEND_OK = 1,
  LW_SEND_SLOW = 0,     /* accepted, but above high_water: on_drain comes */
  LW_SEND_CLOSED = -1,  /* the connection is not open */
  LW_SEND_DROPPED = -2, /* above max_buffered, and the limits say to drop */
  LW_SEND_FULL = -3,    /* above max_buffered: the connection was ended */
  LW_SEND_UTF8 = -4,    /* text that is not valid UTF-8 */
  LW_SEND_ORDER = -5,   /* a message inside a fragmented one, or a fragment without a first one */
  LW_SEND_NOMEM = -6,
  LW_SEND_RANDOM = -7,         /* the system gave no masking key */
  LW_SEND_TOO_LONG = -8,       /* a control frame's payload is over 125 bytes */
  LW_SEND_TOPIC_TOO_LONG = -9, /* a topic or key is over LW_TOPIC_MAX bytes */
  LW_SEND_TOO_MANY_TOPICS = -10,
  LW_SEND_EXCESS = -11 /* more than the answer's Content-Length */
} lw_send_result;

lw_send_result lw_conn_send(lw_conn *conn, const lw_outgoing *message);
lw_send_result lw_conn_ping(lw_conn *conn, const void *data, size_t size);
/* The text and the code of a negative result. Static. */
const char *lw_send_error(lw_send_result result, const char **code);

/* Starts the closing handshake; a connection that is not open yet just ends. code 1005: none.
 * False when the code must not be sent or the reason is over 123 bytes or not UTF-8. */
bool lw_conn_close(lw_conn *conn, unsigned code, const char *reason, size_t size);
/* Ends the connection with a close frame of ours and at once reports (code, reason) to on_close.
 * The peer is told the code only. */
void lw_conn_abort(lw_conn *conn, unsigned code, const char *reason);
/* Ends it at once; on_close(1006) follows. */
void lw_conn_terminate(lw_conn *conn);

/* Stops and starts reading from the peer (of a plain request: its body); what was read already
 * waits. Heartbeats rest meanwhile. */
void lw_conn_pause(lw_conn *conn);
void lw_conn_resume(lw_conn *conn);

lw_state lw_conn_state(const lw_conn *conn);
bool lw_conn_is_server(const lw_conn *conn);
lw_server *lw_conn_server(const lw_conn *conn); /* NULL for clients and when it is gone */
size_t lw_conn_buffered(const lw_conn *conn);   /* bytes of unsent output */
/* Messages that lw_conn_send accepted and that were not wholly handed to the system, also when the
 * connection has ended: these are lost. One in fragments counts from its first on. */
uint32_t lw_conn_unsent(const lw_conn *conn);
double lw_conn_rtt(const lw_conn *conn); /* seconds; negative while unknown */
/* The agreed subprotocol; size 0 when none. Valid while the connection is held. */
const char *lw_conn_protocol(const lw_conn *conn, size_t *size);
/* Numeric address and port of the peer, also when it is gone. False when it never opened. */
bool lw_conn_remote(const lw_conn *conn, char *address, size_t size, int *port);
/* Calls fn(context, name, value) for each fact about TLS on the connection: version, cipher, alpn,
 * resumed, ktls; of the peer's certificate, if any: verified, subject, issuer, expires and, for
 * each of its names, name. False when it has no TLS, and before and after it is there. */
bool lw_conn_tls(const lw_conn *conn,
                 void (*fn)(void *context, const char *name, const char *value), void *context);
#define LW_EXTENSIONS_MAX 160
/* Writes the agreed extensions with the parameters in force (not terminated) and returns the size;
 * 0 when there are none. */
size_t lw_conn_extensions(const lw_conn *conn, char text[LW_EXTENSIONS_MAX]);
/* The head of the request (server) or of the answer (client) as it came; size 0 when there is none.
 * Valid while the connection is held. */
const char *lw_conn_head(const lw_conn *conn, size_t *size);

/* The owner's pointer: NULL at the start of a server's connection. While it is NULL, the peer's
 * address is forgotten when the connection ends. */
void lw_conn_set_user(lw_conn *conn, void *user);
void *lw_conn_user(const lw_conn *conn);
/* A second one, NULL at first, for an owner that makes its object only when that is needed. */
void lw_conn_set_context(lw_conn *conn, void *context);
void *lw_conn_context(const lw_conn *conn);
lw_loop *lw_conn_loop(const lw_conn *conn); /* NULL after lw_loop_free */

/* Keeps the object (not the connection) valid until as many releases. */
void lw_conn_hold(lw_conn *conn);
void lw_conn_release(lw_conn *conn);

/* --- servers --- */

typedef struct lw_server_options {
  const char *host; /* numeric, "localhost", or "*" for all addresses */
  int port;         /* 0: the system chooses */
  const char *path; /* a unix socket instead */
  int backlog;
  bool reuse_port;
  bool proxy_protocol;  /* each connection begins with a PROXY header, before TLS */
  bool decide_upgrades; /* hand every request to on_request */
  bool stream_messages; /* on_chunk instead of on_message, for upgrades the server accepts itself */
  uint32_t max_connections;
  uint32_t max_topics;               /* of one connection */
  const char *const *protocols;      /* in order of preference; NULL-terminated, or NULL */
  const char *const *origins;        /* NULL: only the server's own; {"*", NULL}: any; or a list */
  const lw_compression *compression; /* NULL: none */
  lw_tls_context *tls;               /* of a server; NULL: none */
  lw_limits limits;
} lw_server_options;

typedef struct lw_server_events {
  const lw_conn_events *conn; /* of every connection; must outlive them */
  void (*on_accept_error)(lw_server *server, const char *message, const char *code);
  void (*on_end)(lw_server *server); /* nothing after this */
} lw_server_events;

/* Listens. Everything in options is copied. NULL on failure. */
lw_server *lw_server_open(lw_loop *loop, const lw_server_options *options,
                          const lw_server_events *events, void *user, lw_failure *failure);

/* Stops listening; with close_code not 0 also closes every connection with it and refuses the
 * requests that are under way. on_end follows. */
void lw_server_stop(lw_server *server, unsigned close_code, const char *reason);

/* Who decides about the requests that come from now on, and how: as the options of the same names.
 * False: out of memory, and nothing has changed. */
bool lw_server_set_rules(lw_server *server, const char *const *protocols, bool decide_upgrades,
                         bool stream_messages);

/* New connections of a server with TLS use another context. The others keep theirs. */
void lw_server_set_tls(lw_server *server, lw_tls_context *context);
bool lw_server_has_tls(const lw_server *server);

/* Keeps the object (not the socket) valid until as many releases. */
void lw_server_hold(lw_server *server);
void lw_server_release(lw_server *server);

bool lw_server_listening(const lw_server *server);
bool lw_server_address(const lw_server *server, char *address, size_t size, int *port);
void *lw_server_user(const lw_server *server);
void lw_server_set_user(lw_server *server, void *user);

typedef struct lw_server_stats {
  uint64_t connections; /* now, in any state */
  uint64_t open;        /* now, after the upgrade */
  uint64_t accepted;    /* in all: TCP connections, */
  uint64_t opened;      /*   upgrades, */
  uint64_t refused;     /*   upgrades not granted, and requests that broke a rule or a limit */
  uint64_t messages_in, messages_out, bytes_in, bytes_out; /* payloads */
} lw_server_stats;
void lw_server_stats_get(const lw_server *server, lw_server_stats *stats);

/* Calls fn for every connection that is open or closing; fn may do anything to it and to others. */
void lw_server_each(lw_server *server, void (*fn)(lw_conn *conn, void *context), void *context);

/* --- topics --- */

/* A connection of a server may subscribe to topics, which are names that mean nothing by
 * themselves, any bytes. They belong to the server and exist while somebody has subscribed.
 * Subscriptions end when the connection is not open any more. */

#define LW_TOPIC_MAX 255 /* bytes of a topic, and of a key */

/* LW_SEND_OK, also when it had subscribed already; CLOSED, TOPIC_TOO_LONG, TOO_MANY_TOPICS, NOMEM,
 * RANDOM. */
lw_send_result lw_conn_subscribe(lw_conn *conn, const char *topic, size_t size);
/* False when it had not subscribed. */
bool lw_conn_unsubscribe(lw_conn *conn, const char *topic, size_t size);
/* Calls fn(context, topic, size) for each; fn must not change them. */
void lw_conn_topics(const lw_conn *conn, void (*fn)(void *context, const char *topic, size_t size),
                    void *context);
size_t lw_server_subscribers(const lw_server *server, const char *topic, size_t size);

typedef struct lw_publication {
  const char *topic;
  size_t topic_size;
  const lw_outgoing *message; /* kind, parts and uncompressed count; no part is pinned */
  /* With a key: where more than high_water waits for a subscriber, only the newest message of each
   * topic and key waits with it. NULL: none. */
  const char *key;
  size_t key_size;
  const lw_conn *except; /* who does not get it; NULL: nobody */
} lw_publication;

/* Sends one message to all subscribers of a topic, and counts those that took it. A subscriber that
 * is too slow is dealt with as its limits say. LW_SEND_OK, UTF8, TOPIC_TOO_LONG or NOMEM. */
lw_send_result lw_server_publish(lw_server *server, const lw_publication *publication,
                                 size_t *deliveries);

/* --- header fields --- */

typedef struct lw_field {
  const char *name, *value;
  size_t name_size, value_size;
} lw_field;

bool lw_field_name_valid(const char *text, size_t size);
bool lw_field_value_valid(const char *text, size_t size);
/* True for fields that only lunawire may write: those of the handshake, and what frames a body. */
bool lw_field_reserved(const char *name, size_t size);

#endif
