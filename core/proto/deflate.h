/* The payloads of permessage-deflate (RFC 7692 section 7.2): compressing what is sent, inflating
 * what was received. What was agreed on comes from deflate_params.h; frames and limits are the
 * session's.
 *
 * A lw_deflate belongs to one connection and is a few dozen bytes; what is large is borrowed from
 * the pool of the loop, for one message, or for good where a window is taken over. */
#ifndef LW_PROTO_DEFLATE_H
#define LW_PROTO_DEFLATE_H

#include "buf.h"
#include "deflate_params.h"
#include "error.h"

typedef struct lw_deflate_pool lw_deflate_pool;
typedef struct lw_deflate lw_deflate;

lw_deflate_pool *lw_deflate_pool_new(void); /* NULL: no memory */
/* Everything that uses the pool must be gone. NULL is fine. */
void lw_deflate_pool_free(lw_deflate_pool *pool);

/* Pool and options must outlive it. NULL: no memory. */
lw_deflate *lw_deflate_new(lw_deflate_pool *pool, const lw_deflate_options *options,
                           const lw_deflate_agreement *agreement);
void lw_deflate_free(lw_deflate *deflate); /* NULL is fine */

/* --- the way out */

/* True when a whole message of this size is worth compressing. */
bool lw_deflate_wants(const lw_deflate *deflate, size_t size);

/* True when a message of unknown size may be compressed piece by piece. */
bool lw_deflate_may_stream(const lw_deflate *deflate);

typedef enum lw_deflate_result {
  LW_DEFLATED,      /* *payload is to be sent */
  LW_DEFLATE_PLAIN, /* it would not become smaller: send it as it is, without RSV1 */
  LW_DEFLATE_NOMEM  /* after this the stream is of no use any more: end the connection */
} lw_deflate_result;

/* Compresses a whole message, given as one or several slices. *payload is valid until the next call
 * that compresses with the same pool. */
lw_deflate_result lw_deflate_message(lw_deflate *deflate, const lw_slice *parts, size_t count,
                                     lw_slice *payload);

/* Compresses one frame of a fragmented message, so that the peer can inflate all of it at once.
 * `final` ends the message; every frame of it must go this way. */
lw_deflate_result lw_deflate_fragment(lw_deflate *deflate, const lw_slice *parts, size_t count,
                                      bool final, lw_slice *payload);

/* Compresses a whole message without reference to earlier ones, whatever was agreed on. All
 * connections with the same options and agreement can send it, each after lw_deflate_forget. Not
 * LW_DEFLATED: as above. */
lw_deflate_result lw_deflate_alone(const lw_deflate *deflate, lw_slice message, lw_slice *payload);

/* The next message does not refer to earlier ones. Not inside a fragmented message. */
void lw_deflate_forget(lw_deflate *deflate);

/* True after a fragment that was not the last one. */
bool lw_deflate_is_streaming(const lw_deflate *deflate);

/* --- the way in */

typedef struct lw_inflation {
  const uint8_t *data; /* in: the next compressed bytes */
  size_t size;         /* in */
  bool last;           /* in: the payload of the message ends with them */
  size_t room;         /* in: the most bytes to put out, at least 1 */
  size_t used;         /* out: how many of them were taken; the rest must come again */
  lw_slice piece;      /* out: inflated bytes, valid until the next call with the same pool */
  bool more;           /* out: call again before anything else, with what is left of data, if any */
} lw_inflation;

/* Inflates the next piece of a message. With `last` and not `more` the message is complete. LW_OK,
 * LW_E_DEFLATE_DATA or LW_E_NOMEM; what was inflated before the error is in `piece`. */
lw_error lw_inflate(lw_deflate *deflate, lw_inflation *inflation);

/* Gives up what the message under way holds: no more will be inflated. */
void lw_inflate_stop(lw_deflate *deflate);

#endif
