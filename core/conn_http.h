/* Plain HTTP on a server's connection: requests one after the other, and their bodies. For core/
 * only.
 *
 * A connection has an lw_http from its first plain request until it is upgraded or over. One
 * request is handled at a time; what comes behind it waits, and above a bound the kernel keeps it.
 * Nothing of the script runs inside a parser. */
#ifndef LW_CONN_HTTP_H
#define LW_CONN_HTTP_H

#include "conn.h"
#include "lunawire_http.h"
#include "proto/exchange.h"

typedef struct lw_sending lw_sending; /* of a file (file_send.c) */

struct lw_http {
  lw_exchange exchange;
  lw_sending *sending;    /* what writes the answer's body; NULL when nothing of ours does */
  lw_buf body;            /* what came of a body that is wanted whole */
  uint64_t sent;          /* bytes of the answer that were gathered, its framing included */
  uint64_t max_body;      /* bytes */
  uint64_t body_size;     /* bytes that were read, or are being dropped */
  uint64_t body_began_ms; /* when the pace of the body began to count, */
  uint64_t body_paced;    /*   and the bytes since */
  uint64_t looked_ms;     /* when it was last looked at how much the peer has not read, */
  size_t unwritten;       /*   and what that was */
  bool under_way : 1;     /* a request has come, and its answer is not finished */
  bool wants_body : 1;
  bool wants_whole : 1;
  bool drains : 1;      /* answered: the rest of the body is dropped */
  bool has_written : 1; /* something of the answer's body was gathered */
  bool is_watched : 1;  /* looked_ms and unwritten count */
  bool must_tell : 1;   /* on_gone is due */
};

/* A request's head, and whether it may be accepted as an upgrade (upgrade.c). */
struct lw_upgrade {
  const lw_conn *conn;
  lw_error error; /* LW_OK, or the rule it breaks */
  lw_slice key;   /* counts when the error is LW_OK */
  lw_http_head request;
};

/* Something of a request has come: more than the empty line that some clients put behind a body. */
bool lw__http_has_asked(const lw_conn *conn);

/* Handles what was read in the state LW_REQUEST, or what waited. */
void lw__http_input(lw_conn *conn, uint8_t *data, size_t size);
void lw__http_feed_waiting(lw_conn *conn);
bool lw__http_has_input(const lw_conn *conn);
bool lw__http_may_read(const lw_conn *conn);

/* Parses the head that has come. */
lw_error lw__http_parse(const lw_conn *conn, lw_http_head *request);
/* Begins the exchange of a plain request, or of the refusal of another one. LW_OK or the rule that
 * the request breaks, which is then to be answered. */
lw_error lw__http_begin(lw_conn *conn, const lw_http_head *request);
/* True while an answer may be begun; while one is being written. */
bool lw__http_awaits_answer(const lw_conn *conn);
bool lw__http_is_answering(const lw_conn *conn);
/* The answer was finished. */
void lw__http_answered(lw_conn *conn);

/* The request broke a rule or came too slowly: it is answered, if it was not, and over. */
void lw__http_fail(lw_conn *conn, lw_error error);
/* The connection is over (conn_end.c); the peer sent its last byte (conn.c). */
void lw__http_on_finish(lw_conn *conn);
void lw__http_on_peer_end(lw_conn *conn);
/* Makes the call that is due because of that: on_gone, for a plain request or an upgrade. */
void lw__http_call_gone(lw_conn *conn);
/* The transport wrote what it kept. */
void lw__http_written(lw_conn *conn);
/* What was sent of a file has drained; it is to be sent no further. */
void lw__sending_drained(lw_sending *sending);
void lw__sending_stop(lw_http *http);

/* At the end of a settling. */
void lw__http_settled(lw_conn *conn);
void lw__http_free(lw_conn *conn);

/* Time limits (conn_http_time.c): of the state LW_REQUEST; and of writing, in any state. */
uint64_t lw__http_due_ms(const lw_conn *conn);
uint64_t lw__http_write_due_ms(const lw_conn *conn);
void lw__http_deadline(lw_conn *conn);
/* Looks whether the peer has read something since the last time. */
bool lw__http_is_stalled(lw_conn *conn);
/* The pace of a body counts from now on. */
void lw__http_pace(lw_conn *conn);

#endif
