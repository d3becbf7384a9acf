#include "../proto/sha1.h"

#include <openssl/evp.h>
#include <string.h>

#include "test.h"

static bool is(const void *data, size_t size, const char *expected) {
  static const char digits[] = "0123456789abcdef";
  uint8_t digest[LW_SHA1_SIZE];
  char text[2 * LW_SHA1_SIZE + 1] = "";
  lw_sha1(digest, data, size);
  for (size_t i = 0; i < LW_SHA1_SIZE; i++) {
    text[2 * i] = digits[digest[i] >> 4];
    text[2 * i + 1] = digits[digest[i] & 15];
  }
  return strcmp(text, expected) == 0;
}

TEST(gives_the_known_digests) {
  static const char two_blocks[] = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
  CHECK(is("", 0, "da39a3ee5e6b4b0d3255bfef95601890afd80709"));
  CHECK(is("abc", 3, "a9993e364706816aba3e25717850c26c9cd0d89d"));
  CHECK(is(two_blocks, strlen(two_blocks), "84983e441c3bd26ebaae4aa1f95129e5e54670f1"));
}

/* Every length around the ends of blocks. */
TEST(agrees_with_openssl) {
  uint8_t data[300], digest[LW_SHA1_SIZE], expected[LW_SHA1_SIZE];
  for (size_t i = 0; i < sizeof data; i++) data[i] = (uint8_t)(i * 37 + (i >> 3));
  for (size_t size = 0; size <= sizeof data; size++) {
    uint8_t *guarded = test_guarded(size);
    memcpy(guarded, data, size);
    CHECK_INT(EVP_Digest(data, size, expected, NULL, EVP_sha1(), NULL), 1);
    lw_sha1(digest, guarded, size);
    CHECK(memcmp(digest, expected, sizeof digest) == 0);
    test_guarded_free();
  }
}

int main(void) {
  RUN(gives_the_known_digests);
  RUN(agrees_with_openssl);
  return test_end();
}
