/* One connection, of either role: transport + session + output + deadlines. For core/ only. */
#ifndef LW_CONN_H
#define LW_CONN_H

#include "loop.h"
#include "lunawire.h"
#include "net/transport.h"
#include "proto/handshake.h"
#include "proto/http.h"
#include "proto/mask.h"
#include "proto/session.h"

/* What is the same for all connections of a server, or owned by one client. Counted. */
typedef struct lw_settings {
  unsigned references;
  const lw_conn_events *events;
  lw_server *server; /* NULL for clients; each of its connections holds it */
  lw_limits limits;
  bool has_deflate;
  lw_deflate_options deflate; /* counts when has_deflate */
  lw_session_config whole;    /* deliver messages */
  lw_session_config stream;   /* deliver chunks */
} lw_settings;

/* compression: NULL when it is not wanted. server: NULL for a client. NULL: no memory. */
lw_settings *lw__settings_new(lw_loop *loop, const lw_limits *limits,
                              const lw_compression *compression, const lw_conn_events *events,
                              lw_server *server);
lw_settings *lw__settings_hold(lw_settings *settings);
void lw__settings_release(lw_settings *settings);

typedef struct lw_client lw_client; /* what only a client that is not open yet needs */
typedef struct lw_http lw_http;     /* what only a connection that speaks plain HTTP needs */
typedef struct lw_remote lw_remote; /* the peer's address */
typedef struct lw_member lw_member; /* what it has subscribed to */

/* Gathering more than this before a write only costs memory; the system call is paid for by then.
 */
#define LW_FLUSH_SIZE (64 * 1024)

struct lw_conn {
  /* What each message touches, side by side: with many connections the processor fetches every line
   * of it anew. conn.c holds it together. */
  lw_loop *loop;    /* NULL after lw_loop_free */
  lw_transport *io; /* NULL before it is connected and after it is gone */
  void *user;
  lw_settings *settings;
  lw_member *member; /* NULL until it subscribes and when it is not open any more */
  lw_out *out;       /* what is gathered and not handed to the transport yet */
  lw_conn *next_unsettled;
  uint64_t heard_ms; /* the peer's last sign of life */
  uint32_t references;
  uint32_t unsent;      /* messages that lw_conn_send took and the system did not wholly take */
  uint8_t state;        /* lw_state */
  lw_utf8 sending_utf8; /* of the fragmented text under way */

  bool is_unsettled : 1;
  bool is_server : 1;
  bool is_proxied : 1; /* a PROXY header comes first; the transport is the one below TLS */
  bool has_head : 1;   /* head is complete */
  bool is_asked : 1;   /* an upgrade is the script's to decide about, and it has not */
  bool opened : 1;     /* on_open was called */
  bool must_open : 1;  /* calls that settling makes */
  bool must_close : 1;
  bool must_end : 1;
  bool must_fail : 1;  /* on_error for a client that did not open */
  bool is_writing : 1; /* the transport keeps output; nothing may be handed to it */
  bool is_slow : 1;    /* a send answered LW_SEND_SLOW since the last on_drain */
  bool is_paused : 1;
  bool is_reading : 1;
  bool is_lingering : 1; /* closed for the script; waits for the end of TCP */
  bool has_shut_down : 1;
  bool wants_pong : 1;  /* a ping is to be answered once output drains */
  bool peer_ended : 1;  /* the peer sent its last byte */
  bool has_waiting : 1; /* waiting is not empty */
  lw_session session;   /* its own beginning belongs to this, too */

  /* What only the opening, the end and what is rare touch. */
  void *context;         /* the owner's, as long as it has no user */
  lw_client *client;     /* NULL for servers, and once open */
  lw_http *http;         /* NULL before the first plain request, and once open */
  lw_conn *next, **back; /* in loop->conns; back is NULL when it is not there */
  lw_wheel_node deadline;
  uint64_t began_ms;  /* the state that has a time limit */
  uint64_t active_ms; /* the last message in either direction, where idle_ms limits that */
  uint64_t ping_us;   /* when our last ping left, 0 when none is unanswered */
  lw_buf head;        /* the request's or the answer's head as it came */
  lw_buf waiting;     /* input that was read and may not be handled yet */
  union {
    char *close_reason;  /* for on_close, of one that opened; not terminated; NULL: empty */
    lw_failure *failure; /* for on_error, of a client that could not connect */
  };
  lw_remote *remote; /* once the transport is gone, or told by a proxy; or NULL */
  uint8_t *pong;     /* the payload for wants_pong, its size in front; NULL when none */
  lw_http_scanner scanner;
  uint32_t rtt_us;      /* UINT32_MAX: unknown */
  uint16_t close_code;  /* for on_close */
  uint16_t protocol_at; /* the agreed subprotocol, inside head */
  uint8_t protocol_size;
  uint8_t close_reason_size;
  uint8_t error;                /* lw_error to report before on_close or with on_gone, or 0 */
  lw_deflate_agreement deflate; /* all zero: no compression */
};

/* A connection in the given state with one reference for its I/O; it joins the loop. NULL: no
 * memory. Takes a reference of settings and their server. */
lw_conn *lw__conn_new(lw_loop *loop, lw_settings *settings, lw_state state);

/* Gives it its transport and starts reading. Returns 0 or a libuv error. */
int lw__conn_adopt(lw_conn *conn, lw_transport *io);

/* Ends without a callback: the loop is being freed. */
void lw__conn_drop(lw_conn *conn);

/* Handles what was read, in any state; and frames, which may also have waited (conn_input.c). */
void lw__conn_input(lw_conn *conn, uint8_t *data, size_t size);
void lw__conn_session_input(lw_conn *conn, uint8_t *data, size_t size);
/* Where the next bytes had better come; see lw_transport_events. */
uint8_t *lw__conn_room(void *owner, size_t *size);
/* Keeps input that may not be handled now. Out of memory ends the connection. */
void lw__conn_keep(lw_conn *conn, const uint8_t *data, size_t size);
/* The same; false when out of memory. And what was kept: the caller handles or frees it. */
bool lw__conn_append_waiting(lw_conn *conn, const uint8_t *data, size_t size);
lw_buf lw__conn_take_waiting(lw_conn *conn);

/* Leaves the loop, if neither a call nor the transport is left. */
void lw__conn_leave_loop_if_over(lw_conn *conn);

/* Makes the calls that are due and writes what was gathered. */
void lw__conn_settle(lw_conn *conn);

/* A message came or went, which counts where there is a limit of idleness. */
void lw__conn_active(lw_conn *conn);
/* A deadline of the wheel came. */
void lw__conn_deadline(lw_wheel_node *node);
/* Arms the deadline for what the connection waits for now. */
void lw__conn_arm(lw_conn *conn);

/* The upgrade is agreed on: the session begins. on_open follows with the next settling, and then
 * what waits as input because it came behind the head. */
void lw__conn_open(lw_conn *conn, bool stream_messages);

/* Keeps the peer's address, which goes with the transport, unless a proxy has told another
 * (conn_info.c). */
void lw__conn_remember_remote(lw_conn *conn);
/* The peer's address from now on. False when out of memory. */
bool lw__conn_set_remote(lw_conn *conn, const char *address, int port);

/* The connection is over for its owner: on_close(code, reason) follows. The socket goes at once, or
 * lingers so that what was sent arrives. */
void lw__conn_finish(lw_conn *conn, unsigned code, const char *reason, size_t size, bool linger);

/* The same with code 1006, for a libuv error (UV_EOF: the peer just ended the connection). A client
 * that is not open fails, and on_error follows. */
void lw__conn_finish_uv(lw_conn *conn, int error);

/* on_error(message, code) follows, for a client that did not open. */
void lw__conn_fail_later(lw_conn *conn, const char *code, const char *message);

/* What compression wants, in the terms of core/proto (conn_deflate.c). */
lw_deflate_options lw__deflate_options(const lw_compression *compression);
/* Compression was agreed on; before lw__conn_open. False when out of memory. */
bool lw__conn_agree_on_deflate(lw_conn *conn, const lw_deflate_agreement *agreement);
/* Sends a data frame on a connection that compresses, compressed if that is worth it. */
lw_send_result lw__conn_send_deflated(lw_conn *conn, lw_frame *frame, const lw_outgoing *message);

/* Closes the transport if it is still there. */
void lw__conn_close_transport(lw_conn *conn);

/* The peer broke a rule: close frame, on_error, on_close. */
void lw__conn_broken(lw_conn *conn, lw_error error);

/* Where output is gathered, behind all that waits already (conn_send.c). NULL: no memory. */
lw_out *lw__conn_gather(lw_conn *conn);
/* Appends to what is gathered. False when out of memory. */
bool lw__conn_write(lw_conn *conn, const void *data, size_t size);
/* The same with the parts of a message or a body as they are; `pinned` is cleared in those that the
 * output keeps. */
bool lw__conn_append(lw_conn *conn, const lw_outgoing *message);
size_t lw__outgoing_size(const lw_outgoing *message);
/* Whether the parts go on with the text that *state stands for; at 0 they then end a character. */
bool lw__outgoing_is_text(const lw_outgoing *message, lw_utf8 *state);
/* Releases the parts that are still pinned. */
void lw__outgoing_release(const lw_outgoing *message);
/* Out of memory with something half gathered: nothing sensible can follow it. */
lw_send_result lw__conn_out_of_memory(lw_conn *conn);
/* Gathers one frame as it is, masked if we are a client. */
lw_send_result lw__conn_send_frame(lw_conn *conn, lw_frame *frame, const lw_outgoing *message);
/* More waits than max_buffered allows: ends the connection, or not, as the limits say. */
lw_send_result lw__conn_too_slow(lw_conn *conn);
/* Hands what was gathered to the transport, unless it is busy; only if it is much. */
void lw__conn_flush(lw_conn *conn);
void lw__conn_flush_full(lw_conn *conn);
/* What a call that gathered data answers: whether too much waits, so that on_drain is due. */
lw_send_result lw__conn_accepted(lw_conn *conn);
/* Sends a close frame, if none was sent. */
void lw__conn_send_close(lw_conn *conn, unsigned code, const char *reason, size_t size);
/* Answers a ping now, or remembers it while output is waiting. */
void lw__conn_pong(lw_conn *conn, const char *data, size_t size);
void lw__conn_send_waiting_pong(lw_conn *conn);

/* Whether a field of a script may be sent: nothing that was not looked at here gets into a head. */
bool lw__field_check(const lw_field *field, lw_failure *failure);
/* Fields of a script in the terms of core/proto (fields.c): an array that the caller frees, whose
 * slices point into `fields`. NULL when one may not be sent, or there is no memory. */
lw_header *lw__headers_of(const lw_field *fields, size_t count, lw_failure *failure);

/* Forgets the head and reads another: a client skips interim answers. `data` is what came behind.
 */
void lw__conn_more_head(lw_conn *conn, const uint8_t *data, size_t size);

/* A head came whole (upgrade.c, client.c); rest is what came behind it. */
void lw__server_on_head(lw_conn *conn);
void lw__client_on_head(lw_conn *conn, const uint8_t *rest, size_t size);
/* The head is broken, or time is up, or the peer is gone (error: libuv) before the connection
 * opened. */
void lw__server_on_bad_head(lw_conn *conn, lw_error error);
void lw__client_on_bad_head(lw_conn *conn, lw_error error);
void lw__client_failed(lw_conn *conn, const char *code, const char *message);
void lw__client_free(lw_conn *conn);
/* Input of a client whose upgrade was refused: the body, for the message. */
void lw__client_on_body(lw_conn *conn, const uint8_t *data, size_t size);
void lw__client_on_end(lw_conn *conn, int error);

#endif
