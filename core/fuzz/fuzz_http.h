/* What the targets for requests and for answers share. */
#ifndef LW_FUZZ_HTTP_H
#define LW_FUZZ_HTTP_H

#include "../proto/http.h"
#include "fuzz.h"

typedef struct fuzz_scan {
  lw_result result;
  lw_error error;
  size_t used; /* bytes of the head, or before the illegal one */
} fuzz_scan;

/* Each piece is a copy of its own, so that the sanitizer sees a read behind it. */
static inline fuzz_scan fuzz_scan_pieces(const uint8_t *data, size_t size, size_t piece) {
  lw_http_scanner scanner = {0};
  fuzz_scan scan = {.result = LW_MORE};
  while (scan.result == LW_MORE && scan.used < size) {
    size_t used, part = size - scan.used < piece ? size - scan.used : piece;
    lw_buf copy = {0};
    MUST(lw_buf_reserve(&copy, part, part));
    MUST(lw_buf_append(&copy, data + scan.used, part));
    scan.result = lw_http_scan(&scanner, &used, copy.data, part);
    lw_buf_free(&copy);
    MUST(used <= part && (scan.result != LW_MORE || used == part));
    scan.used += used;
  }
  scan.error = (lw_error)scanner.error;
  MUST((scan.result == LW_BROKEN) == (scan.error != LW_OK));
  return scan;
}

/* Scans at once and in pieces: the answer must be the same. */
static inline fuzz_scan fuzz_scan_all(const uint8_t *data, size_t size) {
  fuzz_scan whole = fuzz_scan_pieces(data, size, size);
  const size_t pieces[] = {1, 2 + size % 7, 10 + size % 61};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    fuzz_scan scan = fuzz_scan_pieces(data, size, pieces[i]);
    MUST(scan.result == whole.result && scan.error == whole.error && scan.used == whole.used);
  }
  return whole;
}

/* What no complete head may have. */
static inline void fuzz_check_lines(lw_slice head) {
  MUST(head.size >= 4 && head.size <= LW_HTTP_HEAD_MAX);
  for (size_t i = 0; i < head.size; i++) {
    unsigned char c = (unsigned char)head.data[i];
    if (c == '\r') MUST(i + 1 < head.size && head.data[i + 1] == '\n');
    if (c == '\n') MUST(i > 0 && head.data[i - 1] == '\r');
    MUST(c >= 0x20 || c == '\r' || c == '\n' || c == '\t');
    MUST(c != 0x7f);
  }
}

static inline void fuzz_check_fields(const lw_http_head *head, lw_slice text) {
  MUST(head->field_count <= LW_HTTP_FIELDS_MAX);
  for (size_t i = 0; i < head->field_count; i++) {
    const lw_http_field *field = &head->fields[i];
    MUST(fuzz_inside(field->name, text) && fuzz_inside(field->value, text));
    MUST(lw_http_is_token(field->name) && lw_http_is_value(field->value));
    lw_slice rest = field->value, element;
    while (lw_http_next_element(&rest, &element)) MUST(fuzz_inside(element, field->value));
  }
}

/* "name: value" lines and the empty line: what a proxy that read the same would pass on. */
static inline void fuzz_write_fields(lw_buf *out, const lw_http_head *head) {
  for (size_t i = 0; i < head->field_count; i++) {
    MUST(lw_buf_append_slice(out, head->fields[i].name) && lw_buf_append(out, ":", 1));
    MUST(lw_buf_append_slice(out, head->fields[i].value) && lw_buf_append(out, "\r\n", 2));
  }
  MUST(lw_buf_append(out, "\r\n", 2));
}

static inline void fuzz_compare_fields(const lw_http_head *a, const lw_http_head *b) {
  MUST(a->field_count == b->field_count && a->minor == b->minor);
  for (size_t i = 0; i < a->field_count; i++) {
    MUST(lw_slice_equal(a->fields[i].name, b->fields[i].name));
    MUST(lw_slice_equal(a->fields[i].value, b->fields[i].value));
  }
}

static inline void fuzz_check_body(const lw_http_head *head, bool is_request) {
  lw_http_framing framing;
  uint64_t length;
  if (lw_http_body(head, is_request, &framing, &length) != LW_OK) return;
  MUST(framing == LW_HTTP_LENGTH || length == 0);
  MUST(length <= UINT64_C(1) << 53);
  MUST(!is_request || framing != LW_HTTP_UNTIL_END);
}

#endif
