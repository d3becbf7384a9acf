/* Compressed payloads.
 *
 * The first byte chooses what was agreed on and what to do, the next two the sizes of the pieces.
 * Either the rest is what a peer claims to have compressed, inflated whole and in pieces, which
 * must come to the same; or it is a text that is compressed, in fragments, and must come back. */
#include <string.h>

#include "../proto/deflate.h"
#include "fuzz.h"

static const lw_deflate_options options = {.level = 6, .memory_level = 5, .window_bits = 15};

typedef struct inflated {
  lw_buf text;
  lw_error error;
} inflated;

static size_t next_size(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  return (*seed >> 24) % 16 + 1;
}

/* Feeds one piece, a block of its own, until it is taken. False at an error or above the limit. */
static bool feed(lw_deflate *d, inflated *result, const uint8_t *data, size_t size, bool last,
                 size_t limit) {
  for (bool more = true; more;) {
    uint8_t *piece = malloc(size + 1);
    MUST(piece != NULL);
    if (size > 0) memcpy(piece, data, size);
    lw_inflation x = {.data = piece, .size = size, .last = last};
    x.room = limit + 1 - result->text.size;
    result->error = lw_inflate(d, &x);
    free(piece);
    MUST(x.used <= size && x.piece.size <= x.room);
    MUST(lw_buf_append_slice(&result->text, x.piece));
    if (result->text.size > limit) result->error = LW_E_MESSAGE_TOO_BIG;
    if (result->error != LW_OK) return false;
    MUST(x.more || x.used == size);
    data += x.used;
    size -= x.used;
    more = x.more;
  }
  return true;
}

static inflated inflate_in_pieces(lw_deflate *d, lw_slice payload, uint32_t seed, size_t limit) {
  inflated result = {.error = LW_OK};
  const uint8_t *data = (const uint8_t *)payload.data;
  size_t at = 0, step;
  do {
    step = seed == 0 ? payload.size : next_size(&seed);
    if (step > payload.size - at) step = payload.size - at;
    if (!feed(d, &result, data + at, step, at + step == payload.size, limit)) break;
    at += step;
  } while (at < payload.size);
  lw_inflate_stop(d);
  return result;
}

static void check_same(inflated *a, inflated *b) {
  MUST(a->error == b->error);
  MUST(lw_slice_equal(fuzz_slice(&a->text), fuzz_slice(&b->text)));
  lw_buf_free(&a->text);
  lw_buf_free(&b->text);
}

static void fuzz_inflate(lw_deflate *d, lw_deflate *other, lw_slice payload, uint32_t seed) {
  static const size_t limit = 100000;
  inflated whole = inflate_in_pieces(d, payload, 0, limit);
  inflated pieces = inflate_in_pieces(other, payload, seed | 1, limit);
  check_same(&whole, &pieces);
}

/* Sends the text twice, the second time in fragments. */
static void fuzz_round_trip(lw_deflate *d, lw_deflate *other, lw_slice text, uint32_t seed) {
  lw_slice payload;
  lw_buf sent = {0};
  bool plain = lw_deflate_message(d, &text, 1, &payload) == LW_DEFLATE_PLAIN;
  for (int round = plain; round < 2; round++) {
    if (round == 0) MUST(lw_buf_append_slice(&sent, payload));
    for (size_t at = 0, step = 0; round == 1 && (at < text.size || at == 0); at += step) {
      step = next_size(&seed) * 16;
      if (step > text.size - at) step = text.size - at;
      lw_slice part = {text.data + at, step};
      bool final = at + step == text.size;
      MUST(lw_deflate_fragment(d, &part, 1, final, &payload) == LW_DEFLATED);
      MUST(lw_buf_append_slice(&sent, payload));
      if (final) break;
    }
    inflated got = {.error = LW_OK};
    MUST(feed(other, &got, sent.data, sent.size, true, text.size));
    MUST(lw_slice_equal(fuzz_slice(&got.text), text));
    lw_buf_free(&got.text);
    sent.size = 0;
  }
  lw_buf_free(&sent);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size < 3) return 0;
  bool takeover = (data[0] & 1) != 0;
  bool round_trip = (data[0] & 0x80) != 0;
  /* Hostile payloads meet the largest window only: with a smaller one zlib sees a distance that
   * reaches beyond it when the text comes in several pieces, and not when it comes in one. */
  uint8_t bits = round_trip ? (uint8_t)(9 + (data[0] >> 1) % 7) : 15;
  const lw_deflate_agreement agreement = {.own_bits = bits,
                                          .peer_bits = bits,
                                          .own_takeover = takeover,
                                          .peer_takeover = takeover,
                                          .peer_forgets = !takeover};
  lw_deflate_pool *pool = lw_deflate_pool_new();
  MUST(pool != NULL);
  lw_deflate *d = lw_deflate_new(pool, &options, &agreement);
  lw_deflate *other = lw_deflate_new(pool, &options, &agreement);
  MUST(d != NULL && other != NULL);
  uint32_t seed = (uint32_t)data[1] << 8 | data[2];
  lw_slice rest = {(const char *)data + 3, size - 3};
  if (round_trip) {
    fuzz_round_trip(d, other, rest, seed);
  } else {
    fuzz_inflate(d, other, rest, seed);
  }
  lw_deflate_free(d);
  lw_deflate_free(other);
  lw_deflate_pool_free(pool);
  return 0;
}
