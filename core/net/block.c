#include "block.h"

#include <stdlib.h>

lw_block *lw_block_new(size_t capacity) {
  if (capacity > SIZE_MAX - sizeof(lw_block)) return NULL;
  lw_block *block = malloc(sizeof *block + capacity);
  if (block == NULL) return NULL;
  block->references = 1;
  block->size = 0;
  block->capacity = capacity;
  return block;
}

lw_block *lw_block_hold(lw_block *block) {
  block->references++;
  return block;
}

void lw_block_release(lw_block *block) {
  if (block != NULL && --block->references == 0) free(block);
}
