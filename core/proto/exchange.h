/* One request and its answer on a server's connection: how the request's body is framed, how the
 * answer's is, and whether another request may follow (RFC 9112 sections 6, 7 and 9; RFC 9110
 * section 10.1.1).
 *
 * It reads parsed heads and bodies and writes heads. It does not know what is asked or answered,
 * what time it is, or where the bytes come from; limits on bodies and time are its owner's. */
#ifndef LW_PROTO_EXCHANGE_H
#define LW_PROTO_EXCHANGE_H

#include "chunked.h"
#include "head_writer.h"
#include "http.h"

/* A body that nobody wanted is read to its end and forgotten when no more than this many bytes of
 * it are left; else the connection ends. */
#define LW_EXCHANGE_DRAIN_MAX (64 * 1024)

#define LW_EXCHANGE_STREAM UINT64_MAX /* a length that is not known */

/* How the body of the answer is framed. */
typedef enum lw_answer_framing {
  LW_ANSWER_NOTHING,   /* no body, whatever is written: HEAD, 204, 304 */
  LW_ANSWER_LENGTH,    /* Content-Length */
  LW_ANSWER_CHUNKED,   /* chunks */
  LW_ANSWER_UNTIL_END, /* HTTP/1.0: until the connection ends */
} lw_answer_framing;

typedef struct lw_exchange {
  uint64_t body_left; /* bytes of the request's body that are still to come; with chunks unknown */
  uint64_t answer_left; /* bytes that Content-Length promises and that are not written yet */
  lw_chunked chunked;
  uint8_t framing;           /* lw_http_framing of the request */
  uint8_t answer;            /* lw_answer_framing, once the answer has begun */
  bool is_head : 1;          /* the method is HEAD */
  bool is_http10 : 1;        /* the client speaks HTTP/1.0 */
  bool keeps_alive : 1;      /* another request may follow: both sides agree so far */
  bool expects_continue : 1; /* the client waits for 100 before it sends the body */
  bool body_done : 1;        /* all of the request was read */
  bool begun : 1;            /* the answer's head is written */
  bool finished : 1;         /* the answer is written */
} lw_exchange;

/* Begins with a request's head. LW_OK, or the rule it breaks, which is to be answered all the same:
 * HTTP_BODY_LENGTH, HTTP_EXPECTATION. The connection has to end then. */
lw_error lw_exchange_begin(lw_exchange *exchange, const lw_http_head *request);

/* Begins for a request that could not be read, or for none: an answer that ends the connection. */
void lw_exchange_begin_blind(lw_exchange *exchange);

/* Reads the request's body: moves the bytes of it that are in `data` to its front, *got of them,
 * and sets *used: how many bytes belong to it. LW_DONE: that was all. LW_MORE: more is to come.
 * LW_BROKEN: chunked.error. */
lw_result lw_exchange_read(lw_exchange *exchange, uint8_t *data, size_t size, size_t *used,
                           size_t *got);

/* True when the client waits for "100 Continue"; it is not asked again. */
bool lw_exchange_take_continue(lw_exchange *exchange);

/* True when what is left of the request's body is worth reading just to keep the connection. */
bool lw_exchange_can_drain(const lw_exchange *exchange);

/* Writes the head of an answer in three steps: its first line; any number of fields; the rest. */
typedef struct lw_answer_writer {
  lw_head_writer head;
  int status;
  bool has_date, has_type; /* the caller's own fields are among them */
} lw_answer_writer;

lw_answer_writer lw_answer_begin(lw_buf *out, int status);
void lw_answer_field(lw_answer_writer *w, lw_slice name, lw_slice value);

/* Ends the head for a body of `length` bytes, or LW_EXCHANGE_STREAM: Date (unless given or `date`
 * is empty), Content-Type (text/plain; charset=utf-8 unless given or there is no body), the framing
 * and Connection; with 426 what can be upgraded to (RFC 9110 section 7.8, RFC 6455 section 4.4).
 * False when out of memory; the buffer is then as it was and the answer has not begun. */
bool lw_answer_end(lw_answer_writer *w, lw_exchange *exchange, uint64_t length, lw_slice date);

/* Counts bytes that are about to be written to the answer's body. False when they are more than
 * Content-Length promises. */
bool lw_exchange_write(lw_exchange *exchange, uint64_t size);

/* The answer is written. False when it is shorter than Content-Length promises: only the end of the
 * connection can tell the client. LW_CHUNKED_END is the caller's to write. */
bool lw_exchange_finish(lw_exchange *exchange);

#endif
