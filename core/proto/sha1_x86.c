/* One instruction does four rounds of SHA-1 (FIPS 180-4 section 6.1.2), and two make four more
 * words of a block's schedule. The word that is first in memory is the highest in a vector. */
#include "sha1_x86.h"

#ifdef LW_SHA1_X86

#include <immintrin.h>

#define SHA __attribute__((target("sha,ssse3")))
#define VECTORS 20 /* of four words each: the schedule of 80 rounds */

SHA static inline __m128i load(const void *from) {
  return _mm_loadu_si128((const __m128i *)from);
}

SHA static inline void fill_schedule(__m128i w[VECTORS], const uint8_t *block) {
  const __m128i order = _mm_set_epi64x(0x0001020304050607, 0x08090a0b0c0d0e0f);
  for (int i = 0; i < 4; i++) w[i] = _mm_shuffle_epi8(load(block + 16 * i), order);
  for (int i = 4; i < VECTORS; i++) {
    __m128i sum = _mm_xor_si128(_mm_sha1msg1_epu32(w[i - 4], w[i - 3]), w[i - 2]);
    w[i] = _mm_sha1msg2_epu32(sum, w[i - 1]);
  }
}

/* A quarter of all rounds. The number of the phase is a part of the instruction. `before` is what
 * abcd was four rounds ago: its a, rotated, is e now. */
#define PHASE(number)                                                                              \
  for (int i = 5 * (number); i < 5 * (number) + 5; i++) {                                          \
    __m128i e_and_words = _mm_sha1nexte_epu32(before, w[i]);                                       \
    before = abcd;                                                                                 \
    abcd = _mm_sha1rnds4_epu32(abcd, e_and_words, number);                                         \
  }

SHA void lw__sha1_block_x86(uint32_t h[5], const uint8_t *block) {
  __m128i w[VECTORS];
  fill_schedule(w, block);
  __m128i start = _mm_shuffle_epi32(load(h), 0x1b), abcd = start;
  uint32_t not_rotated = h[4] << 2 | h[4] >> 30;
  __m128i before = _mm_set_epi32((int)not_rotated, 0, 0, 0);
  PHASE(0)
  PHASE(1)
  PHASE(2)
  PHASE(3)
  abcd = _mm_shuffle_epi32(_mm_add_epi32(abcd, start), 0x1b);
  __m128i e = _mm_sha1nexte_epu32(before, _mm_set_epi32((int)h[4], 0, 0, 0));
  _mm_storeu_si128((__m128i *)(void *)h, abcd);
  h[4] = (uint32_t)_mm_cvtsi128_si32(_mm_shuffle_epi32(e, 3));
}

#endif
