/* A client's bytes behind the upgrade that never came: heads, how their bodies are framed, chunks.
 * What comes out must not depend on the pieces in which it came. */
#include "../proto/exchange.h"
#include "fuzz.h"

typedef struct outcome {
  lw_buf bodies; /* of all requests, one after the other */
  size_t used;   /* bytes of whole requests, or up to where it broke */
  size_t requests;
  lw_error error;
} outcome;

typedef struct reader {
  lw_http_scanner scanner;
  lw_exchange exchange;
  lw_buf head;
  bool in_body;
} reader;

static void end_request(reader *r, outcome *o) {
  MUST(r->exchange.body_done);
  o->requests++;
  r->in_body = false;
  r->head.size = 0;
  r->scanner = (lw_http_scanner){0};
}

static size_t read_head(reader *r, outcome *o, const uint8_t *data, size_t size) {
  size_t used;
  lw_http_head head;
  lw_result result = lw_http_scan(&r->scanner, &used, data, size);
  MUST(lw_buf_append(&r->head, data, used));
  if (result == LW_BROKEN) o->error = (lw_error)r->scanner.error;
  if (result != LW_DONE) return used;
  o->error = lw_http_parse_request(&head, (char *)r->head.data, r->head.size);
  if (o->error == LW_OK) o->error = lw_exchange_begin(&r->exchange, &head);
  if (o->error != LW_OK) return used;
  r->in_body = true;
  if (r->exchange.body_done) end_request(r, o);
  return used;
}

static size_t read_body(reader *r, outcome *o, uint8_t *data, size_t size) {
  size_t used, got;
  lw_result result = lw_exchange_read(&r->exchange, data, size, &used, &got);
  MUST(got <= used && used <= size && (result != LW_MORE || used == size));
  MUST(lw_buf_append(&o->bodies, data, got));
  if (result == LW_BROKEN) o->error = (lw_error)r->exchange.chunked.error;
  MUST((result == LW_BROKEN) == (o->error != LW_OK));
  if (result == LW_DONE) end_request(r, o);
  return used;
}

/* Each piece is a copy of its own, so that the sanitizer sees a read behind it. */
static outcome read_pieces(const uint8_t *data, size_t size, size_t piece) {
  reader r = {.in_body = false};
  outcome o = {.error = LW_OK};
  for (size_t at = 0; at < size && o.error == LW_OK;) {
    size_t part = size - at < piece ? size - at : piece, done = 0;
    lw_buf copy = {0};
    MUST(lw_buf_reserve(&copy, part, part) && lw_buf_append(&copy, data + at, part));
    while (done < part && o.error == LW_OK) {
      done += r.in_body ? read_body(&r, &o, copy.data + done, part - done)
                        : read_head(&r, &o, copy.data + done, part - done);
    }
    lw_buf_free(&copy);
    o.used += done;
    at += part;
  }
  lw_buf_free(&r.head);
  return o;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  outcome whole = read_pieces(data, size, size);
  const size_t pieces[] = {1, 2 + size % 7, 10 + size % 61};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    outcome o = read_pieces(data, size, pieces[i]);
    MUST(o.error == whole.error && o.used == whole.used && o.requests == whole.requests);
    MUST(lw_slice_equal(fuzz_slice(&o.bodies), fuzz_slice(&whole.bodies)));
    lw_buf_free(&o.bodies);
  }
  lw_buf_free(&whole.bodies);
  return 0;
}
