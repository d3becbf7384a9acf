/* What all compressed connections of one loop share: zlib's streams and two buffers.
 *
 * A stream costs 60 us to make and up to 268 KB to keep, so a connection that does not take its
 * window over from message to message borrows one for the length of a message, and one that does
 * brings it back in the end. One thread at a time may use a pool and what was taken from it. */
#ifndef LW_PROTO_DEFLATE_POOL_H
#define LW_PROTO_DEFLATE_POOL_H

#include <zlib.h>

#include "buf.h"
#include "deflate.h"

/* Inflated text comes out in pieces of at most this size, which hold a message of 64 KiB. */
#define LW_INFLATE_PIECE (64 * 1024 + 64)

typedef struct lw_inflater lw_inflater;
struct lw_inflater {
  z_stream z; /* the first member: what zlib's allocator was told is of no interest here */
  lw_inflater *next_spare;
};

typedef struct lw_deflater lw_deflater;
struct lw_deflater {
  z_stream z;
  lw_deflater *next_spare;
  uint8_t level, memory_level, window_bits;
};

struct lw_deflate_pool {
  lw_inflater *inflaters;
  lw_deflater *deflaters;
  unsigned inflater_count, deflater_count;
  uint8_t *piece;   /* LW_INFLATE_PIECE bytes of inflated text, NULL until first needed */
  lw_buf output;    /* the compressed payload that was made last */
  void *compressor; /* of libdeflate, NULL until first needed */
  uint8_t compressor_level;
};

/* A stream at its beginning with an empty window. NULL: no memory. */
lw_inflater *lw__inflater_take(lw_deflate_pool *pool, int window_bits);
void lw__inflater_give(lw_deflate_pool *pool, lw_inflater *inflater);

lw_deflater *lw__deflater_take(lw_deflate_pool *pool, const lw_deflate_options *options,
                               int window_bits);
void lw__deflater_give(lw_deflate_pool *pool, lw_deflater *deflater);

/* The buffer for inflated text; NULL: no memory. */
uint8_t *lw__inflate_piece(lw_deflate_pool *pool);

#endif
