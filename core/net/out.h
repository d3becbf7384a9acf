/* Output that waits to be written, in order: copies of small pieces, references to large ones.
 *
 * A connection borrows an lw_out when it first has something to say and gives it back when all of
 * it is written, so an idle connection owns none. While it gathers, pieces are appended; once it is
 * handed to a transport it is frozen until the transport is done with it.
 *
 * Whoever wants to know how much of that was lost when a transport breaks marks where each unit of
 * its own (a message) ends. What a unit is does not matter here. */
#ifndef LW_NET_OUT_H
#define LW_NET_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

#include "block.h"

/* A payload of this size or more is referenced, a smaller one is copied: below, the copy costs less
 * than the reference and one more element in writev. */
#define LW_OUT_REFERENCE_MIN 4096

/* Who keeps referenced bytes alive: release(context, token) is called exactly once, when they are
 * written or given up. It must not call back into the connection. */
typedef struct lw_out_owner {
  void (*release)(void *context, intptr_t token);
  void *context;
  intptr_t token;
} lw_out_owner;

typedef struct lw_out lw_out;
typedef struct lw_out_pool lw_out_pool;

/* Keeps a bounded number of spare lw_outs (and their grown buffers) for reuse. NULL: no memory. */
lw_out_pool *lw_out_pool_new(void);
void lw_out_pool_free(lw_out_pool *pool);

/* An empty lw_out, or NULL when out of memory. */
lw_out *lw_out_take(lw_out_pool *pool);

/* Releases every reference that is left and gives the lw_out back. */
void lw_out_give(lw_out_pool *pool, lw_out *out);

/* Bytes appended and not yet marked as written. */
size_t lw_out_size(const lw_out *out);

/* Where up to `most` bytes can be put, of which lw_out_commit appends the first `size`: the next
 * call on this lw_out, or nothing is appended. NULL when out of memory. */
uint8_t *lw_out_reserve(lw_out *out, size_t most);
void lw_out_commit(lw_out *out, size_t size);

/* Appends a copy. False when out of memory; nothing is appended then. */
bool lw_out_copy(lw_out *out, const void *data, size_t size);

/* Appends a reference (one of no bytes is released at once). On false (out of memory) nothing is
 * appended and the owner not released. */
bool lw_out_reference(lw_out *out, const void *data, size_t size, const lw_out_owner *owner);

/* Appends a reference to bytes of a block, which it holds as long as it needs them. Bytes that
 * follow the last appended ones in the same block make one piece with them. False when out of
 * memory; nothing is appended then. */
bool lw_out_share(lw_out *out, lw_block *block, const uint8_t *data, size_t size);

/* A unit ends here: once everything up to here is written, *pending is decremented. What is given
 * back unwritten leaves it as it is. All units of one lw_out have the same counter, which must be
 * there until the lw_out was given back. False when out of memory; nothing is marked then. */
bool lw_out_mark(lw_out *out, uint32_t *pending);

/* Describes up to `max` of the next pieces to write, and returns how many. */
unsigned lw_out_pieces(const lw_out *out, uv_buf_t *pieces, unsigned max);

/* Marks the first `size` bytes as written; releases the references that are wholly behind. */
void lw_out_advance(lw_out *out, size_t size);

/* The same for bytes that went into another lw_out in another form, encrypted say: the units that
 * end among them now end with all that `into` has. False when out of memory: then they will never
 * count as written. */
bool lw_out_pass(lw_out *out, size_t size, lw_out *into);

#endif
