#include "sha1.h"

#include <string.h>

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

/* FIPS 180-4 section 6.1.2, whose names these are. */
static void hash_block(uint32_t h[5], const uint8_t *block) {
  static const uint32_t k[4] = {0x5a827999, 0x6ed9eba1, 0x8f1bbcdc, 0xca62c1d6};
  uint32_t w[ROUNDS], a = h[0], b = h[1], c = h[2], d = h[3], e = h[4];
  for (unsigned t = 0; t < 16; t++) w[t] = load_big_endian(block + 4 * t);
  for (unsigned t = 16; t < ROUNDS; t++)
    w[t] = rotate(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  for (unsigned t = 0; t < ROUNDS; t++) {
    uint32_t f = t < 20              ? (b & c) | (~b & d)
                 : t >= 40 && t < 60 ? (b & c) | (b & d) | (c & d)
                                     : b ^ c ^ d;
    uint32_t next = rotate(a, 5) + f + e + k[t / 20] + w[t];
    e = d;
    d = c;
    c = rotate(b, 30);
    b = a;
    a = next;
  }
  h[0] += a;
  h[1] += b;
  h[2] += c;
  h[3] += d;
  h[4] += e;
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
