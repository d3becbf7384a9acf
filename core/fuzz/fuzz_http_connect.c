/* Bytes as what an HTTP proxy answers to CONNECT. */
#include "../proto/http_connect.h"
#include "fuzz.h"

typedef struct answer {
  lw_result result;
  size_t used;
  lw_http_connect connect;
} answer;

/* Each piece is a copy of its own, so that the sanitizer sees a read behind it. */
static answer read_pieces(const uint8_t *data, size_t size, size_t piece) {
  answer a = {.result = LW_MORE};
  while (a.result == LW_MORE && a.used < size) {
    size_t used, part = size - a.used < piece ? size - a.used : piece;
    lw_buf copy = {0};
    MUST(lw_buf_append(&copy, data + a.used, part));
    a.result = lw_http_connect_input(&a.connect, &used, copy.data, part);
    lw_buf_free(&copy);
    MUST(used <= part && (a.result != LW_MORE || used == part));
    a.used += used;
  }
  return a;
}

static void check(const answer *a, const uint8_t *data) {
  const lw_http_connect *c = &a->connect;
  MUST((a->result == LW_BROKEN) == (c->error != LW_OK));
  MUST((a->result == LW_DONE) == (c->status != 0));
  MUST(c->head.size <= LW_HTTP_HEAD_MAX);
  if (a->result != LW_DONE) return;
  MUST(c->status >= 200 && c->status <= 599);
  MUST(fuzz_inside(c->reason, fuzz_slice(&c->head)));
  /* What comes behind the empty line is the server's. */
  MUST(a->used >= 4 &&
       lw_slice_equal((lw_slice){(const char *)data + a->used - 4, 4}, LW_SLICE("\r\n\r\n")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  answer whole = read_pieces(data, size, size);
  check(&whole, data);
  const size_t pieces[] = {1, 2 + size % 7, 10 + size % 61};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    answer a = read_pieces(data, size, pieces[i]);
    MUST(a.result == whole.result && a.used == whole.used);
    MUST(a.connect.error == whole.connect.error && a.connect.status == whole.connect.status);
    MUST(lw_slice_equal(a.connect.reason, whole.connect.reason));
    lw_http_connect_free(&a.connect);
  }
  lw_http_connect_free(&whole.connect);
  return 0;
}
