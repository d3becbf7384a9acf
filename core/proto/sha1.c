#include "sha1.h"

#include <string.h>

#include "sha1_x86.h"

#define BLOCK 64
#define ROUNDS 80

static uint32_t rotate(uint32_t x, unsigned bits) {
  return x << bits | x >> (32 - bits);
}

static uint32_t load_big_endian(const uint8_t *bytes) {
  return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

static void store_big_endian(uint8_t *bytes, uint32_t x) {
  for (unsigned i = 0; i < 4; i++) bytes[i] = (uint8_t)(x >> (24 - 8 * i));
}

/* FIPS 180-4 section 4.1.1; there are four phases of as many rounds. */
static inline uint32_t mix(unsigned phase, uint32_t b, uint32_t c, uint32_t d) {
  if (phase == 0) return d ^ (b & (c ^ d));
  if (phase == 2) return (b & c) | (d & (b | c));
  return b ^ c ^ d;
}

/* Section 6.1.2, step 3; a phase that the compiler knows costs no branch. Instead of moving the
 * five words around, the next round gets them by other names: what is returned is the next `a`, and
 * comes in the place of e. */
static inline uint32_t hash_round(unsigned phase, uint32_t w, uint32_t a, uint32_t *b, uint32_t c,
                                  uint32_t d, uint32_t e) {
  static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t sum = mix(phase, *b, c, d) + e + k[phase] + w;
  *b = rotate(*b, 30);
  return sum + rotate(a, 5);
}

static inline void hash_phase(uint32_t s[5], const uint32_t *w, unsigned phase) {
  uint32_t a = s[0], b = s[1], c = s[2], d = s[3], e = s[4];
  for (unsigned t = 0; t < ROUNDS / 4; t += 5) {
    e = hash_round(phase, w[t], a, &b, c, d, e);
    d = hash_round(phase, w[t + 1], e, &a, b, c, d);
    c = hash_round(phase, w[t + 2], d, &e, a, b, c);
    b = hash_round(phase, w[t + 3], c, &d, e, a, b);
    a = hash_round(phase, w[t + 4], b, &c, d, e, a);
  }
  s[0] = a;
  s[1] = b;
  s[2] = c;
  s[3] = d;
  s[4] = e;
}

static void hash_block_portably(uint32_t h[5], const uint8_t *block) {
  uint32_t w[ROUNDS], s[5];
  for (unsigned t = 0; t < 16; t++) w[t] = load_big_endian(block + 4 * t);
  for (unsigned t = 16; t < ROUNDS; t++)
    w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  memcpy(s, h, sizeof s);
  hash_phase(s, w, 0);
  hash_phase(s, w + 20, 1);
  hash_phase(s, w + 40, 2);
  hash_phase(s, w + 60, 3);
  for (unsigned i = 0; i < 5; i++) h[i] += s[i];
}

static void hash_block(uint32_t h[5], const uint8_t *block) {
#ifdef LW_SHA1_X86
  if (__builtin_cpu_supports("sha") && __builtin_cpu_supports("ssse3")) {
    lw__sha1_block_x86(h, block);
    return;
  }
#endif
  hash_block_portably(h, block);
}

/* The last bytes, a single one bit, zeros, and the length in bits at the end of a block. */
static void hash_end(uint32_t h[5], const uint8_t *rest, size_t rest_size, uint64_t size) {
  uint8_t end[2 * BLOCK] = {0};
  size_t end_size = rest_size < BLOCK - 8 ? BLOCK : 2 * BLOCK;
  memcpy(end, rest, rest_size);
  end[rest_size] = 0x80;
  store_big_endian(end + end_size - 8, (uint32_t)(size >> 29));
  store_big_endian(end + end_size - 4, (uint32_t)(size << 3));
  for (size_t at = 0; at < end_size; at += BLOCK) hash_block(h, end + at);
}

void lw_sha1(uint8_t digest[LW_SHA1_SIZE], const void *data, size_t size) {
  uint32_t h[5] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  const uint8_t *bytes = data;
  size_t whole = size / BLOCK * BLOCK;
  for (size_t at = 0; at < whole; at += BLOCK) hash_block(h, bytes + at);
  hash_end(h, bytes + whole, size - whole, size);
  for (unsigned i = 0; i < 5; i++) store_big_endian(digest + 4 * i, h[i]);
}
