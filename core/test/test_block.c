#include "../net/block.h"

#include "out_fixture.h"

static lw_block *block_of(const char *text) {
  lw_block *block = lw_block_new(strlen(text));
  block->size = strlen(text);
  memcpy(block->data, text, block->size);
  return block;
}

static bool holds_pieces(const lw_out *out, const char *text, unsigned pieces) {
  return holds(out, text) && count_pieces(out) == pieces;
}

TEST(neighbours_make_one_piece) {
  lw_out *out = take();
  lw_block *block = block_of("abcdef"), *second = block_of("xyz");
  CHECK(lw_out_share(out, block, block->data, 2));
  CHECK(lw_out_share(out, block, block->data + 2, 2));
  CHECK_INT(block->references, 2);
  CHECK(holds_pieces(out, "abcd", 1));
  CHECK(lw_out_share(out, second, second->data, 3));
  CHECK(lw_out_share(out, block, block->data + 4, 1)); /* not behind "d" */
  CHECK(holds_pieces(out, "abcdxyze", 3));
  CHECK(lw_out_copy(out, "!", 1));
  CHECK(lw_out_share(out, block, block->data + 5, 1)); /* nor behind "e" */
  CHECK(holds_pieces(out, "abcdxyze!f", 5));
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
  CHECK(holds_pieces(out, "def", 1));
  lw_out_advance(out, 3);
  CHECK_INT(block->references, 1);
  CHECK(lw_out_share(out, block, block->data, 1)); /* nothing is left to be behind of */
  CHECK(holds_pieces(out, "a", 1));
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
  CHECK(holds_pieces(out, "aceg", 4));
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
