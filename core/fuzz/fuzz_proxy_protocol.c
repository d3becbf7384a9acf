/* Bytes as the beginning of a connection that must have a PROXY header. */
#include "../proto/proxy_protocol.h"

#include <string.h>

#include "fuzz.h"

static void check_whole(const lw_proxy_header *header, lw_slice text) {
  MUST(header->size > 0 && header->size <= text.size && header->size <= LW_PROXY_HEADER_MAX);
  MUST(header->family == LW_PROXY_UNIX || header->path.size == 0);
  MUST(header->path.size <= 108 && fuzz_inside(header->path, text));
  MUST(header->path.size == 0 || memchr(header->path.data, 0, header->path.size) == NULL);
  MUST(header->family == LW_PROXY_IP4 || header->family == LW_PROXY_IP6 || header->port == 0);
}

/* A header that ends where the whole one does, whatever stands behind it. */
static void check_alone(const lw_proxy_header *header, const uint8_t *data) {
  lw_proxy_header alone;
  MUST(lw_proxy_parse(&alone, data, header->size) == LW_DONE);
  MUST(alone.size == header->size && alone.family == header->family && alone.port == header->port);
  MUST(memcmp(alone.address, header->address, sizeof alone.address) == 0);
  MUST(lw_slice_equal(alone.path, header->path));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lw_proxy_header header, part;
  lw_result result = lw_proxy_parse(&header, data, size), so_far = LW_MORE;
  if (result == LW_DONE) {
    check_whole(&header, (lw_slice){(const char *)data, size});
    check_alone(&header, data);
  }
  /* In pieces it is judged the same, and what was judged stays. */
  for (size_t i = 0; i <= size && i <= LW_PROXY_HEADER_MAX; i++) {
    lw_result now = lw_proxy_parse(&part, data, i);
    MUST(so_far == LW_MORE || now == so_far);
    MUST(now != LW_MORE || i < LW_PROXY_HEADER_MAX);
    so_far = now;
  }
  MUST(so_far == result);
  lw_proxy_resembles(data, size);
  return 0;
}
