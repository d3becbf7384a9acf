/* A server's bytes: scanner, answer parser and the client's half of the opening handshake. */
#include "../proto/handshake.h"
#include "fuzz_http.h"

/* The head again, from its parts: it must mean the same. */
static void check_rewritten(const lw_http_head *head) {
  char line[] = "HTTP/1.x nnn ";
  line[7] = (char)('0' + head->minor);
  for (int i = 11, rest = head->status; i >= 9; i--, rest /= 10) line[i] = (char)('0' + rest % 10);
  lw_buf out = {0};
  lw_http_head again;
  MUST(lw_buf_append_slice(&out, lw_slice_of(line)) && lw_buf_append_slice(&out, head->reason));
  MUST(lw_buf_append(&out, "\r\n", 2));
  fuzz_write_fields(&out, head);
  MUST(lw_http_parse_response(&again, (char *)out.data, out.size) == LW_OK);
  MUST(again.status == head->status && lw_slice_equal(again.reason, head->reason));
  fuzz_compare_fields(head, &again);
  lw_buf_free(&out);
}

/* Whatever the server says, it gets only what was offered. */
static void check_answer(const lw_http_head *head) {
  const lw_handshake_offer offer = {.key = LW_SLICE("dGhlIHNhbXBsZSBub25jZQ=="),
                                    .protocols = LW_SLICE("chat, superchat"),
                                    .extensions = LW_SLICE("permessage-deflate; a, x-foo")};
  lw_slice protocol, extensions;
  lw_error error = lw_handshake_check_answer(head, &offer, &protocol, &extensions);
  MUST((error == LW_E_HTTP_STATUS) == (head->status != 101));
  if (error != LW_OK) return;
  MUST(protocol.size == 0 || lw_slice_equal(protocol, LW_SLICE("chat")) ||
       lw_slice_equal(protocol, LW_SLICE("superchat")));
  MUST(lw_http_has_token(head, LW_SLICE("Connection"), LW_SLICE("upgrade")));
}

static void check_response(const lw_http_head *head, lw_slice text) {
  MUST(head->status >= 100 && head->status <= 599 && fuzz_inside(head->reason, text));
  MUST(lw_http_is_value(head->reason));
  fuzz_check_fields(head, text);
  fuzz_check_body(head, false);
  check_rewritten(head);
  check_answer(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lw_http_head head;
  lw_slice text = {(const char *)data, size};
  if (size == 0) return 0;
  fuzz_scan scan = fuzz_scan_all(data, size);
  if (scan.result != LW_DONE) {
    (void)lw_http_parse_response(&head, text.data, text.size);
    return 0;
  }
  text.size = scan.used;
  fuzz_check_lines(text);
  if (lw_http_parse_response(&head, text.data, text.size) == LW_OK) check_response(&head, text);
  return 0;
}
