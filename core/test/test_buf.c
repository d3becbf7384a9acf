#include "../proto/buf.h"

#include <string.h>

#include "test.h"

TEST(slices_compare) {
  CHECK_INT(lw_slice_of("abc").size, 3);
  CHECK_INT(lw_slice_of("").size, 0);
  CHECK_INT(lw_slice_of(NULL).size, 0);
  CHECK(lw_slice_equal(LW_SLICE("abc"), lw_slice_of("abc")));
  CHECK(lw_slice_equal(LW_SLICE(""), lw_slice_of(NULL)));
  CHECK(!lw_slice_equal(LW_SLICE("abc"), LW_SLICE("abd")));
  CHECK(!lw_slice_equal(LW_SLICE("abc"), LW_SLICE("ab")));
}

TEST(folds_ascii_letters_only) {
  CHECK(lw_slice_equal_nocase(LW_SLICE("UpGrade"), LW_SLICE("uPgRADE")));
  CHECK(lw_slice_equal_nocase(LW_SLICE("AZaz"), LW_SLICE("azAZ")));
  CHECK(lw_slice_equal_nocase(LW_SLICE(""), lw_slice_of(NULL)));
  CHECK(!lw_slice_equal_nocase(LW_SLICE("a"), LW_SLICE("ab")));
  CHECK(!lw_slice_equal_nocase(LW_SLICE("@"), LW_SLICE("`")));
  CHECK(!lw_slice_equal_nocase(LW_SLICE("["), LW_SLICE("{")));
  CHECK(!lw_slice_equal_nocase(LW_SLICE("\xc4"), LW_SLICE("\xe4")));
}

TEST(appends_and_drops) {
  lw_buf buf = {0};
  CHECK(lw_buf_append(&buf, NULL, 0));
  CHECK(buf.data == NULL);
  CHECK(lw_buf_append(&buf, "hello", 5));
  CHECK(lw_buf_append_slice(&buf, LW_SLICE(" world")));
  CHECK(lw_slice_equal((lw_slice){(char *)buf.data, buf.size}, LW_SLICE("hello world")));
  lw_buf_drop(&buf, 0);
  lw_buf_drop(&buf, 6);
  CHECK(lw_slice_equal((lw_slice){(char *)buf.data, buf.size}, LW_SLICE("world")));
  lw_buf_drop(&buf, 5);
  CHECK_INT(buf.size, 0);
  lw_buf_free(&buf);
  CHECK(buf.data == NULL && buf.size == 0 && buf.capacity == 0);
  lw_buf_drop(&buf, 0);
  lw_buf_free(&buf);
}

TEST(grows_geometrically) {
  lw_buf buf = {0};
  unsigned moves = 0;
  for (unsigned i = 0; i < 100000; i++) {
    size_t before = buf.capacity;
    uint8_t byte = (uint8_t)i;
    CHECK(lw_buf_append(&buf, &byte, 1));
    if (buf.capacity != before) moves++;
  }
  CHECK(moves <= 12);
  CHECK(buf.capacity <= 2 * buf.size);
  for (unsigned i = 0; i < 100000; i++) CHECK(buf.data[i] == (uint8_t)i);
  lw_buf_free(&buf);
}

TEST(keeps_the_limit) {
  lw_buf buf = {0};
  CHECK(lw_buf_reserve(&buf, 0, 0));
  CHECK(buf.data == NULL);
  CHECK(!lw_buf_reserve(&buf, 11, 10));
  CHECK(lw_buf_reserve(&buf, 10, 10));
  CHECK_INT(buf.capacity, 10);
  memset(buf.data, 'x', 10);
  buf.size = 10;
  CHECK(!lw_buf_reserve(&buf, 1, 10));
  CHECK(!lw_buf_reserve(&buf, 1, 5)); /* a limit below what is there */
  CHECK(!lw_buf_reserve(&buf, SIZE_MAX, SIZE_MAX));
  CHECK(!lw_buf_reserve(&buf, SIZE_MAX - 9, SIZE_MAX));
  CHECK(lw_buf_reserve(&buf, 90, 100));
  CHECK_INT(buf.capacity, 100);
  CHECK(lw_buf_reserve(&buf, 91, 150)); /* twice 100 is too much: up to the limit */
  CHECK_INT(buf.capacity, 150);
  CHECK(memcmp(buf.data, "xxxxxxxxxx", 10) == 0);
  lw_buf_free(&buf);
}

TEST(stays_as_it_was_without_memory) {
  lw_buf buf = {0};
  test_fail_allocation(1);
  CHECK(!lw_buf_append(&buf, "a", 1));
  CHECK(buf.data == NULL && buf.size == 0 && buf.capacity == 0);
  CHECK(lw_buf_append(&buf, "abc", 3));
  size_t capacity = buf.capacity;
  test_fail_allocation(1);
  CHECK(!lw_buf_reserve(&buf, capacity, SIZE_MAX));
  CHECK(buf.size == 3 && buf.capacity == capacity && memcmp(buf.data, "abc", 3) == 0);
  lw_buf_free(&buf);
}

int main(void) {
  RUN(slices_compare);
  RUN(folds_ascii_letters_only);
  RUN(appends_and_drops);
  RUN(grows_geometrically);
  RUN(keeps_the_limit);
  RUN(stays_as_it_was_without_memory);
  return test_end();
}
