#include "deflate_pool.h"

#include <stdlib.h>

#ifdef LW_LIBDEFLATE
#include <libdeflate.h>
#endif

/* Each message needs one of each kind and gives it back, so more than a few are only ever spare
 * after many slow senders of compressed messages went away. */
#define SPARES_MAX 8

lw_deflate_pool *lw_deflate_pool_new(void) {
  return calloc(1, sizeof(lw_deflate_pool));
}

static void free_inflater(lw_inflater *inflater) {
  inflateEnd(&inflater->z);
  free(inflater);
}

static void free_deflater(lw_deflater *deflater) {
  deflateEnd(&deflater->z);
  free(deflater);
}

void lw_deflate_pool_free(lw_deflate_pool *pool) {
  if (pool == NULL) return;
  for (lw_inflater *spare = pool->inflaters, *next; spare != NULL; spare = next) {
    next = spare->next_spare;
    free_inflater(spare);
  }
  for (lw_deflater *spare = pool->deflaters, *next; spare != NULL; spare = next) {
    next = spare->next_spare;
    free_deflater(spare);
  }
#ifdef LW_LIBDEFLATE
  if (pool->compressor != NULL) libdeflate_free_compressor(pool->compressor);
#endif
  free(pool->piece);
  lw_buf_free(&pool->output);
  free(pool);
}

/* zlib's own allocations go through malloc by name, so that tests can make them fail. */
static void *zlib_alloc(void *opaque, unsigned count, unsigned size) {
  (void)opaque;
  return malloc((size_t)count * size);
}

static void zlib_free(void *opaque, void *memory) {
  (void)opaque;
  free(memory);
}

static void use_malloc(z_stream *z) {
  z->zalloc = zlib_alloc;
  z->zfree = zlib_free;
}

/* A negative number of bits asks zlib for no header and no checksum. */
static lw_inflater *new_inflater(int window_bits) {
  lw_inflater *inflater = calloc(1, sizeof *inflater);
  if (inflater == NULL) return NULL;
  use_malloc(&inflater->z);
  if (inflateInit2(&inflater->z, -window_bits) == Z_OK) return inflater;
  free(inflater);
  return NULL;
}

lw_inflater *lw__inflater_take(lw_deflate_pool *pool, int window_bits) {
  lw_inflater *inflater = pool->inflaters;
  if (inflater == NULL) return new_inflater(window_bits);
  pool->inflaters = inflater->next_spare;
  pool->inflater_count--;
  if (inflateReset2(&inflater->z, -window_bits) == Z_OK) return inflater;
  free_inflater(inflater);
  return NULL;
}

void lw__inflater_give(lw_deflate_pool *pool, lw_inflater *inflater) {
  if (pool->inflater_count == SPARES_MAX) {
    free_inflater(inflater);
    return;
  }
  inflater->next_spare = pool->inflaters;
  pool->inflaters = inflater;
  pool->inflater_count++;
}

static lw_deflater *new_deflater(const lw_deflate_options *options, int window_bits) {
  lw_deflater *deflater = calloc(1, sizeof *deflater);
  if (deflater == NULL) return NULL;
  deflater->level = options->level;
  deflater->memory_level = options->memory_level;
  deflater->window_bits = (uint8_t)window_bits;
  use_malloc(&deflater->z);
  if (deflateInit2(&deflater->z, options->level, Z_DEFLATED, -window_bits, options->memory_level,
                   Z_DEFAULT_STRATEGY) == Z_OK) {
    return deflater;
  }
  free(deflater);
  return NULL;
}

lw_deflater *lw__deflater_take(lw_deflate_pool *pool, const lw_deflate_options *options,
                               int window_bits) {
  for (lw_deflater **at = &pool->deflaters; *at != NULL; at = &(*at)->next_spare) {
    lw_deflater *spare = *at;
    bool fits = spare->level == options->level && spare->memory_level == options->memory_level &&
                spare->window_bits == window_bits;
    if (!fits) continue;
    *at = spare->next_spare;
    pool->deflater_count--;
    deflateReset(&spare->z);
    return spare;
  }
  return new_deflater(options, window_bits);
}

/* Servers of one loop may want different streams: the oldest make room for what is in use now. */
static void drop_oldest_deflater(lw_deflate_pool *pool) {
  lw_deflater **at = &pool->deflaters;
  while ((*at)->next_spare != NULL) at = &(*at)->next_spare;
  free_deflater(*at);
  *at = NULL;
  pool->deflater_count--;
}

void lw__deflater_give(lw_deflate_pool *pool, lw_deflater *deflater) {
  if (pool->deflater_count == SPARES_MAX) drop_oldest_deflater(pool);
  deflater->next_spare = pool->deflaters;
  pool->deflaters = deflater;
  pool->deflater_count++;
}

uint8_t *lw__inflate_piece(lw_deflate_pool *pool) {
  if (pool->piece == NULL) pool->piece = malloc(LW_INFLATE_PIECE);
  return pool->piece;
}
