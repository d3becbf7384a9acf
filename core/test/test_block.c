#include "../net/block.h"

#include <string.h>

#include "../net/out.h"
#include "test.h"

static lw_out_pool *pool;

static lw_out *take(void) {
  pool = lw_out_pool_new();
  return lw_out_take(pool);
}

static void give(lw_out *out) {
  lw_out_give(pool, out);
  lw_out_pool_free(pool);
}

static lw_block *block_of(const char *text) {
  lw_block *block = lw_block_new(strlen(text));
  block->size = strlen(text);
  memcpy(block->data, text, block->size);
  return block;
}

/* Whether all that is unwritten is exactly this text, in so many pieces. */
static bool holds(const lw_out *out, const char *text, unsigned pieces_expected) {
  uv_buf_t pieces[16];
  unsigned count = lw_out_pieces(out, pieces, 16);
  size_t at = 0;
  for (unsigned i = 0; i < count; i++) {
    if (strncmp(text + at, pieces[i].base, pieces[i].len) != 0) return false;
    at += pieces[i].len;
  }
  return at == strlen(text) && lw_out_size(out) == at && count == pieces_expected;
}

TEST(neighbours_make_one_piece) {
  lw_out *out = take();
  lw_block *block = block_of("abcdef"), *second = block_of("xyz");
  CHECK(lw_out_share(out, block, block->data, 2));
  CHECK(lw_out_share(out, block, block->data + 2, 2));
  CHECK_INT(block->references, 2);
  CHECK(holds(out, "abcd", 1));
  CHECK(lw_out_share(out, second, second->data, 3));
  CHECK(lw_out_share(out, block, block->data + 4, 1)); /* not behind "d" */
  CHECK(holds(out, "abcdxyze", 3));
  CHECK(lw_out_copy(out, "!", 1));
  CHECK(lw_out_share(out, block, block->data + 5, 1)); /* nor behind "e" */
  CHECK(holds(out, "abcdxyze!f", 5));
  give(out);
  CHECK_INT(block->references, 1);
  CHECK_INT(second->references, 1);
  lw_block_release(block);
  lw_block_release(second);
  lw_block_release(NULL);
}

TEST(what_is_written_is_released) {
  lw_out *out = take();
  lw_block *block = block_of("abcdef");
  CHECK(lw_out_share(out, block, block->data, 4));
  CHECK(lw_out_share(out, block, block->data, 0));
  CHECK_INT(block->references, 2);
  lw_out_advance(out, 3);
  CHECK(lw_out_share(out, block, block->data + 4, 2)); /* behind what is half written */
  CHECK(holds(out, "def", 1));
  lw_out_advance(out, 3);
  CHECK_INT(block->references, 1);
  CHECK(lw_out_share(out, block, block->data, 1)); /* nothing is left to be behind of */
  CHECK(holds(out, "a", 1));
  give(out);
  CHECK_INT(block->references, 1);
  lw_block_release(block);
}

TEST(without_memory_nothing_is_appended) {
  lw_out *out = take();
  test_fail_allocation(1);
  CHECK(lw_block_new(1) == NULL);
  CHECK(lw_block_new(SIZE_MAX) == NULL);
  lw_block *block = block_of("abcdefghijkl");
  for (int i = 0; i < 4; i++) CHECK(lw_out_share(out, block, block->data + 2 * i, 1));
  test_fail_allocation(1);
  CHECK(!lw_out_share(out, block, block->data + 10, 1));
  CHECK_INT(block->references, 5);
  CHECK(holds(out, "aceg", 4));
  give(out);
  CHECK_INT(block->references, 1);
  lw_block_release(block);
}

int main(void) {
  RUN(neighbours_make_one_piece);
  RUN(what_is_written_is_released);
  RUN(without_memory_nothing_is_appended);
  return test_end();
}
