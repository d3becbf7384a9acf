#include "test.h"

#include <string.h>

#include "../proto/chunked.h"

typedef struct outcome {
  lw_result result;
  lw_error error;
  size_t used; /* bytes that belong to the body, or up to the illegal one */
  char body[256];
  size_t size;
} outcome;

/* Decodes in pieces, each of which ends at a guard page. */
static outcome decode(const char *text, size_t size, size_t piece) {
  lw_chunked chunked = {0};
  outcome o = {.result = LW_MORE};
  while (o.result == LW_MORE && o.used < size) {
    size_t part = size - o.used < piece ? size - o.used : piece, used, got;
    uint8_t *copy = test_guarded(part);
    memcpy(copy, text + o.used, part);
    o.result = lw_chunked_decode(&chunked, copy, part, &used, &got);
    if (got > used || o.size + got > sizeof o.body) test_failed(text, 0, "too much came out");
    memcpy(o.body + o.size, copy, got);
    o.size += got;
    o.used += used;
    test_guarded_free();
  }
  o.error = (lw_error)chunked.error;
  return o;
}

static const struct {
  const char *text, *body;
  size_t behind; /* bytes that belong to the next request */
} legal[] = {
    {"0\r\n\r\n", "", 0},
    {"5\r\nhello\r\n0\r\n\r\n", "hello", 0},
    {"1\r\nh\r\n04\r\nello\r\n000\r\n\r\nGET / HTTP/1.1\r\n", "hello", 16},
    {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0},
    {"2;name\r\nab\r\n1 ; a=\"b;\"\t;c\r\nc\r\n0;last\r\n\r\n", "abc", 0},
    {"3\r\n\r\n0\r\n0\r\n\r\n", "\r\n0", 0},
    {"1\r\na\r\n0\r\nExpires: never\r\nX:\r\n\r\n", "a", 0},
    {"0000000000000001\r\na\r\n0\r\n\r\n", "a", 0},
};

TEST(decodes) {
  for (size_t i = 0; i < sizeof legal / sizeof *legal; i++) {
    size_t size = strlen(legal[i].text);
    for (size_t piece = 1; piece <= size; piece++) {
      outcome o = decode(legal[i].text, size, piece);
      bool right = o.result == LW_DONE && o.used == size - legal[i].behind &&
                   o.size == strlen(legal[i].body) && memcmp(o.body, legal[i].body, o.size) == 0;
      if (!right) test_failed(legal[i].text, (int)piece, "is not decoded");
    }
  }
}

/* The last byte of each is the one that breaks the rule. */
static const struct {
  const char *text;
  lw_error error;
} illegal[] = {
    {"\r", LW_E_HTTP_CHUNK},
    {"\n", LW_E_HTTP_CHUNK},
    {" ", LW_E_HTTP_CHUNK},
    {"-", LW_E_HTTP_CHUNK},
    {"+", LW_E_HTTP_CHUNK},
    {"0x", LW_E_HTTP_CHUNK},
    {"g", LW_E_HTTP_CHUNK},
    {";", LW_E_HTTP_CHUNK},
    {"5\n", LW_E_HTTP_CHUNK},
    {"5\r\r", LW_E_HTTP_CHUNK},
    {"5 \r", LW_E_HTTP_CHUNK},
    {"5 6", LW_E_HTTP_CHUNK},
    {"5;a\n", LW_E_HTTP_CHUNK},
    {"5;a\x01", LW_E_HTTP_CHUNK},
    {"1\r\nab", LW_E_HTTP_CHUNK},
    {"1\r\na\n", LW_E_HTTP_CHUNK},
    {"1\r\na\r\r", LW_E_HTTP_CHUNK},
    {"1\r\na\r\n\r", LW_E_HTTP_CHUNK},
    {"00000000000000000", LW_E_HTTP_CHUNK},
    {"0\r\n ", LW_E_HTTP_OBS_FOLD},
    {"0\r\n\n", LW_E_HTTP_BARE_LF},
    {"0\r\na\n", LW_E_HTTP_BARE_LF},
    {"0\r\na ", LW_E_HTTP_FIELD_SPACE},
    {"0\r\na: b\r\n\r\r", LW_E_HTTP_BARE_CR},
};

TEST(refuses_at_the_first_illegal_byte) {
  for (size_t i = 0; i < sizeof illegal / sizeof *illegal; i++) {
    size_t size = strlen(illegal[i].text);
    for (size_t piece = 1; piece <= size; piece++) {
      if (decode(illegal[i].text, size - 1, piece).result == LW_BROKEN) {
        test_failed(illegal[i].text, (int)piece, "is broken too early");
      }
      outcome o = decode(illegal[i].text, size, piece);
      if (o.result != LW_BROKEN || o.error != illegal[i].error) {
        test_failed(illegal[i].text, (int)piece, "is not refused, or for something else");
      }
    }
  }
}

TEST(stays_broken) {
  lw_chunked chunked = {0};
  uint8_t wrong[] = "x", right[] = "0\r\n\r\n";
  size_t used, got;
  CHECK_INT(lw_chunked_decode(&chunked, wrong, 1, &used, &got), LW_BROKEN);
  CHECK_INT(lw_chunked_decode(&chunked, right, 5, &used, &got), LW_BROKEN);
  CHECK_INT(used, 0);
  CHECK_INT(got, 0);
}

/* A size that would overflow, also where only the last digit does it. */
TEST(refuses_sizes_over_53_bits) {
  static const char *const sizes[] = {"20000000000000",    "fffffffffffffff", "ffffffffffffffff",
                                      "10000000000000000", "1fffffffffffff0", "8000000000000000"};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    CHECK_INT(decode(sizes[i], strlen(sizes[i]), 1).error, LW_E_HTTP_CHUNK);
  }
  CHECK_INT(decode("1fffffffffffff\r\n", 16, 1).result, LW_MORE);
}

/* Feeds `count` times the text and tells the error. */
static lw_error feed(lw_chunked *chunked, const char *text, size_t count) {
  char copy[64];
  size_t size = strlen(text), used, got;
  for (size_t i = 0; i < count; i++) {
    memcpy(copy, text, size);
    if (lw_chunked_decode(chunked, (uint8_t *)copy, size, &used, &got) == LW_BROKEN) break;
  }
  return (lw_error)chunked->error;
}

TEST(bounds_extensions) {
  lw_chunked one = {0}, many = {0}, earned = {0};
  CHECK_INT(feed(&one, "1;", 1), LW_OK);
  CHECK_INT(feed(&one, "0123456789abcdef", 1024 - 1), LW_OK);
  CHECK_INT(feed(&one, "0123456789abcdef0", 1), LW_E_HTTP_CHUNK_EXTRA);
  CHECK_INT(feed(&many, "1;0123456789\r\nx\r\n", 1700), LW_E_HTTP_CHUNK_EXTRA);
  /* A signature behind each chunk is what some clients send. */
  CHECK_INT(feed(&earned, "20;chunk-sig=0123456789\r\n0123456789abcdef0123456789abcdef\r\n", 9999),
            LW_OK);
}

TEST(bounds_trailers) {
  lw_chunked fields = {0}, bytes = {0};
  CHECK_INT(feed(&fields, "0\r\n", 1), LW_OK);
  CHECK_INT(feed(&fields, "a: b\r\n", 100), LW_OK);
  CHECK_INT(feed(&fields, "a: b\r\n", 1), LW_E_HTTP_TOO_MANY_FIELDS);
  CHECK_INT(feed(&bytes, "0\r\na:", 1), LW_OK);
  CHECK_INT(feed(&bytes, "0123456789abcdef", 1023), LW_OK);
  CHECK_INT(feed(&bytes, "0123456789abcdef", 1), LW_E_HTTP_TOO_LARGE);
}

TEST(writes_heads_of_chunks) {
  static const struct {
    uint64_t size;
    const char *text;
  } cases[] = {{1, "1\r\n"},
               {15, "f\r\n"},
               {16, "10\r\n"},
               {65536, "10000\r\n"},
               {UINT64_MAX, "ffffffffffffffff\r\n"}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *head = (char *)test_guarded(LW_CHUNK_HEAD_MAX);
    size_t size = lw_chunked_head(head, cases[i].size);
    CHECK_INT(size, strlen(cases[i].text));
    CHECK(memcmp(head, cases[i].text, size) == 0);
  }
}

int main(void) {
  RUN(decodes);
  RUN(refuses_at_the_first_illegal_byte);
  RUN(stays_broken);
  RUN(refuses_sizes_over_53_bits);
  RUN(bounds_extensions);
  RUN(bounds_trailers);
  RUN(writes_heads_of_chunks);
  return test_end();
}
