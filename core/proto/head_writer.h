/* Writes HTTP heads into a buffer, piece by piece: as a whole or not at all.
 *
 * For core/proto: the heads of the opening handshake and of plain answers. It checks nothing; what
 * comes from a user was validated by whoever took it. */
#ifndef LW_PROTO_HEAD_WRITER_H
#define LW_PROTO_HEAD_WRITER_H

#include <string.h>

#include "buf.h"

/* Appends until memory fails, and then forgets what it appended: only lw__head_end has to be asked
 * whether it worked. */
typedef struct lw_head_writer {
  lw_buf *out;
  size_t before;
  bool failed;
} lw_head_writer;

lw_head_writer lw__head_begin(lw_buf *out);
/* The same with a check that there is room; for lw__head_put. */
void lw__head_put_more(lw_head_writer *w, lw_slice text);
void lw__head_number(lw_head_writer *w, uint64_t number);

/* A head is put together of a dozen pieces, most of them literals: inline, each is a copy of a
 * known size. */
static inline void lw__head_put(lw_head_writer *w, lw_slice text) {
  lw_buf *out = w->out;
  if (text.size == 0) return;
  if (text.size > out->capacity - out->size) {
    lw__head_put_more(w, text);
    return;
  }
  memcpy(out->data + out->size, text.data, text.size);
  out->size += text.size;
}

static inline void lw__head_text(lw_head_writer *w, const char *text) {
  lw__head_put(w, (lw_slice){text, strlen(text)});
}

/* "Name: value" and the end of the line. */
void lw__head_field(lw_head_writer *w, lw_slice name, lw_slice value);
/* False when out of memory; the buffer is then as it was. */
bool lw__head_end(lw_head_writer *w);

#endif
