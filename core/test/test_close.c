#include "../proto/close.h"

#include <string.h>

#include "test.h"

TEST(knows_the_codes_that_may_be_sent) {
  for (unsigned code = 0; code <= 70000; code++) {
    bool legal = (code >= 1000 && code <= 1014 && (code < 1004 || code > 1006)) ||
                 (code >= 3000 && code < 5000);
    CHECK_INT(lw_close_code_valid(code), legal);
  }
}

TEST(an_empty_payload_has_no_status) {
  uint16_t code = 0;
  lw_slice reason = {0};
  CHECK_INT(lw_close_decode(&code, &reason, NULL, 0), LW_OK);
  CHECK_INT(code, LW_CLOSE_NO_STATUS);
  CHECK_INT(reason.size, 0);
}

TEST(decodes_code_and_reason) {
  const uint8_t payload[] = "\x03\xe8 bye \xe2\x82\xac";
  uint16_t code = 0;
  lw_slice reason = {0};
  CHECK_INT(lw_close_decode(&code, &reason, payload, sizeof payload - 1), LW_OK);
  CHECK_INT(code, 1000);
  CHECK(reason.data == (const char *)payload + 2);
  CHECK(lw_slice_equal(reason, LW_SLICE(" bye \xe2\x82\xac")));
  CHECK_INT(lw_close_decode(&code, &reason, payload, 2), LW_OK);
  CHECK_INT(reason.size, 0);
}

TEST(tells_what_is_wrong) {
  uint16_t code = 0;
  lw_slice reason = {0};
  const uint8_t one[] = {3};
  const uint8_t bad_code[] = {0x03, 0xed};
  const uint8_t bad_both[] = {0x03, 0xed, 0xff};
  const uint8_t bad_text[] = {0x03, 0xe8, 'a', 0xff};
  const uint8_t cut_text[] = {0x03, 0xe8, 'a', 0xe2, 0x82};
  CHECK_INT(lw_close_decode(&code, &reason, one, 1), LW_E_CLOSE_PAYLOAD);
  CHECK_INT(lw_close_decode(&code, &reason, bad_code, 2), LW_E_CLOSE_CODE);
  CHECK_INT(lw_close_decode(&code, &reason, bad_both, 3), LW_E_CLOSE_CODE);
  CHECK_INT(lw_close_decode(&code, &reason, bad_text, 4), LW_E_CLOSE_UTF8);
  CHECK_INT(lw_close_decode(&code, &reason, cut_text, 5), LW_E_CLOSE_UTF8);
}

TEST(a_beginning_is_only_wrong_when_nothing_can_mend_it) {
  const uint8_t cut_text[] = {0x03, 0xe8, 'a', 0xe2, 0x82};
  for (size_t size = 0; size <= sizeof cut_text; size++) {
    CHECK_INT(lw_close_check(cut_text, size, false), LW_OK);
  }
  const uint8_t bad_text[] = {0x03, 0xe8, 0xe0, 0x80};
  CHECK_INT(lw_close_check(bad_text, 3, false), LW_OK);
  CHECK_INT(lw_close_check(bad_text, 4, false), LW_E_CLOSE_UTF8);
  CHECK_INT(lw_close_check((const uint8_t *)"\x03\xed", 2, false), LW_E_CLOSE_CODE);
}

TEST(encodes_what_it_decodes) {
  uint8_t payload[LW_CONTROL_MAX];
  CHECK_INT(lw_close_encode(payload, LW_CLOSE_NO_STATUS, LW_SLICE("ignored")), 0);
  CHECK_INT(lw_close_encode(payload, 1001, LW_SLICE("")), 2);
  CHECK_INT(lw_close_encode(payload, 1001, lw_slice_of(NULL)), 2);
  CHECK_INT(lw_close_encode(payload, 4999, LW_SLICE("bye")), 5);
  CHECK(memcmp(payload,
               "\x13\x87"
               "bye",
               5) == 0);
}

/* The last character that does not fit goes as a whole. */
TEST(cuts_a_long_reason_between_characters) {
  char text[LW_CLOSE_REASON_MAX + 8];
  static const char *const characters[] = {"a", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80"};
  for (size_t width = 1; width <= 4; width++) {
    for (size_t shift = 0; shift < 4; shift++) {
      memset(text, 'x', shift);
      size_t size = shift;
      for (; size + width <= sizeof text; size += width) {
        memcpy(text + size, characters[width - 1], width);
      }
      uint8_t *payload = test_guarded(LW_CONTROL_MAX);
      size_t used = lw_close_encode(payload, 1000, (lw_slice){text, size});
      uint16_t code = 0;
      lw_slice reason = {0};
      CHECK_INT(lw_close_decode(&code, &reason, payload, used), LW_OK);
      CHECK(used <= LW_CONTROL_MAX && used + width > LW_CONTROL_MAX);
      CHECK(memcmp(reason.data, text, reason.size) == 0);
    }
  }
}

/* What is no UTF-8 at all leaves nothing over; it must not run off the front. */
TEST(cuts_nonsense_too) {
  char text[200];
  memset(text, 0x80, sizeof text);
  uint8_t payload[LW_CONTROL_MAX];
  CHECK_INT(lw_close_encode(payload, 1000, (lw_slice){text, sizeof text}), 2);
}

int main(void) {
  RUN(knows_the_codes_that_may_be_sent);
  RUN(an_empty_payload_has_no_status);
  RUN(decodes_code_and_reason);
  RUN(tells_what_is_wrong);
  RUN(a_beginning_is_only_wrong_when_nothing_can_mend_it);
  RUN(encodes_what_it_decodes);
  RUN(cuts_a_long_reason_between_characters);
  RUN(cuts_nonsense_too);
  return test_end();
}
