#include "../proto/mask.h"

#include <string.h>

#include "test.h"

static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};

enum { LONGEST = 300 };

static uint8_t plain(size_t i) {
  return (uint8_t)(i * 7 + i / 256 + 1);
}

static void fill(uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) data[i] = plain(i);
}

static bool is_masked(const uint8_t *data, size_t size, size_t offset) {
  for (size_t i = 0; i < size; i++) {
    if (data[i] != (plain(i) ^ key[(i + offset) % 4])) return false;
  }
  return true;
}

/* RFC 6455 section 5.7: "Hello". */
TEST(masks_the_example_of_the_rfc) {
  uint8_t data[5] = {0x7f, 0x9f, 0x4d, 0x51, 0x58};
  lw_mask(data, data, sizeof data, key, 0);
  CHECK(memcmp(data, "Hello", 5) == 0);
}

TEST(stays_inside_the_end) {
  uint8_t *page = test_guarded(LONGEST) + LONGEST;
  for (size_t size = 0; size <= LONGEST; size++) {
    for (size_t offset = 0; offset < 4; offset++) {
      fill(page - size, size);
      lw_mask(page - size, page - size, size, key, offset);
      CHECK(is_masked(page - size, size, offset));
    }
  }
}

TEST(stays_inside_the_beginning) {
  uint8_t *page = test_guarded_front(LONGEST + 1);
  for (size_t size = 0; size <= LONGEST; size++) {
    fill(page, size);
    page[size] = 0xa5;
    lw_mask(page, page, size, key, 0);
    CHECK(is_masked(page, size, 0));
    CHECK_INT(page[size], 0xa5);
  }
}

TEST(masks_at_every_alignment) {
  uint8_t data[LONGEST + 32];
  for (size_t at = 0; at < 16; at++) {
    for (size_t size = 0; size <= 150; size++) {
      memset(data, 0xa5, sizeof data);
      fill(data + at, size);
      lw_mask(data + at, data + at, size, key, at);
      CHECK(is_masked(data + at, size, at));
      CHECK(at == 0 || data[at - 1] == 0xa5);
      CHECK_INT(data[at + size], 0xa5);
    }
  }
}

TEST(copies_between_two_places) {
  uint8_t *from = test_guarded(LONGEST) + LONGEST, *to = test_guarded(LONGEST) + LONGEST;
  for (size_t size = 0; size <= LONGEST; size++) {
    fill(from - size, size);
    lw_mask(to - size, from - size, size, key, size);
    CHECK(is_masked(to - size, size, size));
    for (size_t i = 0; i < size; i++) CHECK_INT((from - size)[i], plain(i));
  }
}

TEST(goes_on_where_the_last_piece_ended) {
  uint8_t data[LONGEST];
  for (size_t cut = 0; cut <= LONGEST; cut++) {
    fill(data, sizeof data);
    lw_mask(data, data, cut, key, 0);
    lw_mask(data + cut, data + cut, sizeof data - cut, key, cut);
    CHECK(is_masked(data, sizeof data, 0));
  }
}

TEST(needs_no_memory_for_nothing) {
  lw_mask(NULL, NULL, 0, key, 3);
}

int main(void) {
  RUN(masks_the_example_of_the_rfc);
  RUN(stays_inside_the_end);
  RUN(stays_inside_the_beginning);
  RUN(masks_at_every_alignment);
  RUN(copies_between_two_places);
  RUN(goes_on_where_the_last_piece_ended);
  RUN(needs_no_memory_for_nothing);
  return test_end();
}
