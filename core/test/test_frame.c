#include "../proto/frame.h"

#include <string.h>

#include "test.h"

static const lw_frame_rules from_server = {0};
static const lw_frame_rules from_client = {.from_client = true};
static const lw_frame_rules in_message = {.in_message = true};

/* Decodes every beginning of a head that is legal as a whole; only the whole is LW_DONE. */
static lw_result decode(lw_frame *frame, const uint8_t *head, size_t size,
                        const lw_frame_rules *rules) {
  uint8_t *end = test_guarded(size) + size;
  for (size_t have = 0; have <= size; have++) {
    size_t used = 0;
    lw_error error = LW_OK;
    memcpy(end - have, head, have);
    lw_result result = lw_frame_decode(frame, &used, end - have, have, rules, &error);
    if (have < size && result != LW_MORE) return LW_BROKEN;
    if (have == size && (result != LW_DONE || used != size)) return LW_BROKEN;
  }
  return LW_DONE;
}

TEST(decodes_all_lengths) {
  static const struct {
    uint64_t length;
    size_t size;
    uint8_t head[10];
  } cases[] = {
      {0, 2, {0x82, 0}},
      {1, 2, {0x82, 1}},
      {125, 2, {0x82, 125}},
      {126, 4, {0x82, 126, 0, 126}},
      {127, 4, {0x82, 126, 0, 127}},
      {65535, 4, {0x82, 126, 0xff, 0xff}},
      {65536, 10, {0x82, 127, 0, 0, 0, 0, 0, 1, 0, 0}},
      {UINT64_C(1) << 32, 10, {0x82, 127, 0, 0, 0, 1, 0, 0, 0, 0}},
      {INT64_MAX, 10, {0x82, 127, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    lw_frame frame;
    CHECK_INT(decode(&frame, cases[i].head, cases[i].size, &from_server), LW_DONE);
    CHECK(frame.length == cases[i].length);
    CHECK(frame.fin && !frame.rsv1 && !frame.masked && frame.opcode == LW_OP_BINARY);

    uint8_t masked[LW_FRAME_HEAD_MAX];
    memcpy(masked, cases[i].head, cases[i].size);
    masked[1] |= 0x80;
    memcpy(masked + cases[i].size, "key!", 4);
    CHECK_INT(decode(&frame, masked, cases[i].size + 4, &from_client), LW_DONE);
    CHECK(frame.length == cases[i].length);
    CHECK(frame.masked && memcmp(frame.key, "key!", 4) == 0);

    uint8_t again[LW_FRAME_HEAD_MAX];
    CHECK_INT(lw_frame_encode(again, &frame), cases[i].size + 4);
    CHECK(memcmp(again, masked, cases[i].size + 4) == 0);
    frame.masked = false;
    CHECK_INT(lw_frame_encode(again, &frame), cases[i].size);
    CHECK(memcmp(again, cases[i].head, cases[i].size) == 0);
  }
}

/* Broken at the last byte given, and not at any before it. */
static lw_error broken_at_last(const uint8_t *head, size_t size, const lw_frame_rules *rules) {
  uint8_t *end = test_guarded(size) + size;
  lw_error error = LW_OK;
  for (size_t have = 1; have <= size; have++) {
    lw_frame frame;
    size_t used = 0;
    memcpy(end - have, head, have);
    lw_result result = lw_frame_decode(&frame, &used, end - have, have, rules, &error);
    if (result != (have < size ? LW_MORE : LW_BROKEN)) return LW_OK;
  }
  return error;
}

#define BROKEN(rules, ...)                                                                         \
  broken_at_last((const uint8_t[]){__VA_ARGS__}, sizeof((const uint8_t[]){__VA_ARGS__}), rules)

TEST(fails_at_the_first_illegal_byte) {
  CHECK_INT(BROKEN(&from_server, 0xa1), LW_E_RESERVED_BIT);
  CHECK_INT(BROKEN(&from_server, 0x91), LW_E_RESERVED_BIT);
  CHECK_INT(BROKEN(&from_server, 0xc1), LW_E_RESERVED_BIT);
  CHECK_INT(BROKEN(&from_server, 0x83), LW_E_RESERVED_OPCODE);
  CHECK_INT(BROKEN(&from_server, 0x8b), LW_E_RESERVED_OPCODE);
  CHECK_INT(BROKEN(&from_server, 0x09), LW_E_FRAGMENTED_CONTROL);
  CHECK_INT(BROKEN(&from_server, 0x08), LW_E_FRAGMENTED_CONTROL);
  CHECK_INT(BROKEN(&from_server, 0x80), LW_E_UNEXPECTED_CONTINUATION);
  CHECK_INT(BROKEN(&from_server, 0x00), LW_E_UNEXPECTED_CONTINUATION);
  CHECK_INT(BROKEN(&in_message, 0x81), LW_E_EXPECTED_CONTINUATION);
  CHECK_INT(BROKEN(&in_message, 0x02), LW_E_EXPECTED_CONTINUATION);
  CHECK_INT(BROKEN(&from_server, 0x81, 0x80), LW_E_MASKED);
  CHECK_INT(BROKEN(&from_client, 0x81, 0x00), LW_E_UNMASKED);
  CHECK_INT(BROKEN(&from_server, 0x89, 126), LW_E_LONG_CONTROL);
  CHECK_INT(BROKEN(&from_server, 0x8a, 127), LW_E_LONG_CONTROL);
  CHECK_INT(BROKEN(&from_server, 0x88, 1), LW_E_CLOSE_PAYLOAD);
  CHECK_INT(BROKEN(&from_server, 0x82, 126, 0, 125), LW_E_LENGTH_NOT_MINIMAL);
  CHECK_INT(BROKEN(&from_server, 0x82, 126, 0, 0), LW_E_LENGTH_NOT_MINIMAL);
  CHECK_INT(BROKEN(&from_server, 0x82, 127, 0x80), LW_E_LENGTH_TOP_BIT);
  CHECK_INT(BROKEN(&from_server, 0x82, 127, 0, 0, 0, 0, 0, 0), LW_E_LENGTH_NOT_MINIMAL);
}

/* The whole first byte against the text of section 5.2 and 5.4. */
TEST(judges_every_first_byte) {
  for (unsigned i = 0; i < 512; i++) {
    uint8_t first = (uint8_t)i, opcode = first & 15;
    const lw_frame_rules rules = {.in_message = i >= 256, .allow_rsv1 = true};
    bool control = opcode >= 8, known = opcode <= 2 || (control && opcode <= 10);
    bool fits = control ? (first & 0x80) != 0 : (opcode == 0) == rules.in_message;
    bool rsv1_fits = (first & 0x40) == 0 || opcode == 1 || opcode == 2;
    bool legal = known && fits && rsv1_fits && (first & 0x30) == 0;
    lw_frame frame;
    size_t used;
    lw_error error;
    CHECK_INT(lw_frame_decode(&frame, &used, &first, 1, &rules, &error),
              legal ? LW_MORE : LW_BROKEN);
  }
}

TEST(tells_the_bits) {
  const lw_frame_rules rules = {.allow_rsv1 = true};
  lw_frame frame;
  CHECK_INT(decode(&frame, (const uint8_t *)"\x41\x03", 2, &rules), LW_DONE);
  CHECK(!frame.fin && frame.rsv1 && frame.opcode == LW_OP_TEXT && frame.length == 3);
  uint8_t head[LW_FRAME_HEAD_MAX];
  CHECK_INT(lw_frame_encode(head, &frame), 2);
  CHECK(memcmp(head, "\x41\x03", 2) == 0);
}

/* The short way against the long one, for what begins like this and is cut off anywhere: it takes
 * what is a whole message, and nothing else. */
enum { MOST = 4 + 4 + 200 };

static void compare_ways(uint8_t *end, bool is_server, const uint8_t start[4]) {
  const lw_frame_rules rules = {.from_client = is_server};
  for (size_t size = 0; size <= MOST; size++) {
    lw_frame frame = {0}, again = {0};
    size_t used = 0;
    lw_error error;
    memset(end - size, 'k', size);
    memcpy(end - size, start, size < 4 ? size : 4);
    lw_result result = lw_frame_decode(&frame, &used, end - size, size, &rules, &error);
    bool is_message = frame.opcode == LW_OP_TEXT || frame.opcode == LW_OP_BINARY;
    bool is_whole = result == LW_DONE && frame.fin && is_message && frame.length <= size - used;
    CHECK_INT(lw_frame_decode_whole(&again, end - size, size, is_server), is_whole ? used : 0);
    if (is_whole) CHECK(memcmp(&again, &frame, sizeof frame) == 0);
  }
}

TEST(finds_whole_messages_by_the_short_way) {
  uint8_t *end = test_guarded(MOST) + MOST;
  for (unsigned byte = 0; byte < 256; byte++) {
    compare_ways(end, true, (const uint8_t[]){(uint8_t)byte, 0x85, 0, 0});
    compare_ways(end, false, (const uint8_t[]){(uint8_t)byte, 0x05, 0, 0});
    for (uint8_t length = 125; length <= 127; length++) {
      compare_ways(end, true, (const uint8_t[]){0x82, (uint8_t)byte, 0, length});
      compare_ways(end, false, (const uint8_t[]){0x81, (uint8_t)byte, 0, length});
    }
  }
}

int main(void) {
  RUN(decodes_all_lengths);
  RUN(fails_at_the_first_illegal_byte);
  RUN(judges_every_first_byte);
  RUN(tells_the_bits);
  RUN(finds_whole_messages_by_the_short_way);
  return test_end();
}
