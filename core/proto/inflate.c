/* Inflating incoming messages (RFC 7692 section 7.2.2).
 *
 * Always by zlib: libdeflate is quicker with whole messages, but takes some streams that are
 * corrupt (code lengths that repeat too far), and what a peer is told must not depend on how its
 * bytes came. */
#include "deflate.h"

#include <limits.h>

#include "deflate_stream.h"

/* zlib's data_type when it has just read the last bit of a block and of a byte, and the block was
 * not the final one. */
enum { AT_BLOCK_END = 128 };

/* Begins a message. */
static bool begin(lw_deflate *d) {
  if (lw__inflate_piece(d->pool) == NULL) return false;
  d->in_message = true;
  d->tail_given = 0;
  if (d->inflater != NULL) return true;
  /* Some peers do not know that zlib takes 2^9 for 2^8. A borrowed stream always has the largest
   * window, so that it need not be made anew. */
  int bits = d->agreed.peer_bits < 9 ? 9 : d->agreed.peer_bits;
  d->inflater = lw__inflater_take(d->pool, d->agreed.peer_takeover ? bits : LW_DEFLATE_BITS_MAX);
  d->at_start = true;
  return d->inflater != NULL;
}

void lw_inflate_stop(lw_deflate *d) {
  d->in_message = false;
  if (d->inflater == NULL) return;
  lw__inflater_give(d->pool, d->inflater);
  d->inflater = NULL;
}

static void end(lw_deflate *d) {
  d->in_message = false;
  if (!d->agreed.peer_takeover) lw_inflate_stop(d);
}

/* True where a block may begin, with no bit left over. Some senders have nothing to leave out
 * there, because a second flush in a row writes nothing: an empty message, or an empty last
 * fragment. */
static bool at_boundary(const lw_deflate *d) {
  return d->at_start || d->inflater->z.data_type == AT_BLOCK_END;
}

/* Inflates until the input is used up or the output is full. A final block ends a stream and not
 * the message: another stream may follow, with the same window (section 7.2.3.4). */
static lw_error run(lw_deflate *d) {
  z_stream *z = &d->inflater->z;
  if (z->avail_in == 0 && at_boundary(d)) return LW_OK; /* zlib would forget that it is at one */
  for (;;) {
    if (z->avail_in > 0) d->at_start = false;
    int result = inflate(z, Z_SYNC_FLUSH);
    if (result == Z_OK || result == Z_BUF_ERROR) return LW_OK;
    if (result == Z_MEM_ERROR) return LW_E_NOMEM;
    if (result != Z_STREAM_END) return LW_E_DEFLATE_DATA;
    inflateResetKeep(z);
    d->at_start = true;
    if (z->avail_in == 0) return LW_OK;
  }
}

/* Adds what the sender left out behind the last byte. It comes from our own memory: there may be
 * nothing writable behind the payload. */
static lw_error run_tail(lw_deflate *d) {
  z_stream *z = &d->inflater->z;
  const unsigned size = sizeof lw__deflate_tail;
  if (d->tail_given == 0 && at_boundary(d)) return LW_OK;
  z->next_in = (z_const Bytef *)(lw__deflate_tail + d->tail_given);
  z->avail_in = size - d->tail_given;
  lw_error error = run(d);
  d->tail_given = (uint8_t)(size - z->avail_in);
  if (error != LW_OK || z->avail_out == 0) return error;
  return at_boundary(d) ? LW_OK : LW_E_DEFLATE_DATA; /* the message breaks off */
}

static lw_error inflate_piece(lw_deflate *d, lw_inflation *x) {
  z_stream *z = &d->inflater->z;
  size_t room = x->room < LW_INFLATE_PIECE ? x->room : LW_INFLATE_PIECE;
  size_t size = x->size < UINT_MAX ? x->size : UINT_MAX;
  z->next_in = (z_const Bytef *)x->data;
  z->avail_in = (unsigned)size;
  z->next_out = d->pool->piece;
  z->avail_out = (unsigned)room;
  lw_error error = d->tail_given == 0 ? run(d) : LW_OK;
  x->used = size - z->avail_in;
  bool taken = x->used == x->size;
  if (error == LW_OK && x->last && taken && z->avail_out > 0) error = run_tail(d);
  x->piece = (lw_slice){(const char *)d->pool->piece, room - z->avail_out};
  x->more = error == LW_OK && (z->avail_out == 0 || !taken);
  return error;
}

lw_error lw_inflate(lw_deflate *d, lw_inflation *x) {
  x->used = 0;
  x->more = false;
  x->piece = (lw_slice){NULL, 0};
  if (!d->in_message && !begin(d)) return LW_E_NOMEM;
  lw_error error = inflate_piece(d, x);
  if (error != LW_OK) {
    lw_inflate_stop(d);
  } else if (x->last && !x->more) {
    end(d);
  }
  return error;
}
