#include <stdlib.h>

#include "out_fixture.h"

static unsigned released[8];

static void count_release(void *context, intptr_t token) {
  ((unsigned *)context)[token]++;
}

static lw_out_owner owner(intptr_t token) {
  return (lw_out_owner){count_release, released, token};
}

static lw_out *take_counting(void) {
  memset(released, 0, sizeof released);
  return take();
}

static bool reference(lw_out *out, const void *data, size_t size, intptr_t token) {
  lw_out_owner keeper = owner(token);
  return lw_out_reference(out, data, size, &keeper);
}

TEST(starts_empty) {
  lw_out *out = take_counting();
  CHECK_INT(lw_out_size(out), 0);
  CHECK_INT(count_pieces(out), 0);
  CHECK(lw_out_reserve(out, 0) != NULL);
  lw_out_commit(out, 0);
  CHECK(lw_out_copy(out, NULL, 0));
  lw_out_advance(out, 0);
  CHECK_INT(count_pieces(out), 0);
  give(out);
}

TEST(puts_copies_side_by_side) {
  lw_out *out = take_counting();
  memcpy(lw_out_reserve(out, 4), "ab", 2);
  lw_out_commit(out, 2);
  CHECK(lw_out_copy(out, "cd", 2));
  memcpy(lw_out_reserve(out, 1), "e", 1);
  lw_out_commit(out, 1);
  CHECK_INT(count_pieces(out), 1);
  CHECK(holds(out, "abcde"));
  give(out);
}

TEST(keeps_copies_and_references_in_order) {
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, "ab", 2));
  CHECK(reference(out, "cdef", 4, 0));
  CHECK(reference(out, "gh", 2, 1));
  CHECK(lw_out_copy(out, "ij", 2));
  CHECK(lw_out_copy(out, "k", 1));
  CHECK_INT(count_pieces(out), 4);
  CHECK(holds(out, "abcdefghijk"));
  give(out);
  CHECK_INT(released[0], 1);
  CHECK_INT(released[1], 1);
}

TEST(advances_by_single_bytes) {
  const char *text = "abcdefghijk";
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, "ab", 2));
  CHECK(reference(out, "cdef", 4, 0));
  CHECK(lw_out_copy(out, "gh", 2));
  CHECK(reference(out, "ijk", 3, 1));
  for (unsigned i = 0; i < 11; i++) {
    CHECK(holds(out, text + i));
    CHECK_INT(released[0], i >= 6);
    lw_out_advance(out, 1);
  }
  CHECK_INT(released[1], 1);
  CHECK_INT(lw_out_size(out), 0);
  give(out);
  CHECK_INT(released[0], 1);
  CHECK_INT(released[1], 1);
}

TEST(can_be_filled_again_when_all_is_written) {
  lw_out *out = take_counting();
  for (int i = 0; i < 1000; i++) {
    CHECK(lw_out_copy(out, "hello", 5));
    CHECK(reference(out, "!", 1, 0));
    lw_out_advance(out, 5);
    CHECK(holds(out, "!"));
    lw_out_advance(out, 1);
  }
  CHECK_INT(released[0], 1000);
  give(out);
}

TEST(appends_while_partly_written) {
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, "abc", 3));
  lw_out_advance(out, 2);
  CHECK(lw_out_copy(out, "de", 2));
  CHECK(reference(out, "fg", 2, 0));
  lw_out_advance(out, 4);
  CHECK(lw_out_copy(out, "h", 1));
  CHECK(holds(out, "gh"));
  give(out);
  CHECK_INT(released[0], 1);
}

TEST(appends_nothing_of_what_is_only_reserved) {
  lw_out *out = take_counting();
  CHECK(lw_out_reserve(out, 4) != NULL);
  CHECK(reference(out, "ab", 2, 0));
  memcpy(lw_out_reserve(out, 4), "xxxx", 4);
  lw_out_commit(out, 0);
  CHECK_INT(count_pieces(out), 1);
  CHECK(lw_out_reserve(out, 4) != NULL);
  CHECK(lw_out_copy(out, "c", 1));
  CHECK(holds(out, "abc"));
  give(out);
}

TEST(releases_an_empty_reference_at_once) {
  lw_out *out = take_counting();
  CHECK(reference(out, "", 0, 0));
  CHECK_INT(released[0], 1);
  CHECK_INT(count_pieces(out), 0);
  give(out);
  CHECK_INT(released[0], 1);
}

TEST(describes_at_most_what_was_asked_for) {
  uv_buf_t pieces[2];
  lw_out *out = take_counting();
  for (int i = 0; i < 5; i++) CHECK(reference(out, "x", 1, 0));
  CHECK_INT(lw_out_pieces(out, pieces, 2), 2);
  CHECK_INT(lw_out_pieces(out, pieces, 0), 0);
  give(out);
  CHECK_INT(released[0], 5);
}

TEST(describes_no_more_than_one_call_can_write) {
  uv_buf_t pieces[4];
  static const char byte;
  const size_t gib = (size_t)1 << 30;
  lw_out *out = take_counting();
  CHECK(reference(out, &byte, gib / 2, 0)); /* nobody reads them */
  CHECK(reference(out, &byte, gib, 1));
  CHECK(lw_out_copy(out, "a", 1));
  CHECK_INT(lw_out_pieces(out, pieces, 4), 2);
  CHECK_INT(pieces[1].len, gib / 2);
  lw_out_advance(out, gib);
  CHECK_INT(lw_out_pieces(out, pieces, 4), 2);
  CHECK_INT(pieces[0].len, gib / 2);
  CHECK_INT(lw_out_size(out), gib / 2 + 1);
  give(out);
}

TEST(refuses_sizes_that_overflow) {
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, "a", 1));
  CHECK(lw_out_reserve(out, SIZE_MAX) == NULL);
  CHECK(lw_out_reserve(out, SIZE_MAX - 1) == NULL);
  CHECK(!reference(out, "x", SIZE_MAX, 0));
  CHECK(holds(out, "a"));
  give(out);
  CHECK_INT(released[0], 0);
}

TEST(finds_itself_from_its_request) {
  lw_out *out = take_counting();
  give(out);
}

/* --- against a flat model --- */

#define MODEL_SIZE 200000
static uint8_t *model;
static size_t model_start, model_end;

static void append_random(lw_out *out) {
  size_t size = (size_t)(rand() % 8 == 0 ? rand() % 3000 : rand() % 40);
  if (model_end + size > MODEL_SIZE) return;
  uint8_t *data = model + model_end;
  for (size_t i = 0; i < size; i++) data[i] = (uint8_t)rand();
  /* The model's bytes do not move, so they can be referenced, too. */
  if (rand() % 3 == 0)
    (void)!reference(out, data, size, 0);
  else
    (void)!lw_out_copy(out, data, size);
  model_end += size;
}

static bool is_like_model(const lw_out *out) {
  static uv_buf_t pieces[4096];
  unsigned count = lw_out_pieces(out, pieces, 4096);
  size_t at = model_start;
  for (unsigned i = 0; i < count; i++) {
    if (memcmp(model + at, pieces[i].base, pieces[i].len) != 0) return false;
    at += pieces[i].len;
  }
  return at == model_end && lw_out_size(out) == model_end - model_start;
}

TEST(does_what_a_flat_buffer_would) {
  lw_out *out = take_counting();
  model = malloc(MODEL_SIZE);
  srand(1);
  for (int round = 0; round < 200; round++) {
    model_start = model_end = 0;
    for (int step = 0; step < 100; step++) {
      append_random(out);
      if (rand() % 4 == 0) {
        size_t size = (size_t)rand() % (model_end - model_start + 1);
        lw_out_advance(out, size);
        model_start += size;
      }
      CHECK(is_like_model(out));
    }
    lw_out_give(pool, out);
    out = lw_out_take(pool);
  }
  free(model);
  give(out);
}

/* --- out of memory --- */

TEST(survives_a_failed_new_pool) {
  test_fail_allocation(1);
  CHECK(lw_out_pool_new() == NULL);
  lw_out_pool_free(NULL);
}

TEST(survives_a_failed_take) {
  pool = lw_out_pool_new();
  test_fail_allocation(1);
  CHECK(lw_out_take(pool) == NULL);
  lw_out *out = lw_out_take(pool);
  CHECK(out != NULL);
  give(out);
}

TEST(appends_nothing_when_bytes_cannot_grow) {
  static char block[5000];
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, "ab", 2));
  test_fail_allocation(1);
  CHECK(!lw_out_copy(out, block, sizeof block));
  CHECK(test_allocation_failed());
  CHECK(holds(out, "ab"));
  CHECK(lw_out_copy(out, block, sizeof block)); /* now from the heap */
  test_fail_allocation(1);
  CHECK(lw_out_reserve(out, 100000) == NULL);
  CHECK(test_allocation_failed());
  CHECK_INT(lw_out_size(out), sizeof block + 2);
  CHECK_INT(count_pieces(out), 1);
  give(out);
}

TEST(appends_nothing_when_pieces_cannot_grow) {
  lw_out *out = take_counting();
  unsigned appended = 0, failures = 0;
  while (failures < 3) {
    size_t before = lw_out_size(out);
    test_fail_allocation(1);
    bool is_appended = reference(out, "x", 1, 0);
    bool must_fail = test_allocation_failed();
    test_fail_allocation(0);
    CHECK(is_appended != must_fail);
    CHECK_INT(lw_out_size(out), before + is_appended);
    failures += must_fail;
    if (must_fail) CHECK(reference(out, "x", 1, 0));
    appended++;
  }
  give(out);
  CHECK_INT(released[0], appended);
}

TEST(reserves_nothing_when_pieces_cannot_grow) {
  lw_out *out = take_counting();
  for (int i = 0; i < 4; i++) CHECK(reference(out, "x", 1, 0));
  test_fail_allocation(1);
  CHECK(lw_out_reserve(out, 1) == NULL);
  CHECK(test_allocation_failed());
  CHECK(lw_out_copy(out, "y", 1));
  CHECK(holds(out, "xxxxy"));
  give(out);
}

/* --- the pool --- */

TEST(reuses_spares_and_their_memory) {
  static char block[60000];
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, block, sizeof block));
  lw_out_give(pool, out);
  test_fail_allocation(1); /* no allocation is needed */
  CHECK(lw_out_take(pool) == out);
  CHECK_INT(lw_out_size(out), 0);
  CHECK(lw_out_copy(out, block, sizeof block));
  CHECK(!test_allocation_failed());
  give(out);
}

TEST(keeps_no_large_buffers) {
  static char block[300000];
  lw_out *out = take_counting();
  CHECK(lw_out_copy(out, block, sizeof block));
  lw_out_give(pool, out);
  CHECK(lw_out_take(pool) == out);
  test_fail_allocation(1);
  CHECK(!lw_out_copy(out, block, 60000));
  CHECK(test_allocation_failed());
  give(out);
}

TEST(keeps_a_bounded_number_of_spares) {
  lw_out *outs[100];
  pool = lw_out_pool_new();
  for (int i = 0; i < 100; i++) CHECK((outs[i] = lw_out_take(pool)) != NULL);
  for (int i = 0; i < 100; i++) lw_out_give(pool, outs[i]);
  unsigned spares = 0;
  for (int i = 0; i < 100; i++) {
    test_fail_allocation(1);
    lw_out *out = lw_out_take(pool);
    test_fail_allocation(0);
    if (out == NULL) break;
    outs[spares++] = out;
  }
  CHECK_INT(spares, 64);
  for (unsigned i = 0; i < spares; i++) lw_out_give(pool, outs[i]);
  lw_out_pool_free(pool);
}

int main(void) {
  RUN(starts_empty);
  RUN(puts_copies_side_by_side);
  RUN(keeps_copies_and_references_in_order);
  RUN(advances_by_single_bytes);
  RUN(can_be_filled_again_when_all_is_written);
  RUN(appends_while_partly_written);
  RUN(appends_nothing_of_what_is_only_reserved);
  RUN(releases_an_empty_reference_at_once);
  RUN(describes_at_most_what_was_asked_for);
  RUN(describes_no_more_than_one_call_can_write);
  RUN(refuses_sizes_that_overflow);
  RUN(finds_itself_from_its_request);
  RUN(does_what_a_flat_buffer_would);
  RUN(survives_a_failed_new_pool);
  RUN(survives_a_failed_take);
  RUN(appends_nothing_when_bytes_cannot_grow);
  RUN(appends_nothing_when_pieces_cannot_grow);
  RUN(reserves_nothing_when_pieces_cannot_grow);
  RUN(reuses_spares_and_their_memory);
  RUN(keeps_no_large_buffers);
  RUN(keeps_a_bounded_number_of_spares);
  return test_end();
}
