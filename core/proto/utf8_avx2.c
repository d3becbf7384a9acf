/* The method of John Keiser and Daniel Lemire, "Validating UTF-8 In Less Than One Instruction Per
 * Byte" (2021): every illegal pair of bytes shows in three half bytes, so three table look-ups give
 * the set of rules that each could break, and a rule is broken where all three agree. */
#include "utf8_avx2.h"

#ifdef LW_UTF8_AVX2

#include <immintrin.h>

#define AVX2 __attribute__((target("avx2")))

enum {
  TOO_SHORT = 1 << 0,  /* a lead byte, then no continuation */
  TOO_LONG = 1 << 1,   /* ASCII, then a continuation */
  OVERLONG_3 = 1 << 2, /* E0 80..9F */
  TOO_LARGE = 1 << 3,  /* F4 90..BF, F5 and above */
  SURROGATE = 1 << 4,  /* ED A0..BF */
  OVERLONG_2 = 1 << 5, /* C0, C1 */
  OVERLONG_4 = 1 << 6, /* F0 80..8F, and F5 and above with 80..8F */
  TWO_TAILS = 1 << 7,  /* right only as third or fourth byte, which is looked at separately */
  TAILS = TOO_SHORT | TOO_LONG | TWO_TAILS /* do not depend on the low half */
};

#define ABOVE_F4 (TAILS | TOO_LARGE | OVERLONG_4)
#define ANY_TAIL (TOO_LONG | OVERLONG_2 | TWO_TAILS)

/* clang-format off */
static const uint8_t by_first_high[16] = {
    TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG, TOO_LONG,
    TWO_TAILS, TWO_TAILS, TWO_TAILS, TWO_TAILS,
    TOO_SHORT | OVERLONG_2,
    TOO_SHORT,
    TOO_SHORT | OVERLONG_3 | SURROGATE,
    TOO_SHORT | TOO_LARGE | OVERLONG_4};

static const uint8_t by_first_low[16] = {
    TAILS | OVERLONG_3 | OVERLONG_2 | OVERLONG_4,
    TAILS | OVERLONG_2,
    TAILS, TAILS,
    TAILS | TOO_LARGE,
    ABOVE_F4, ABOVE_F4, ABOVE_F4, ABOVE_F4, ABOVE_F4, ABOVE_F4, ABOVE_F4, ABOVE_F4,
    ABOVE_F4 | SURROGATE,
    ABOVE_F4, ABOVE_F4};

static const uint8_t by_second_high[16] = {
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT,
    ANY_TAIL | OVERLONG_3 | OVERLONG_4,
    ANY_TAIL | OVERLONG_3 | TOO_LARGE,
    ANY_TAIL | SURROGATE | TOO_LARGE,
    ANY_TAIL | SURROGATE | TOO_LARGE,
    TOO_SHORT, TOO_SHORT, TOO_SHORT, TOO_SHORT};
/* clang-format on */

AVX2 static inline __m256i load(const uint8_t *data) {
  return _mm256_loadu_si256((const __m256i *)(const void *)data);
}

AVX2 static inline __m256i fill(uint8_t byte) {
  return _mm256_set1_epi8((char)byte);
}

AVX2 static inline __m256i look_up(const uint8_t table[16], __m256i halves) {
  __m128i entries = _mm_loadu_si128((const __m128i *)(const void *)table);
  return _mm256_shuffle_epi8(_mm256_broadcastsi128_si256(entries), halves);
}

AVX2 static inline __m256i low_half(__m256i bytes) {
  return _mm256_and_si256(bytes, fill(0x0f));
}

AVX2 static inline __m256i high_half(__m256i bytes) {
  return low_half(_mm256_srli_epi16(bytes, 4));
}

/* Not zero where a rule is broken. */
AVX2 static inline __m256i check_32(const uint8_t *data) {
  __m256i now = load(data), before = load(data - 1);
  __m256i broken = _mm256_and_si256(look_up(by_first_high, high_half(before)),
                                    look_up(by_first_low, low_half(before)));
  broken = _mm256_and_si256(broken, look_up(by_second_high, high_half(now)));
  /* The top bit (TWO_TAILS) must be set exactly where a third or fourth byte is due. */
  __m256i third = _mm256_subs_epu8(load(data - 2), fill(0xe0 - 0x80));
  __m256i fourth = _mm256_subs_epu8(load(data - 3), fill(0xf0 - 0x80));
  __m256i due = _mm256_and_si256(_mm256_or_si256(third, fourth), fill(0x80));
  return _mm256_xor_si256(due, broken);
}

AVX2 static inline bool is_ascii_64(const uint8_t *data) {
  return _mm256_movemask_epi8(_mm256_or_si256(load(data), load(data + 32))) == 0;
}

AVX2 size_t lw__utf8_ascii_blocks(const uint8_t *data, size_t size) {
  size_t at = 0;
  for (; size - at >= 2 * LW_UTF8_BLOCK; at += 2 * LW_UTF8_BLOCK) {
    const uint8_t *second = data + at + LW_UTF8_BLOCK;
    __m256i any = _mm256_or_si256(load(data + at), load(data + at + 32));
    any = _mm256_or_si256(any, _mm256_or_si256(load(second), load(second + 32)));
    if (_mm256_movemask_epi8(any) != 0) break;
  }
  return at;
}

static inline bool is_open(const uint8_t *end) {
  return end[-1] >= 0xc0 || end[-2] >= 0xe0 || end[-3] >= 0xf0;
}

AVX2 bool lw__utf8_check_blocks(const uint8_t *data, size_t size) {
  for (const uint8_t *end = data + size; data < end; data += LW_UTF8_BLOCK) {
    if (is_ascii_64(data) && !is_open(data)) continue;
    __m256i broken = _mm256_or_si256(check_32(data), check_32(data + 32));
    if (!_mm256_testz_si256(broken, broken)) return false;
  }
  return true;
}

#endif
