#include "../proto/utf8.h"

#include <string.h>

#include "test.h"

/* RFC 3629 section 4 word for word, the slow way: the size of the character that begins here, 0
 * when none does, and -1 when the range ends inside one. */
static int character_size(const uint8_t *data, size_t size) {
  static const struct {
    uint8_t first_low, first_high, second_low, second_high;
    int size;
  } forms[] = {
      {0x00, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
      {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
      {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4}};
  for (size_t i = 0; i < sizeof forms / sizeof *forms; i++) {
    if (data[0] < forms[i].first_low || data[0] > forms[i].first_high) continue;
    for (int at = 1; at < forms[i].size; at++) {
      uint8_t low = at == 1 ? forms[i].second_low : 0x80;
      uint8_t high = at == 1 ? forms[i].second_high : 0xbf;
      if ((size_t)at == size) return -1;
      if (data[at] < low || data[at] > high) return 0;
    }
    return forms[i].size;
  }
  return 0;
}

/* 1: valid, 0: impossible, -1: the last character is incomplete. */
static int model(const uint8_t *data, size_t size) {
  while (size > 0) {
    int step = character_size(data, size);
    if (step <= 0) return step;
    data += step;
    size -= (size_t)step;
  }
  return 1;
}

static int checked(const uint8_t *data, size_t size) {
  lw_utf8 state = 0;
  if (!lw_utf8_check(&state, data, size)) return 0;
  return state == 0 ? 1 : -1;
}

TEST(agrees_with_the_rfc_on_all_short_texts) {
  uint8_t text[4];
  for (unsigned i = 0; i < 1u << 24; i++) {
    /* The bytes at the edges of all classes, in all combinations of four. */
    static const uint8_t edges[] = {0x00, 0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                    0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
                                    0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xf8, 0xff};
    enum { EDGES = sizeof edges };
    if (i == EDGES * EDGES * EDGES * EDGES) break;
    text[0] = edges[i % EDGES];
    text[1] = edges[i / EDGES % EDGES];
    text[2] = edges[i / (EDGES * EDGES) % EDGES];
    text[3] = edges[i / (EDGES * EDGES * EDGES)];
    CHECK_INT(checked(text, 4), model(text, 4));
  }
  for (unsigned i = 0; i < 1u << 16; i++) {
    text[0] = (uint8_t)i;
    text[1] = (uint8_t)(i >> 8);
    CHECK_INT(checked(text, 2), model(text, 2));
    CHECK_INT(checked(text, 1), model(text, 1));
  }
}

static size_t encode(uint8_t *to, unsigned long code) {
  if (code < 0x80) {
    to[0] = (uint8_t)code;
    return 1;
  }
  size_t size = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  static const uint8_t lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
  for (size_t i = size - 1; i > 0; i--, code >>= 6) to[i] = (uint8_t)(0x80 | (code & 0x3f));
  to[0] = (uint8_t)(lead[size] | code);
  return size;
}

TEST(knows_every_code_point) {
  uint8_t text[4];
  for (unsigned long code = 0; code < 0x120000; code++) {
    size_t size = encode(text, code);
    bool legal = code <= 0x10ffff && (code < 0xd800 || code > 0xdfff);
    CHECK_INT(lw_utf8_valid(text, size), legal);
    if (legal && size > 1) CHECK(!lw_utf8_valid(text, size - 1));
  }
}

/* Long enough for all the paths: vectors, words, single bytes. */
enum { LONGEST = 500 };

static const char *const samples[] = {
    "plain ASCII, all of it. ", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82",
    "\xe4\xbd\xa0\xe5\xa5\xbd\xef\xbb\xbf", "\xf0\x9f\x98\x80\xf4\x8f\xbf\xbf\xf0\x90\x80\x80",
    "na\xc3\xafve \xe2\x82\xac 5 \xf0\x9f\x98\x80 and some sixty ASCII bytes after it."};

static void fill(uint8_t *data, size_t size, const char *sample) {
  size_t length = strlen(sample);
  for (size_t i = 0; i < size; i++) data[i] = (uint8_t)sample[i % length];
}

TEST(stays_inside_both_ends) {
  uint8_t *end = test_guarded(LONGEST) + LONGEST, *front = test_guarded_front(LONGEST);
  for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
    for (size_t size = 0; size <= LONGEST; size++) {
      fill(end - size, size, samples[s]);
      fill(front, size, samples[s]);
      CHECK_INT(checked(end - size, size), model(end - size, size));
      CHECK_INT(checked(front, size), model(front, size));
    }
  }
}

/* Puts one wrong byte at each place of a long text. */
TEST(finds_one_wrong_byte_anywhere) {
  static const uint8_t wrong[] = {'a',  0x80, 0x90, 0xa0, 0xbf, 0xc0, 0xc1, 0xc3,
                                  0xe0, 0xe2, 0xed, 0xf0, 0xf1, 0xf4, 0xf5, 0xff};
  uint8_t text[LONGEST];
  for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
    for (size_t at = 0; at < LONGEST; at++) {
      for (size_t w = 0; w < sizeof wrong; w++) {
        fill(text, LONGEST, samples[s]);
        text[at] = wrong[w];
        CHECK_INT(checked(text, LONGEST), model(text, LONGEST));
      }
    }
  }
}

TEST(does_not_care_where_the_text_is_cut) {
  uint8_t text[LONGEST];
  for (size_t s = 0; s < sizeof samples / sizeof *samples; s++) {
    fill(text, LONGEST, samples[s]);
    for (size_t cut = 0; cut <= LONGEST; cut++) {
      lw_utf8 state = 0;
      CHECK(lw_utf8_check(&state, text, cut));
      CHECK_INT(state != 0, model(text, cut) == -1);
      CHECK(lw_utf8_check(&state, text + cut, LONGEST - cut));
      CHECK_INT(state != 0, model(text, LONGEST) == -1);
    }
  }
}

/* What began in the last piece must not be forgotten by the paths for long pieces. */
TEST(remembers_an_open_character) {
  uint8_t text[LONGEST];
  static const char *const open[] = {"\xc3", "\xe2",     "\xe2\x82",
                                     "\xf0", "\xf0\x9f", "\xf0\x9f\x98"};
  static const size_t missing[] = {1, 2, 1, 3, 2, 1};
  for (size_t i = 0; i < 6; i++) {
    for (size_t tails = 0; tails <= 5; tails++) {
      lw_utf8 state = 0;
      CHECK(lw_utf8_check(&state, (const uint8_t *)open[i], strlen(open[i])));
      memset(text, 'a', LONGEST);
      memset(text, i < 3 ? 0x82 : 0x9f, tails);
      CHECK_INT(lw_utf8_check(&state, text, LONGEST), tails == missing[i]);
    }
  }
}

static uint64_t random_state = 42;

static uint32_t random_number(void) {
  random_state = random_state * 6364136223846793005u + 1442695040888963407u;
  return (uint32_t)(random_state >> 33);
}

/* Mixed characters with one random byte at a random place, in two pieces. */
TEST(agrees_with_the_rfc_on_random_texts) {
  uint8_t text[LONGEST + 4];
  for (unsigned round = 0; round < 100000; round++) {
    size_t size = 0, target = random_number() % LONGEST;
    unsigned widest = random_number() % 4;
    while (size < target) {
      static const unsigned long limits[] = {0x80, 0x800, 0xd800, 0x10ffff};
      size += encode(text + size, random_number() % limits[random_number() % (widest + 1)]);
    }
    if (size > 0 && round % 2 == 0) text[random_number() % size] = (uint8_t)random_number();
    size_t cut = random_number() % (size + 1);
    lw_utf8 state = 0;
    bool legal = lw_utf8_check(&state, text, cut) && lw_utf8_check(&state, text + cut, size - cut);
    CHECK_INT(legal ? (state == 0 ? 1 : -1) : 0, model(text, size));
  }
}

TEST(fails_at_the_first_impossible_byte) {
  static const char *const texts[] = {"\x80",     "\xc0",      "\xc1",          "\xf5",
                                      "\xe0\x9f", "\xed\xa0",  "\xf0\x8f",      "\xf4\x90",
                                      "\xc3(",    "\xe2\x82(", "\xf0\x9f\x98(", "\xff"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
    const uint8_t *text = (const uint8_t *)texts[i];
    size_t size = strlen(texts[i]);
    lw_utf8 state = 0;
    for (size_t at = 0; at + 1 < size; at++) CHECK(lw_utf8_check(&state, text + at, 1));
    CHECK(!lw_utf8_check(&state, text + size - 1, 1));
  }
}

TEST(an_empty_piece_changes_nothing) {
  lw_utf8 state = 0;
  CHECK(lw_utf8_check(&state, NULL, 0));
  CHECK_INT(state, 0);
  CHECK(lw_utf8_check(&state, (const uint8_t *)"\xc3", 1));
  lw_utf8 before = state;
  CHECK(lw_utf8_check(&state, NULL, 0));
  CHECK_INT(state, before);
  CHECK(lw_utf8_valid(NULL, 0));
}

int main(void) {
  RUN(agrees_with_the_rfc_on_all_short_texts);
  RUN(knows_every_code_point);
  RUN(stays_inside_both_ends);
  RUN(finds_one_wrong_byte_anywhere);
  RUN(does_not_care_where_the_text_is_cut);
  RUN(remembers_an_open_character);
  RUN(agrees_with_the_rfc_on_random_texts);
  RUN(fails_at_the_first_impossible_byte);
  RUN(an_empty_piece_changes_nothing);
  return test_end();
}
