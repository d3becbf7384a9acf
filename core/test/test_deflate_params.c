#include "../proto/deflate_params.h"

#include <stdio.h>
#include <string.h>

#include "test.h"

static const lw_deflate_options takeover = {
    .window_bits = 15, .peer_window_bits = 15, .takeover = true};
static const lw_deflate_options modest = {.window_bits = 11, .peer_window_bits = 10};

/* The text right before a page that faults. */
static lw_slice guarded(const char *text) {
  size_t size = strlen(text);
  uint8_t *copy = test_guarded(size);
  memcpy(copy, text, size);
  return (lw_slice){(char *)copy, size};
}

static bool answers(const lw_deflate_options *options, const char *offers, const char *expected) {
  char text[LW_DEFLATE_TEXT_MAX];
  lw_deflate_agreement agreement;
  test_guarded_free();
  if (!lw_deflate_accept_value(&agreement, options, guarded(offers))) return expected == NULL;
  lw_slice answer = {text, lw_deflate_write_answer(text, &agreement, true)};
  return expected != NULL && lw_slice_equal(answer, lw_slice_of(expected));
}

TEST(answers_the_first_offer_that_will_do) {
  CHECK(answers(&takeover, "permessage-deflate", "permessage-deflate"));
  CHECK(answers(&takeover, "x, permessage-deflate;server_max_window_bits=9",
                "permessage-deflate; server_max_window_bits=9"));
  CHECK(answers(&takeover, "permessage-deflate;server_max_window_bits=8,permessage-deflate",
                "permessage-deflate"));
  CHECK(answers(&takeover, "permessage-deflate;server_max_window_bits=8", NULL));
  CHECK(answers(&takeover, "permessage-deflate;server_max_window_bits=", NULL));
  CHECK(answers(&takeover, "permessage-deflate;x", NULL));
  CHECK(answers(&takeover, "", NULL));
  CHECK(answers(&modest, "permessage-deflate; client_max_window_bits",
                "permessage-deflate; server_no_context_takeover; client_no_context_takeover; "
                "server_max_window_bits=11; client_max_window_bits=10"));
}

/* Malformed text: no step outside it, whatever is cut off. */
TEST(reads_nothing_behind_the_text) {
  static const char offer[] =
      "x;a=\"b\", permessage-deflate; server_max_window_bits=\"1\\0\"; client_max_window_bits=10";
  char cut[sizeof offer];
  for (size_t size = 0; size < sizeof offer; size++) {
    lw_deflate_agreement agreement;
    memcpy(cut, offer, size);
    cut[size] = '\0';
    test_guarded_free();
    (void)lw_deflate_accept_value(&agreement, &takeover, guarded(cut));
    (void)lw_deflate_check(&agreement, &takeover, guarded(cut));
  }
}

TEST(takes_offers_from_all_fields) {
  static const char head[] = "GET / HTTP/1.1\r\nHost: x\r\n"
                             "Sec-WebSocket-Extensions: x, permessage-deflate; y\r\n"
                             "sec-websocket-extensions: permessage-deflate\r\n\r\n";
  lw_http_head request;
  lw_deflate_agreement agreement;
  CHECK_INT(lw_http_parse_request(&request, head, sizeof head - 1), LW_OK);
  CHECK(lw_deflate_accept(&agreement, &takeover, &request));
  CHECK(agreement.own_takeover && agreement.own_bits == 15);
  request.field_count = 2;
  CHECK(!lw_deflate_accept(&agreement, &takeover, &request));
}

TEST(writes_texts_that_fit) {
  char text[LW_DEFLATE_TEXT_MAX];
  CHECK(lw_deflate_write_offer(text, &modest) < LW_DEFLATE_TEXT_MAX);
  const lw_deflate_agreement agreement = {.own_bits = 10, .peer_bits = 10, .peer_forgets = true};
  CHECK(lw_deflate_write_answer(text, &agreement, true) < LW_DEFLATE_TEXT_MAX);
  CHECK(lw_deflate_write_answer(text, &agreement, false) < LW_DEFLATE_TEXT_MAX);
}

TEST(a_client_writes_what_was_agreed) {
  char text[LW_DEFLATE_TEXT_MAX];
  lw_deflate_agreement agreement;
  lw_slice answer = LW_SLICE("permessage-deflate; client_no_context_takeover; "
                             "server_max_window_bits=10; client_max_window_bits=8");
  CHECK_INT(lw_deflate_check(&agreement, &takeover, answer), LW_OK);
  size_t size = lw_deflate_write_answer(text, &agreement, false);
  CHECK(lw_slice_equal((lw_slice){text, size}, answer));
}

int main(void) {
  RUN(answers_the_first_offer_that_will_do);
  RUN(reads_nothing_behind_the_text);
  RUN(takes_offers_from_all_fields);
  RUN(writes_texts_that_fit);
  RUN(a_client_writes_what_was_agreed);
  return test_end();
}
