/* A client's bytes: scanner, request parser and the server's half of the opening handshake. */
#include "../proto/handshake.h"
#include "fuzz_http.h"

/* The head again, from its parts: it must mean the same. */
static void check_rewritten(const lw_http_head *head) {
  static const char *const versions[] = {" HTTP/1.0\r\n", " HTTP/1.1\r\n"};
  lw_buf out = {0};
  lw_http_head again;
  MUST(lw_buf_append_slice(&out, head->method) && lw_buf_append(&out, " ", 1));
  MUST(lw_buf_append_slice(&out, head->target));
  MUST(lw_buf_append_slice(&out, lw_slice_of(versions[head->minor > 0])));
  fuzz_write_fields(&out, head);
  MUST(lw_http_parse_request(&again, (char *)out.data, out.size) == LW_OK);
  again.minor = head->minor;
  fuzz_compare_fields(head, &again);
  MUST(lw_slice_equal(head->path, again.path) && lw_slice_equal(head->query, again.query));
  MUST(lw_slice_equal(head->host, again.host));
  lw_buf_free(&out);
}

/* Our client accepts what our server answers. */
static void check_answer(const lw_http_head *request, lw_slice key) {
  size_t position = 0;
  lw_handshake_answer answer = {.header_count = 0};
  lw_handshake_offer offer = {.key = key};
  lw_http_head response;
  lw_buf out = {0};
  lw_slice protocol, extensions;
  while (lw_handshake_next_protocol(request, &position, &answer.protocol)) {
    MUST(lw_http_is_token(answer.protocol));
  }
  offer.protocols = answer.protocol;
  MUST(lw_handshake_write_answer(&out, key, &answer));
  fuzz_scan scan = fuzz_scan_pieces(out.data, out.size, out.size);
  MUST(scan.result == LW_DONE && scan.used == out.size);
  MUST(lw_http_parse_response(&response, (char *)out.data, out.size) == LW_OK);
  MUST(lw_handshake_check_answer(&response, &offer, &protocol, &extensions) == LW_OK);
  MUST(lw_slice_equal(protocol, answer.protocol));
  lw_buf_free(&out);
}

static void check_request(const lw_http_head *head, lw_slice text) {
  lw_slice key = {NULL, 0};
  MUST(lw_http_is_token(head->method) && lw_http_is_target(head->target));
  MUST(fuzz_inside(head->method, text) && fuzz_inside(head->target, text));
  MUST(head->path.size > 0 && fuzz_inside(head->query, text) && fuzz_inside(head->host, text));
  MUST(head->host.size > 0 || head->minor == 0);
  fuzz_check_fields(head, text);
  fuzz_check_body(head, true);
  check_rewritten(head);
  lw_error error = lw_handshake_check_request(head, &key);
  MUST((error == LW_E_UPGRADE_REQUIRED) == !lw_handshake_is_upgrade(head));
  if (error == LW_OK) check_answer(head, key);
  size_t origins;
  (void)lw_http_find(head, LW_SLICE("Origin"), &origins);
  bool same = lw_handshake_same_origin(head);
  MUST(origins != 0 || same);
  MUST(origins < 2 || !same);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lw_http_head head;
  lw_slice text = {(const char *)data, size};
  if (size == 0) return 0;
  fuzz_scan scan = fuzz_scan_all(data, size);
  if (scan.result != LW_DONE) { /* Must not crash without a scan either. */
    (void)lw_http_parse_request(&head, text.data, text.size);
    return 0;
  }
  text.size = scan.used;
  fuzz_check_lines(text);
  if (lw_http_parse_request(&head, text.data, text.size) == LW_OK) check_request(&head, text);
  return 0;
}
