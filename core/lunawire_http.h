/* lunawire: what a server answers to requests: the upgrade to WebSocket, or plain HTTP/1.1.
 *
 * The second half of the C interface. All of it may be called in on_request of lw_conn_events or
 * after it, until the request is over: the upgrade is accepted, the answer is finished, or on_gone
 * came. What it says about callbacks, errors and units in lunawire.h holds here, too. */
#ifndef LUNAWIRE_HTTP_H
#define LUNAWIRE_HTTP_H

#include "lunawire.h"

/* --- upgrades --- */

/* Checks the request against the rules of the upgrade and the server's origins. 0 when it is in
 * order, else the HTTP status to refuse it with, and *text (static) why. */
int lw_conn_check_upgrade(const lw_conn *conn, const char **text);

/* Accepts the upgrade; on_open follows. protocol: one that the client offered, or NULL for the
 * server's own choice. False when the request is not a correct upgrade, the protocol was not
 * offered, a field is not valid, or the connection is gone. */
bool lw_conn_accept(lw_conn *conn, const char *protocol, bool stream_messages,
                    const lw_field *fields, size_t field_count, lw_failure *failure);

/* --- plain HTTP --- */

#define LW_ANSWER_STREAM UINT64_MAX /* a length that is not known */

typedef struct lw_answer {
  int status;             /* 200 to 599 */
  const lw_field *fields; /* none of those that frame a message or say how the connection goes on */
  size_t field_count;
  uint64_t length; /* of the body in bytes; LW_ANSWER_STREAM: chunked, or until the end of the
                      connection where the client speaks HTTP/1.0 */
  bool close;      /* end the connection behind the answer */
} lw_answer;

/* Begins the answer: gathers its head, with Date, Content-Type (text/plain unless given) and what
 * frames the body. False when the request was answered, a field is not valid, or the connection is
 * gone. */
bool lw_conn_answer(lw_conn *conn, const lw_answer *answer, lw_failure *failure);

/* Gathers more of its body; of `body` only the parts and their release count. What the answer to
 * HEAD, or a status without a body, cannot carry is dropped. Above high_water LW_SEND_SLOW, and
 * on_drain comes. LW_SEND_EXCESS writes nothing. */
lw_send_result lw_conn_answer_write(lw_conn *conn, const lw_outgoing *body);

/* Ends the answer. What the script did not want of the request's body is read to its end, if that
 * is not far, and the next request may come; or the connection ends. False when no answer was under
 * way, or when it is shorter than its length: the connection then ends at once, which is all that
 * can tell the client. */
bool lw_conn_answer_finish(lw_conn *conn);

/* How many bytes the answer has so far: its body, and what frames it (heads, those of chunks too,
 * "100 Continue"; not what TLS makes of them). After its end that of the last answer, until the
 * next request begins. */
uint64_t lw_conn_answer_size(const lw_conn *conn);

/* All three: a whole answer, whose body is copied. */
bool lw_conn_respond(lw_conn *conn, int status, const lw_field *fields, size_t field_count,
                     const char *body, size_t size, lw_failure *failure);

/* True while there is something of the request's body to read. */
bool lw_conn_has_body(const lw_conn *conn);

/* Asks for the request's body, once: on_body follows, for all of it at once if `whole`, else as it
 * comes (lw_conn_pause and lw_conn_resume hold it back). A client that waits for "100 Continue"
 * is told. Over `max` bytes the answer is 413, and when body_ms pass without a byte, or it comes
 * more slowly than 1 KiB a second for that long, 408 (on_gone follows). False when there is nothing
 * to read, or it is known to be over `max`. */
bool lw_conn_read_body(lw_conn *conn, uint64_t max, bool whole, lw_failure *failure);

#endif
