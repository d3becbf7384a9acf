#include "mask.h"

#include <string.h>

/* What one instruction can mask: 16 bytes where the compiler knows vectors, else a machine word. */
#if defined(__GNUC__) && !defined(LW_PORTABLE)
typedef uint64_t lane __attribute__((vector_size(16)));
#else
typedef uint64_t lane;
#endif

#define LANES 4
#define BLOCK_SIZE (LANES * sizeof(lane))

/* The key as it meets eight bytes that begin at `offset`, in memory order. */
static uint64_t pattern_at(const uint8_t key[4], size_t offset) {
  const uint8_t turned[4] = {key[offset & 3], key[(offset + 1) & 3], key[(offset + 2) & 3],
                             key[(offset + 3) & 3]};
  uint32_t half;
  memcpy(&half, turned, sizeof half);
  return (uint64_t)half << 32 | half; /* both halves are equal, so byte order does not matter */
}

/* memcpy is how C says "unaligned"; it becomes one instruction. */
static inline lane load(const uint8_t *from) {
  lane value;
  memcpy(&value, from, sizeof value);
  return value;
}

static inline void mask_lane(uint8_t *to, lane value, lane pattern) {
  value ^= pattern;
  memcpy(to, &value, sizeof value);
}

/* All loads come before the stores: the compiler cannot know that `to` and `from` are equal or far
 * apart, and would wait for each store otherwise. */
static inline void mask_block(uint8_t *to, const uint8_t *from, lane pattern) {
  const size_t step = sizeof pattern;
  lane a = load(from), b = load(from + step), c = load(from + 2 * step), d = load(from + 3 * step);
  mask_lane(to, a, pattern);
  mask_lane(to + step, b, pattern);
  mask_lane(to + 2 * step, c, pattern);
  mask_lane(to + 3 * step, d, pattern);
}

static inline void mask_word(uint8_t *to, const uint8_t *from, uint64_t pattern) {
  uint64_t word;
  memcpy(&word, from, sizeof word);
  word ^= pattern;
  memcpy(to, &word, sizeof word);
}

static inline void mask_half(uint8_t *to, const uint8_t *from, uint32_t pattern) {
  uint32_t half;
  memcpy(&half, from, sizeof half);
  half ^= pattern;
  memcpy(to, &half, sizeof half);
}

/* Masks the whole blocks at the beginning and returns their size. */
static size_t mask_blocks(uint8_t *to, const uint8_t *from, size_t size, lane pattern) {
  size_t at = 0;
  for (; size - at >= BLOCK_SIZE; at += BLOCK_SIZE) mask_block(to + at, from + at, pattern);
  return at;
}

void lw_mask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t key[4], size_t offset) {
  uint64_t pattern = pattern_at(key, offset);
  lane wide = pattern ^ (lane) { 0 }; /* fills every element */
  size_t at = size < BLOCK_SIZE ? 0 : mask_blocks(to, from, size, wide);
  for (; at + sizeof wide <= size; at += sizeof wide) mask_lane(to + at, load(from + at), wide);
  if (at + sizeof pattern <= size) {
    mask_word(to + at, from + at, pattern);
    at += sizeof pattern;
  }
  if (at + 4 <= size) { /* the pattern is the same in both of its halves */
    mask_half(to + at, from + at, (uint32_t)pattern);
    at += 4;
  }
  for (; at < size; at++) to[at] = from[at] ^ key[(offset + at) & 3];
}
