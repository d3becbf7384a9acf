/* Compressing outgoing messages (RFC 7692 section 7.2.1). */
#include "deflate.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#ifdef LW_LIBDEFLATE
#include <libdeflate.h>
#endif

#include "deflate_stream.h"

/* zlib's smallest window, which reaches too far for a peer with one of 2^8. */
enum { ZLIB_BITS_MIN = 9 };

/* In a message of at most this size no reference can reach too far even for the smallest window. */
#define SMALLEST_WINDOW ((size_t)1 << LW_DEFLATE_BITS_MIN)

/* A larger buffer is not kept for the next message. */
#define OUTPUT_KEPT ((size_t)256 * 1024)

/* Below it zlib with a small hash table is faster, above it libdeflate is, twice as fast. */
#define LIBDEFLATE_MIN 4096

const uint8_t lw__deflate_tail[4] = {0x00, 0x00, 0xff, 0xff};

lw_deflate *lw_deflate_new(lw_deflate_pool *pool, const lw_deflate_options *options,
                           const lw_deflate_agreement *agreement) {
  lw_deflate *d = calloc(1, sizeof *d);
  if (d == NULL) return NULL;
  d->pool = pool;
  d->options = options;
  d->agreed = *agreement;
  if (d->agreed.own_bits < ZLIB_BITS_MIN) d->agreed.own_takeover = false;
  return d;
}

void lw_deflate_free(lw_deflate *d) {
  if (d == NULL) return;
  if (d->deflater != NULL) lw__deflater_give(d->pool, d->deflater);
  if (d->inflater != NULL) lw__inflater_give(d->pool, d->inflater);
  free(d);
}

bool lw_deflate_may_stream(const lw_deflate *d) {
  return d->agreed.own_bits >= ZLIB_BITS_MIN;
}

bool lw_deflate_wants(const lw_deflate *d, size_t size) {
  return size >= d->options->threshold && (lw_deflate_may_stream(d) || size <= SMALLEST_WINDOW);
}

bool lw_deflate_is_streaming(const lw_deflate *d) {
  return d->is_streaming;
}

/* --- zlib --- */

/* Runs the stream until it has taken its input and, with Z_SYNC_FLUSH, has put all of it out. */
static bool run(z_stream *z, lw_buf *out, int flush) {
  do {
    /* More than a flush marker, which zlib would repeat when its room ends just behind it. */
    if (!lw_buf_reserve(out, 64, SIZE_MAX)) return false;
    size_t room = out->capacity - out->size;
    z->next_out = out->data + out->size;
    z->avail_out = room < UINT_MAX ? (unsigned)room : UINT_MAX;
    size_t before = z->avail_out;
    deflate(z, flush); /* cannot fail but by Z_BUF_ERROR, when there is nothing to do */
    out->size += before - z->avail_out;
  } while (z->avail_out == 0);
  return true;
}

static bool run_part(z_stream *z, lw_buf *out, lw_slice part) {
  while (part.size > 0) {
    size_t size = part.size < UINT_MAX ? part.size : UINT_MAX;
    z->next_in = (z_const Bytef *)part.data;
    z->avail_in = (unsigned)size;
    if (!run(z, out, Z_NO_FLUSH)) return false;
    part = (lw_slice){part.data + size, part.size - size};
  }
  return true;
}

static bool run_parts(z_stream *z, lw_buf *out, const lw_slice *parts, size_t count) {
  if (count == 1 && parts->size < UINT_MAX) { /* the usual case: all in one call */
    z->next_in = (z_const Bytef *)parts->data;
    z->avail_in = (unsigned)parts->size;
    return run(z, out, Z_SYNC_FLUSH);
  }
  for (size_t i = 0; i < count; i++) {
    if (!run_part(z, out, parts[i])) return false;
  }
  return run(z, out, Z_SYNC_FLUSH);
}

/* The message ends where its last flush did, without the marker. A flush that had nothing to do
 * wrote none; an empty block without its marker says the same (section 7.2.3.6). */
static bool drop_tail(lw_buf *out) {
  const size_t tail = sizeof lw__deflate_tail;
  if (out->size == 0) return lw_buf_append(out, lw__deflate_tail, 1);
  out->size -= tail;
  return true;
}

static size_t total(const lw_slice *parts, size_t count) {
  size_t size = 0;
  for (size_t i = 0; i < count; i++) size += parts[i].size;
  return size;
}

/* Room for all that `size` bytes usually become, in an empty buffer. */
static bool begin_output(lw_buf *out, size_t size) {
  if (out->capacity > OUTPUT_KEPT) lw_buf_free(out);
  out->size = 0;
  return lw_buf_reserve(out, size / 2 + 256, SIZE_MAX);
}

static bool begin(lw_deflate *d, size_t size) {
  if (!begin_output(&d->pool->output, size)) return false;
  if (d->deflater != NULL) return true;
  int bits = d->agreed.own_bits < ZLIB_BITS_MIN ? ZLIB_BITS_MIN : d->agreed.own_bits;
  d->deflater = lw__deflater_take(d->pool, d->options, bits);
  return d->deflater != NULL;
}

void lw_deflate_forget(lw_deflate *d) {
  if (d->deflater == NULL) return;
  lw__deflater_give(d->pool, d->deflater);
  d->deflater = NULL;
}

static void end(lw_deflate *d) {
  if (!d->agreed.own_takeover) lw_deflate_forget(d);
}

static bool compress_parts(lw_deflate *d, const lw_slice *parts, size_t count, bool final) {
  lw_buf *out = &d->pool->output;
  if (!begin(d, total(parts, count))) return false;
  return run_parts(&d->deflater->z, out, parts, count) && (!final || drop_tail(out));
}

lw_deflate_result lw_deflate_fragment(lw_deflate *d, const lw_slice *parts, size_t count,
                                      bool final, lw_slice *payload) {
  bool done = compress_parts(d, parts, count, final);
  d->is_streaming = !final;
  if (final || !done) end(d);
  if (!done) return LW_DEFLATE_NOMEM;
  *payload = (lw_slice){(const char *)d->pool->output.data, d->pool->output.size};
  return LW_DEFLATED;
}

/* --- libdeflate --- */

#ifdef LW_LIBDEFLATE

/* It knows no flush, so the message ends in a final block, behind which comes the beginning of the
 * empty block that the receiver completes (section 7.2.3.4). Only a peer that begins each message
 * anew can be relied on to go on after a final block. */
static bool suits_libdeflate(const lw_deflate *d, const lw_slice *parts, size_t count) {
  bool near = d->agreed.own_bits == LW_DEFLATE_BITS_MAX ||
              (count == 1 && parts->size <= (size_t)1 << d->agreed.own_bits);
  return count == 1 && near && parts->size >= LIBDEFLATE_MIN && !d->agreed.own_takeover &&
         d->agreed.peer_forgets;
}

static struct libdeflate_compressor *compressor(lw_deflate_pool *pool, uint8_t level) {
  if (pool->compressor != NULL && pool->compressor_level != level) {
    libdeflate_free_compressor(pool->compressor);
    pool->compressor = NULL;
  }
  if (pool->compressor == NULL) pool->compressor = libdeflate_alloc_compressor(level);
  pool->compressor_level = level;
  return pool->compressor;
}

/* What does not fit into less than its own size is of no use. */
static lw_deflate_result compress_whole(lw_deflate *d, lw_slice message, lw_slice *payload) {
  lw_buf *out = &d->pool->output;
  struct libdeflate_compressor *c = compressor(d->pool, d->options->level);
  if (c == NULL || !begin_output(out, 0) || !lw_buf_reserve(out, message.size, SIZE_MAX)) {
    return LW_DEFLATE_NOMEM;
  }
  size_t size =
      libdeflate_deflate_compress(c, message.data, message.size, out->data, message.size - 1);
  if (size == 0) return LW_DEFLATE_PLAIN;
  out->data[size] = 0;
  out->size = size + 1;
  *payload = (lw_slice){(const char *)out->data, out->size};
  return LW_DEFLATED;
}

#else

static bool suits_libdeflate(const lw_deflate *d, const lw_slice *parts, size_t count) {
  (void)d, (void)parts, (void)count;
  return false;
}

static lw_deflate_result compress_whole(lw_deflate *d, lw_slice message, lw_slice *payload) {
  (void)d, (void)message, (void)payload;
  return LW_DEFLATE_PLAIN;
}

#endif

lw_deflate_result lw_deflate_message(lw_deflate *d, const lw_slice *parts, size_t count,
                                     lw_slice *payload) {
  if (suits_libdeflate(d, parts, count)) return compress_whole(d, *parts, payload);
  lw_deflate_result result = lw_deflate_fragment(d, parts, count, true, payload);
  /* With takeover the peer needs what is in our window now. */
  bool grew = result == LW_DEFLATED && payload->size >= total(parts, count);
  return grew && !d->agreed.own_takeover && total(parts, count) > 0 ? LW_DEFLATE_PLAIN : result;
}

lw_deflate_result lw_deflate_alone(const lw_deflate *d, lw_slice message, lw_slice *payload) {
  lw_deflate fresh = {.pool = d->pool, .options = d->options, .agreed = d->agreed};
  fresh.agreed.own_takeover = false;
  return lw_deflate_message(&fresh, &message, 1, payload);
}
