/* What the tests of lw_out share: an output of a pool of its own, and what it holds. */
#ifndef LW_TEST_OUT_FIXTURE_H
#define LW_TEST_OUT_FIXTURE_H

#include <string.h>

#include "../net/out.h"
#include "test.h"

static lw_out_pool *pool;

static inline lw_out *take(void) {
  pool = lw_out_pool_new();
  return lw_out_take(pool);
}

static inline void give(lw_out *out) {
  lw_out_give(pool, out);
  lw_out_pool_free(pool);
}

/* Whether all that is unwritten is exactly this text. */
static inline bool holds(const lw_out *out, const char *text) {
  uv_buf_t pieces[16];
  unsigned count = lw_out_pieces(out, pieces, 16);
  size_t at = 0;
  for (unsigned i = 0; i < count; i++) {
    if (strncmp(text + at, pieces[i].base, pieces[i].len) != 0) return false;
    at += pieces[i].len;
  }
  return at == strlen(text) && lw_out_size(out) == at;
}

static inline unsigned count_pieces(const lw_out *out) {
  uv_buf_t pieces[16];
  return lw_out_pieces(out, pieces, 16);
}

#endif
