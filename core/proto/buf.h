/* Byte slices and one growable buffer.
 *
 * Every allocation of the protocol library goes through lw_buf, so that a limit and an
 * out-of-memory answer exist wherever bytes pile up. */
#ifndef LW_PROTO_BUF_H
#define LW_PROTO_BUF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Borrowed bytes: not terminated, not owned. */
typedef struct lw_slice {
  const char *data;
  size_t size;
} lw_slice;

/* For a string literal. */
#define LW_SLICE(literal) ((lw_slice){literal, sizeof(literal) - 1})

lw_slice lw_slice_of(const char *text); /* of a terminated string; NULL gives an empty slice */
bool lw_slice_equal(lw_slice a, lw_slice b);
bool lw_slice_equal_nocase(lw_slice a, lw_slice b); /* ASCII case folded */

/* Owned bytes. All zero is a valid, empty buffer. */
typedef struct lw_buf {
  uint8_t *data;
  size_t size;
  size_t capacity;
} lw_buf;

/* Makes room for `extra` more bytes, growing geometrically but never past `limit` bytes in all.
 * False when the limit or the memory does not allow it; the buffer is then as it was. */
bool lw_buf_reserve(lw_buf *buf, size_t extra, size_t limit);

/* Appends. False when out of memory; the buffer is then as it was. */
bool lw_buf_append(lw_buf *buf, const void *data, size_t size);
bool lw_buf_append_slice(lw_buf *buf, lw_slice slice);

/* Forgets the first `size` bytes (at most buf->size). */
void lw_buf_drop(lw_buf *buf, size_t size);

/* Releases the memory and leaves a valid, empty buffer. */
void lw_buf_free(lw_buf *buf);

#endif
