#include "siphash.h"

typedef struct state {
  uint64_t a, b, c, d;
} state;

/* Bytes in the order of the machine that the hash is defined on, whatever ours is. */
static uint64_t read_word(const uint8_t *bytes, size_t size) {
  uint64_t word = 0;
  for (size_t i = 0; i < size; i++) word |= (uint64_t)bytes[i] << (8 * i);
  return word;
}

static uint64_t rotate(uint64_t word, unsigned bits) {
  return word << bits | word >> (64 - bits);
}

static void turn(state *s) {
  s->a += s->b;
  s->b = rotate(s->b, 13) ^ s->a;
  s->a = rotate(s->a, 32);
  s->c += s->d;
  s->d = rotate(s->d, 16) ^ s->c;
  s->a += s->d;
  s->d = rotate(s->d, 21) ^ s->a;
  s->c += s->b;
  s->b = rotate(s->b, 17) ^ s->c;
  s->c = rotate(s->c, 32);
}

static void take_word(state *s, uint64_t word) {
  s->d ^= word;
  turn(s);
  turn(s);
  s->a ^= word;
}

uint64_t lw_siphash(const uint8_t key[LW_SIPHASH_KEY], const void *data, size_t size) {
  const uint8_t *bytes = data;
  uint64_t low = read_word(key, 8), high = read_word(key + 8, 8);
  /* The constants spell "somepseudorandomlygeneratedbytes". */
  state s = {low ^ 0x736f6d6570736575, high ^ 0x646f72616e646f6d, low ^ 0x6c7967656e657261,
             high ^ 0x7465646279746573};
  size_t left = size;
  for (; left >= 8; left -= 8, bytes += 8) take_word(&s, read_word(bytes, 8));
  take_word(&s, read_word(bytes, left) | (uint64_t)(size & 0xff) << 56);
  s.c ^= 0xff;
  for (int i = 0; i < 4; i++) turn(&s);
  return s.a ^ s.b ^ s.c ^ s.d;
}
