#include "test.h"

#include <string.h>

#include "../proto/base64.h"

static const struct {
  const char *bytes, *text;
} vectors[] = {
    /* RFC 4648 section 10 */
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};
enum { VECTORS = sizeof vectors / sizeof *vectors };

TEST(encodes_the_vectors_of_rfc_4648) {
  for (size_t i = 0; i < VECTORS; i++) {
    size_t size = strlen(vectors[i].bytes), length = strlen(vectors[i].text);
    CHECK_INT(LW_BASE64_SIZE(size), length);
    uint8_t *from = test_guarded(size);
    char *to = (char *)test_guarded(length);
    if (size > 0) memcpy(from, vectors[i].bytes, size);
    lw_base64_encode(to, from, size);
    CHECK(memcmp(to, vectors[i].text, length) == 0);
    CHECK(lw_base64_is_encoding_of(size, to, length));
    test_guarded_free();
  }
}

TEST(accepts_what_it_encodes) {
  uint8_t bytes[64];
  char text[LW_BASE64_SIZE(sizeof bytes)];
  for (size_t size = 0; size <= sizeof bytes; size++) {
    for (size_t i = 0; i < size; i++) bytes[i] = (uint8_t)(i * 151 + size * 29);
    lw_base64_encode(text, bytes, size);
    CHECK(lw_base64_is_encoding_of(size, text, LW_BASE64_SIZE(size)));
    CHECK(!lw_base64_is_encoding_of(size + 1, text, LW_BASE64_SIZE(size)));
    CHECK(size == 0 || !lw_base64_is_encoding_of(size - 1, text, LW_BASE64_SIZE(size)));
  }
}

static bool is_encoding_of_16(const char *text) {
  size_t size = strlen(text);
  char *copy = (char *)test_guarded(size);
  memcpy(copy, text, size);
  bool answer = lw_base64_is_encoding_of(16, copy, size);
  test_guarded_free();
  return answer;
}

TEST(accepts_only_the_canonical_form) {
  CHECK(is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ=="));
  CHECK(is_encoding_of_16("AAAAAAAAAAAAAAAAAAAAAA=="));
  CHECK(is_encoding_of_16("/////////////////////w=="));
  CHECK(is_encoding_of_16("+/+/+/+/+/+/+/+/+/+/+w=="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZR==")); /* bits behind the last byte */
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ"));   /* no padding */
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ==="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ==="
                           "="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQA=")); /* 17 bytes */
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQAA")); /* 18 bytes */
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25j"));     /* 15 bytes */
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZ==="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub2=jZQ=="));
  CHECK(!is_encoding_of_16("dGhlIHNhbXBsZSBub25jZQ=A"));
}

TEST(accepts_only_the_alphabet) {
  for (int c = 1; c < 256; c++) {
    char text[] = "dGhlIHNhbXBsZSBub25jZQ==";
    text[5] = (char)c;
    bool legal = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 c == '+' || c == '/';
    CHECK_INT(is_encoding_of_16(text), legal);
  }
}

TEST(counts_bytes_without_overflow) {
  CHECK(!lw_base64_is_encoding_of(SIZE_MAX, "", 0));
  CHECK(!lw_base64_is_encoding_of(SIZE_MAX - 1, "", 0));
}

int main(void) {
  RUN(encodes_the_vectors_of_rfc_4648);
  RUN(accepts_what_it_encodes);
  RUN(accepts_only_the_canonical_form);
  RUN(accepts_only_the_alphabet);
  RUN(counts_bytes_without_overflow);
  return test_end();
}
