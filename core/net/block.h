/* Bytes that many outputs reference at a time: what is sent to many peers is in memory once.
 *
 * A block is counted. Who fills it in does so before others see the bytes, and only adds behind
 * them; the capacity never changes, so the bytes stay where they are. */
#ifndef LW_NET_BLOCK_H
#define LW_NET_BLOCK_H

#include <stddef.h>
#include <stdint.h>

typedef struct lw_block {
  size_t references;
  size_t size, capacity; /* bytes in use, and in all */
  uint8_t data[];
} lw_block;

/* An empty block with one reference. NULL: no memory. */
lw_block *lw_block_new(size_t capacity);
lw_block *lw_block_hold(lw_block *block);
void lw_block_release(lw_block *block); /* NULL is fine */

#endif
