/* What the fuzz targets of texts share: each core/fuzz/fuzz_<name>.c is one libFuzzer program, and
 * core/fuzz/corpus/fuzz_<name>/ holds its seeds. */
#ifndef LW_FUZZ_H
#define LW_FUZZ_H

#include <stdlib.h>

#include "../proto/buf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Ends the program, which libFuzzer reports with the input that did it. */
#define MUST(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) abort();                                                                     \
  } while (0)

/* True when all of the slice lies in the text (an empty one may be nowhere). */
static inline bool fuzz_inside(lw_slice slice, lw_slice text) {
  if (slice.size == 0) return true;
  return slice.data >= text.data && slice.size <= text.size &&
         (size_t)(slice.data - text.data) <= text.size - slice.size;
}

static inline lw_slice fuzz_slice(const lw_buf *buf) {
  return (lw_slice){(const char *)buf->data, buf->size};
}

#endif
