#include "out.h"

#include <stdlib.h>
#include <string.h>

/* The usual answer is one short frame: these hold it without another allocation. */
#define INLINE_PIECES 4
#define INLINE_BYTES 256
#define INLINE_MARKS 32

#define SPARES_MAX 64
#define SPARE_BYTES_MAX (64 * 1024)
#define SPARE_PIECES_MAX 256
#define SPARE_MARKS_MAX 4096

/* A mark of 64 bits, seven to the byte. */
#define MARK_MAX 10

/* One system call takes no more than this everywhere (macOS refuses more than INT_MAX). */
#define WRITE_MAX ((size_t)1 << 30)

struct piece {
  const uint8_t *data; /* referenced bytes, or NULL: the next `size` of the copied ones */
  size_t size;
  lw_out_owner owner; /* of referenced bytes only */
};

struct lw_out {
  uint8_t *bytes; /* all copied bytes, in order; they move when they grow */
  size_t bytes_used, bytes_capacity;
  size_t bytes_written; /* the copied bytes before this offset are written */
  size_t size;          /* of everything not yet written */

  struct piece *pieces; /* those from `first` up to `count` are not yet written */
  unsigned first, count, pieces_capacity;

  /* Each mark is the number of bytes since the one before, the low seven bits first, the top bit
   * set in all bytes but its last: small messages are many, and most marks take one byte. */
  uint8_t *marks;
  size_t marks_used, marks_capacity;
  size_t marks_passed;      /* the marks before this offset are behind what is written */
  size_t units;             /* marks that are not */
  size_t written;           /* bytes written since the lw_out was empty: what marks count from */
  size_t last_mark, passed; /* where the last mark stands, and the last one that was passed */
  uint32_t *pending;        /* of who counts units */

  lw_out *next_spare;
  struct piece inline_pieces[INLINE_PIECES];
  uint8_t inline_bytes[INLINE_BYTES];
  uint8_t inline_marks[INLINE_MARKS];
};

struct lw_out_pool {
  lw_out *spares;
  unsigned count;
};

/* --- the pool --- */

static void reset(lw_out *out) {
  out->bytes_used = out->bytes_written = out->size = 0;
  out->first = out->count = 0;
  out->marks_used = out->marks_passed = out->units = 0;
  out->written = out->last_mark = out->passed = 0;
}

static void use_inline_bytes(lw_out *out) {
  out->bytes = out->inline_bytes;
  out->bytes_capacity = INLINE_BYTES;
}

static void use_inline_pieces(lw_out *out) {
  out->pieces = out->inline_pieces;
  out->pieces_capacity = INLINE_PIECES;
}

static void use_inline_marks(lw_out *out) {
  out->marks = out->inline_marks;
  out->marks_capacity = INLINE_MARKS;
}

static void free_bytes(lw_out *out) {
  if (out->bytes != out->inline_bytes) free(out->bytes);
  use_inline_bytes(out);
}

static void free_pieces(lw_out *out) {
  if (out->pieces != out->inline_pieces) free(out->pieces);
  use_inline_pieces(out);
}

static void free_marks(lw_out *out) {
  if (out->marks != out->inline_marks) free(out->marks);
  use_inline_marks(out);
}

static void free_out(lw_out *out) {
  free_bytes(out);
  free_pieces(out);
  free_marks(out);
  free(out);
}

lw_out_pool *lw_out_pool_new(void) {
  return calloc(1, sizeof(lw_out_pool));
}

void lw_out_pool_free(lw_out_pool *pool) {
  if (pool == NULL) return;
  while (pool->spares != NULL) {
    lw_out *out = pool->spares;
    pool->spares = out->next_spare;
    free_out(out);
  }
  free(pool);
}

lw_out *lw_out_take(lw_out_pool *pool) {
  lw_out *out = pool->spares;
  if (out != NULL) {
    pool->spares = out->next_spare;
    pool->count--;
    return out;
  }
  out = malloc(sizeof *out);
  if (out == NULL) return NULL;
  use_inline_bytes(out);
  use_inline_pieces(out);
  use_inline_marks(out);
  reset(out);
  return out;
}

static void release(const struct piece *piece) {
  if (piece->data != NULL) piece->owner.release(piece->owner.context, piece->owner.token);
}

/* Nothing is left of it, whether it was written or not. */
static void empty(lw_out *out) {
  for (unsigned i = out->first; i < out->count; i++) release(&out->pieces[i]);
  reset(out);
}

void lw_out_give(lw_out_pool *pool, lw_out *out) {
  if (out->size > 0 || out->units > 0) empty(out);
  if (pool->count == SPARES_MAX) {
    free_out(out);
    return;
  }
  if (out->bytes_capacity > SPARE_BYTES_MAX) free_bytes(out);
  if (out->pieces_capacity > SPARE_PIECES_MAX) free_pieces(out);
  if (out->marks_capacity > SPARE_MARKS_MAX) free_marks(out);
  out->next_spare = pool->spares;
  pool->spares = out;
  pool->count++;
}

/* --- appending --- */

/* Makes a block of `capacity` bytes out of `block`, which may be the inline array. */
static void *grow(void *block, const void *inline_block, size_t used, size_t capacity) {
  if (block != inline_block) return realloc(block, capacity);
  void *grown = malloc(capacity);
  if (grown != NULL) memcpy(grown, block, used);
  return grown;
}

static bool grow_bytes(lw_out *out, size_t size) {
  if (size > SIZE_MAX / 2 - out->bytes_used) return false;
  size_t capacity = 4 * out->bytes_capacity;
  if (capacity > SPARE_BYTES_MAX) capacity = 2 * out->bytes_capacity;
  while (capacity - out->bytes_used < size) capacity *= 2;
  uint8_t *bytes = grow(out->bytes, out->inline_bytes, out->bytes_used, capacity);
  if (bytes == NULL) return false;
  out->bytes = bytes;
  out->bytes_capacity = capacity;
  return true;
}

static bool grow_pieces(lw_out *out) {
  if (out->pieces_capacity > UINT32_MAX / 4 / sizeof *out->pieces) return false;
  unsigned capacity = 4 * out->pieces_capacity;
  struct piece *pieces =
      grow(out->pieces, out->inline_pieces, out->count * sizeof *pieces, capacity * sizeof *pieces);
  if (pieces == NULL) return false;
  out->pieces = pieces;
  out->pieces_capacity = capacity;
  return true;
}

static bool ends_copied(const lw_out *out) {
  return out->count > 0 && out->pieces[out->count - 1].data == NULL;
}

uint8_t *lw_out_reserve(lw_out *out, size_t most) {
  if (most > out->bytes_capacity - out->bytes_used && !grow_bytes(out, most)) return NULL;
  if (out->count == out->pieces_capacity && !grow_pieces(out)) return NULL;
  return out->bytes + out->bytes_used;
}

/* Copied neighbours share a piece. */
void lw_out_commit(lw_out *out, size_t size) {
  if (size == 0) return;
  if (!ends_copied(out)) out->pieces[out->count++] = (struct piece){0};
  out->pieces[out->count - 1].size += size;
  out->bytes_used += size;
  out->size += size;
}

bool lw_out_copy(lw_out *out, const void *data, size_t size) {
  if (size == 0) return true;
  uint8_t *place = lw_out_reserve(out, size);
  if (place == NULL) return false;
  memcpy(place, data, size);
  lw_out_commit(out, size);
  return true;
}

bool lw_out_reference(lw_out *out, const void *data, size_t size, const lw_out_owner *owner) {
  if (size == 0) {
    owner->release(owner->context, owner->token);
    return true;
  }
  if (size > SIZE_MAX / 2 - out->size) return false;
  if (out->count == out->pieces_capacity && !grow_pieces(out)) return false;
  out->pieces[out->count++] = (struct piece){data, size, *owner};
  out->size += size;
  return true;
}

static void release_block(void *context, intptr_t token) {
  (void)token;
  lw_block_release(context);
}

bool lw_out_share(lw_out *out, lw_block *block, const uint8_t *data, size_t size) {
  struct piece *last = out->count > out->first ? &out->pieces[out->count - 1] : NULL;
  bool follows = last != NULL && last->data != NULL && last->owner.context == block &&
                 last->data + last->size == data;
  if (follows) {
    last->size += size;
    out->size += size;
    return true;
  }
  lw_out_owner owner = {release_block, lw_block_hold(block), 0};
  bool appended = lw_out_reference(out, data, size, &owner);
  if (!appended) lw_block_release(block);
  return appended;
}

/* --- marks --- */

static bool grow_marks(lw_out *out) {
  size_t capacity = 2 * out->marks_capacity;
  uint8_t *marks = grow(out->marks, out->inline_marks, out->marks_used, capacity);
  if (marks == NULL) return false;
  out->marks = marks;
  out->marks_capacity = capacity;
  return true;
}

bool lw_out_mark(lw_out *out, uint32_t *pending) {
  if (out->marks_capacity - out->marks_used < MARK_MAX && !grow_marks(out)) return false;
  size_t distance = out->written + out->size - out->last_mark;
  out->last_mark += distance;
  for (; distance >= 0x80; distance >>= 7) {
    out->marks[out->marks_used++] = (uint8_t)(distance | 0x80);
  }
  out->marks[out->marks_used++] = (uint8_t)distance;
  out->units++;
  out->pending = pending;
  return true;
}

/* Passes the next mark if what is written reaches it. */
static bool pass_mark(lw_out *out) {
  size_t distance = 0, at = out->marks_passed;
  if (out->units == 0) return false;
  for (unsigned shift = 0;; shift += 7) {
    uint8_t byte = out->marks[at++];
    distance |= (size_t)(byte & 0x7F) << shift;
    if ((byte & 0x80) == 0) break;
  }
  if (out->written - out->passed < distance) return false;
  out->passed += distance;
  out->marks_passed = at;
  out->units--;
  return true;
}

/* --- writing --- */

size_t lw_out_size(const lw_out *out) {
  return out->size;
}

unsigned lw_out_pieces(const lw_out *out, uv_buf_t *pieces, unsigned max) {
  const uint8_t *copied = out->bytes + out->bytes_written;
  size_t left = WRITE_MAX;
  unsigned n = 0;
  for (unsigned i = out->first; i < out->count && n < max && left > 0; i++) {
    const struct piece *piece = &out->pieces[i];
    const uint8_t *data = piece->data;
    if (data == NULL) {
      data = copied;
      copied += piece->size;
    }
    size_t size = piece->size < left ? piece->size : left;
    left -= size;
    pieces[n].base = (char *)data; /* libuv knows no const; it only reads */
    pieces[n++].len = size;
  }
  return n;
}

/* Marks up to `size` bytes of the first piece as written, and returns how many they are. */
static size_t advance_first(lw_out *out, size_t size) {
  struct piece *piece = &out->pieces[out->first];
  if (size > piece->size) size = piece->size;
  piece->size -= size;
  out->size -= size;
  out->written += size;
  if (piece->data == NULL) {
    out->bytes_written += size;
  } else if (piece->size > 0) {
    piece->data += size;
  }
  if (piece->size == 0) {
    out->first++;
    release(piece);
  }
  return size;
}

/* Returns how many units were finished. */
static size_t advance(lw_out *out, size_t size) {
  size_t units = out->units;
  if (size >= out->size) {
    empty(out);
    return units;
  }
  while (size > 0) size -= advance_first(out, size);
  while (pass_mark(out)) continue;
  return units - out->units;
}

void lw_out_advance(lw_out *out, size_t size) {
  size_t units = advance(out, size);
  if (units > 0) *out->pending -= (uint32_t)units;
}

bool lw_out_pass(lw_out *out, size_t size, lw_out *into) {
  for (size_t units = advance(out, size); units > 0; units--) {
    if (!lw_out_mark(into, out->pending)) return false;
  }
  return true;
}
