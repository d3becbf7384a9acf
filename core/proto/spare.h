/* The memory of one large message, kept for the next one.
 *
 * A buffer of a few hundred KiB comes from the system and goes back to it at each message, and its
 * page faults then cost more than its bytes. The sessions of a loop share one spare. Only one of
 * them has it at a time and the others do without, so that peers who announce much and send little
 * hold no more than that among them. Knows nothing of messages. */
#ifndef LW_PROTO_SPARE_H
#define LW_PROTO_SPARE_H

#include "buf.h"

#define LW_SPARE_MAX ((size_t)1024 * 1024) /* bytes that are kept at most */

/* All zero: nothing is kept yet. */
typedef struct lw_spare {
  lw_buf kept;           /* has no memory before the first message, and while it is lent */
  const lw_buf *lent_to; /* NULL: to nobody */
} lw_spare;

/* Gives *buf, which has no memory, what is kept, and keeps what that becomes, unless another has
 * it. `spare` may be NULL: there is none. */
void lw_spare_lend(lw_spare *spare, lw_buf *buf);

/* Instead of lw_buf_free, for a buffer that may be lent. */
void lw_spare_take_back(lw_spare *spare, lw_buf *buf);

/* Frees what is kept. Nothing is lent. */
void lw_spare_free(lw_spare *spare);

#endif
