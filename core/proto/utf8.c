#include "utf8.h"

#include <string.h>

#include "utf8_avx2.h"

/* The automaton: one state per set of bytes that may come next. Each class of bytes has a row that
 * holds, at bit position s, the successor of state s; states are numbered in steps of six bits, so
 * a row fits 64 bits and one step is a shift. The rows of all bytes ahead can be loaded while a
 * step waits for the last one. */
enum {
  BOUNDARY = 0,  /* between characters */
  BROKEN = 6,    /* no way out of it: all rows keep it */
  TAIL_1 = 12,   /* one more byte 80..BF */
  TAIL_2 = 18,   /* two more */
  TAIL_3 = 24,   /* three more */
  AFTER_E0 = 30, /* A0..BF, not overlong, then one more */
  AFTER_ED = 36, /* 80..9F, no surrogate, then one more */
  AFTER_F0 = 42, /* 90..BF, not overlong, then two more */
  AFTER_F4 = 48  /* 80..8F, not above U+10FFFF, then two more */
};
#define STATE_BITS 63

#define TO(from, to) ((uint64_t)(to) << (from))
#define ALL_BROKEN                                                                                 \
  (TO(BOUNDARY, BROKEN) | TO(BROKEN, BROKEN) | TO(TAIL_1, BROKEN) | TO(TAIL_2, BROKEN) |           \
   TO(TAIL_3, BROKEN) | TO(AFTER_E0, BROKEN) | TO(AFTER_ED, BROKEN) | TO(AFTER_F0, BROKEN) |       \
   TO(AFTER_F4, BROKEN))
/* Replaces the successor BROKEN of one state. */
#define BUT(from, to) (TO(from, BROKEN) ^ TO(from, to))
#define LEAD(to) (ALL_BROKEN ^ BUT(BOUNDARY, to))
#define ANY_TAIL (BUT(TAIL_1, BOUNDARY) ^ BUT(TAIL_2, TAIL_1) ^ BUT(TAIL_3, TAIL_2))

enum { ASCII, T80, T90, TA0, ILLEGAL, LEAD_2, E0, LEAD_3, ED, F0, LEAD_4, F4, CLASSES };

static const uint64_t rows[CLASSES] = {
    [ASCII] = LEAD(BOUNDARY),
    [T80] = ALL_BROKEN ^ ANY_TAIL ^ BUT(AFTER_ED, TAIL_1) ^ BUT(AFTER_F4, TAIL_2),
    [T90] = ALL_BROKEN ^ ANY_TAIL ^ BUT(AFTER_ED, TAIL_1) ^ BUT(AFTER_F0, TAIL_2),
    [TA0] = ALL_BROKEN ^ ANY_TAIL ^ BUT(AFTER_E0, TAIL_1) ^ BUT(AFTER_F0, TAIL_2),
    [ILLEGAL] = ALL_BROKEN,
    [LEAD_2] = LEAD(TAIL_1),
    [E0] = LEAD(AFTER_E0),
    [LEAD_3] = LEAD(TAIL_2),
    [ED] = LEAD(AFTER_ED),
    [F0] = LEAD(AFTER_F0),
    [LEAD_4] = LEAD(TAIL_3),
    [F4] = LEAD(AFTER_F4),
};

#define X4(class) class, class, class, class
#define X16(class) X4(class), X4(class), X4(class), X4(class)

/* clang-format off: one line for each sixteen bytes from 80 on. */
static const uint8_t classes[256] = {
    X16(ASCII), X16(ASCII), X16(ASCII), X16(ASCII),  X16(ASCII), X16(ASCII),  X16(ASCII),
    X16(ASCII), X16(T80),   X16(T90),   X16(TA0),    X16(TA0),   ILLEGAL,     ILLEGAL,
    LEAD_2,     LEAD_2,     X4(LEAD_2), X4(LEAD_2),  X4(LEAD_2), X16(LEAD_2), E0,
    LEAD_3,     LEAD_3,     LEAD_3,     X4(LEAD_3),  X4(LEAD_3), LEAD_3,      ED,
    LEAD_3,     LEAD_3,     F0,         LEAD_4,      LEAD_4,     LEAD_4,      F4,
    ILLEGAL,    ILLEGAL,    ILLEGAL,    X4(ILLEGAL), X4(ILLEGAL)};
/* clang-format on */

static uint64_t run(uint64_t state, const uint8_t *data, size_t size) {
  for (size_t i = 0; i < size; i++) state = rows[classes[data[i]]] >> (state & STATE_BITS);
  return state & STATE_BITS;
}

#define HIGH_BITS UINT64_C(0x8080808080808080)

static inline uint64_t load_word(const uint8_t *data) {
  uint64_t word;
  memcpy(&word, data, sizeof word);
  return word;
}

static inline bool ascii_8(const uint8_t *data) {
  return (load_word(data) & HIGH_BITS) == 0;
}

static inline bool ascii_32(const uint8_t *data) {
  uint64_t any =
      load_word(data) | load_word(data + 8) | load_word(data + 16) | load_word(data + 24);
  return (any & HIGH_BITS) == 0;
}

#ifdef LW_UTF8_AVX2

static bool has_avx2(void) {
  return __builtin_cpu_supports("avx2");
}

/* Below that, asking costs what is won. */
static size_t wide_ascii_size(const uint8_t *data, size_t size) {
  return size >= 4 * LW_UTF8_BLOCK && has_avx2() ? lw__utf8_ascii_blocks(data, size) : 0;
}

#else

static size_t wide_ascii_size(const uint8_t *data, size_t size) {
  (void)data;
  (void)size;
  return 0;
}

#endif

/* How many bytes at the beginning are surely ASCII. */
static size_t ascii_size(const uint8_t *data, size_t size) {
  size_t at = wide_ascii_size(data, size);
  while (size - at >= 32 && ascii_32(data + at)) at += 32;
  while (size - at >= 8 && ascii_8(data + at)) at += 8;
  /* The last word overlaps the one before, which saves a loop over single bytes. */
  return size >= 8 && size - at < 8 && ascii_8(data + size - 8) ? size : at;
}

/* Goes by 32 bytes, skipping those that are all ASCII, and looks for the end in between. */
static bool check_narrow(lw_utf8 *state, const uint8_t *data, size_t size) {
  uint64_t now = *state;
  for (; size >= 32 && now != BROKEN; data += 32, size -= 32) {
    if (now != BOUNDARY || !ascii_32(data)) now = run(now, data, 32);
  }
  now = run(now, data, size);
  *state = (lw_utf8)now;
  return now != BROKEN;
}

#ifdef LW_UTF8_AVX2

/* How many of the bytes before `end` begin a character that does not end there. */
static size_t unfinished(const uint8_t *end) {
  if (end[-1] >= 0xc0) return 1;
  if (end[-2] >= 0xe0) return 2;
  return end[-3] >= 0xf0 ? 3 : 0;
}

/* The vector check looks at the three bytes before each byte. The automaton takes the first three,
 * which also ends a character from an earlier piece, and everything from the last beginning of a
 * character that the blocks leave open. */
static bool check_wide(lw_utf8 *state, const uint8_t *data, size_t size) {
  uint64_t first = run(*state, data, 3);
  size_t end = 3 + (size - 3) / LW_UTF8_BLOCK * LW_UTF8_BLOCK;
  if (first == BROKEN || !lw__utf8_check_blocks(data + 3, end - 3)) return false;
  end -= unfinished(data + end);
  *state = BOUNDARY;
  return check_narrow(state, data + end, size - end);
}

static bool can_go_wide(size_t size) {
  return size >= 3 + LW_UTF8_BLOCK && has_avx2();
}

#else

static bool check_wide(lw_utf8 *state, const uint8_t *data, size_t size) {
  return check_narrow(state, data, size);
}

static bool can_go_wide(size_t size) {
  (void)size;
  return false;
}

#endif

bool lw_utf8_check(lw_utf8 *state, const uint8_t *data, size_t size) {
  size_t skip = *state == BOUNDARY ? ascii_size(data, size) : 0;
  if (skip == size) return true;
  data += skip;
  size -= skip;
  return can_go_wide(size) ? check_wide(state, data, size) : check_narrow(state, data, size);
}

bool lw_utf8_valid(const uint8_t *data, size_t size) {
  lw_utf8 state = BOUNDARY;
  return lw_utf8_check(&state, data, size) && state == BOUNDARY;
}
