/* Which units of its owner's an lw_out knows to be written. */
#include "out_fixture.h"

static void release_nothing(void *context, intptr_t token) {
  (void)context, (void)token;
}

static const lw_out_owner nobody = {release_nothing, NULL, 0};

TEST(counts_units_that_are_written) {
  uint32_t pending = 3;
  lw_out *out = take();
  CHECK(lw_out_copy(out, "abc", 3) && lw_out_mark(out, &pending));
  CHECK(lw_out_reference(out, "defg", 4, &nobody) && lw_out_mark(out, &pending));
  CHECK(lw_out_copy(out, "h", 1)); /* belongs to nobody */
  CHECK(lw_out_copy(out, "ij", 2) && lw_out_mark(out, &pending));
  static const uint32_t left[] = {3, 3, 3, 2, 2, 2, 2, 1, 1, 1, 0};
  for (unsigned written = 0; written <= 10; written++) {
    CHECK_INT(pending, left[written]);
    lw_out_advance(out, 1);
  }
  give(out);
  CHECK_INT(pending, 0);
}

TEST(counts_all_units_at_once) {
  uint32_t pending = 1000;
  lw_out *out = take();
  for (int i = 0; i < 1000; i++) {
    CHECK(lw_out_copy(out, "x", 1));
    CHECK(lw_out_mark(out, &pending));
  }
  lw_out_advance(out, 1000);
  CHECK_INT(pending, 0);
  pending = 1;
  CHECK(lw_out_copy(out, "xy", 2) && lw_out_mark(out, &pending));
  lw_out_advance(out, 1);
  CHECK_INT(pending, 1);
  lw_out_advance(out, 1);
  CHECK_INT(pending, 0);
  give(out);
}

TEST(leaves_units_that_are_given_up) {
  uint32_t pending = 2;
  lw_out *out = take();
  for (int i = 0; i < 2; i++) CHECK(lw_out_copy(out, "ab", 2) && lw_out_mark(out, &pending));
  lw_out_advance(out, 3);
  lw_out_give(pool, out);
  CHECK_INT(pending, 1);
  out = lw_out_take(pool);
  CHECK(lw_out_copy(out, "abcd", 4));
  lw_out_advance(out, 2); /* nothing is left of the marks */
  CHECK_INT(pending, 1);
  give(out);
}

TEST(counts_units_of_any_size) {
  static const size_t sizes[] = {1, 127, 128, 16383, 16384, (size_t)1 << 30};
  static const char byte;
  const unsigned count = sizeof sizes / sizeof *sizes;
  uint32_t pending = count;
  lw_out *out = take();
  for (unsigned i = 0; i < count; i++) {
    CHECK(lw_out_reference(out, &byte, sizes[i], &nobody)); /* and nobody reads them */
    CHECK(lw_out_mark(out, &pending));
  }
  CHECK(lw_out_copy(out, "x", 1));
  for (unsigned i = 0; i < count; i++) {
    lw_out_advance(out, sizes[i] - 1);
    CHECK_INT(pending, count - i);
    lw_out_advance(out, 1);
    CHECK_INT(pending, count - i - 1);
  }
  give(out);
}

TEST(passes_units_on) {
  uint32_t pending = 3;
  lw_out *plain = take(), *cipher = lw_out_take(pool);
  CHECK(lw_out_copy(plain, "a", 1) && lw_out_mark(plain, &pending));
  CHECK(lw_out_copy(plain, "bc", 2) && lw_out_mark(plain, &pending));
  CHECK(lw_out_copy(plain, "defg", 4) && lw_out_mark(plain, &pending));
  CHECK(lw_out_copy(cipher, "12345", 5));
  CHECK(lw_out_pass(plain, 4, cipher)); /* two of them, and the beginning of the third */
  CHECK(lw_out_copy(cipher, "67", 2));
  CHECK(lw_out_pass(plain, 3, cipher));
  CHECK_INT(pending, 3);
  lw_out_advance(cipher, 4);
  CHECK_INT(pending, 3);
  lw_out_advance(cipher, 1);
  CHECK_INT(pending, 1);
  lw_out_give(pool, plain);
  CHECK_INT(pending, 1);
  lw_out_advance(cipher, 2);
  CHECK_INT(pending, 0);
  give(cipher);
}

TEST(marks_nothing_when_marks_cannot_grow) {
  uint32_t pending = 10000, failures = 0;
  lw_out *out = take(), *into = lw_out_take(pool);
  CHECK(lw_out_copy(into, "x", 1));
  for (int i = 0; i < 10000; i++) {
    CHECK(lw_out_copy(out, "a", 1));
    test_fail_allocation(1);
    bool is_marked = lw_out_mark(out, &pending);
    CHECK(is_marked != test_allocation_failed());
    test_fail_allocation(0);
    failures += !is_marked;
    CHECK(is_marked || lw_out_mark(out, &pending));
  }
  CHECK(failures > 0);
  test_fail_allocation(1);
  CHECK(!lw_out_pass(out, 9999, into));
  CHECK(test_allocation_failed());
  lw_out_give(pool, out);
  give(into);
}

int main(void) {
  RUN(counts_units_that_are_written);
  RUN(counts_all_units_at_once);
  RUN(leaves_units_that_are_given_up);
  RUN(counts_units_of_any_size);
  RUN(passes_units_on);
  RUN(marks_nothing_when_marks_cannot_grow);
  return test_end();
}
