#include "../siphash.h"

#include "test.h"

/* The test values of the paper and of its reference implementation: the key is 00 01 .. 0f, the
 * data 00 01 .. of each length. */
TEST(gives_the_published_values) {
  static const struct {
    size_t size;
    uint64_t hash;
  } values[] = {{0, 0x726fdb47dd0e0e31},
                {1, 0x74f839c593dc67fd},
                {7, 0xab0200f58b01d137},
                {8, 0x93f5f5799a932462},
                {15, 0xa129ca6149be45e5}};
  uint8_t bytes[LW_SIPHASH_KEY];
  for (uint8_t i = 0; i < sizeof bytes; i++) bytes[i] = i;
  for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
    CHECK(lw_siphash(bytes, bytes, values[i].size) == values[i].hash);
  }
}

TEST(reads_no_byte_too_many) {
  uint8_t key[LW_SIPHASH_KEY] = {0};
  for (size_t size = 1; size < 20; size++) {
    uint8_t *data = test_guarded(size);
    for (size_t i = 0; i < size; i++) data[i] = (uint8_t)i;
    CHECK(lw_siphash(key, data, size) != lw_siphash(key, data, size - 1));
    test_guarded_free();
  }
}

int main(void) {
  RUN(gives_the_published_values);
  RUN(reads_no_byte_too_many);
  return test_end();
}
