/* Offers and answers of permessage-deflate. The first byte chooses our options. */
#include "../proto/deflate_params.h"
#include "../proto/extension.h"
#include "fuzz.h"

static bool bits_are_legal(uint8_t bits) {
  return bits >= LW_DEFLATE_BITS_MIN && bits <= LW_DEFLATE_BITS_MAX;
}

/* What a server agrees to, its answer says, and a client that wants no more understands it. */
static void fuzz_accept(const lw_deflate_options *options, lw_slice text) {
  char answer[LW_DEFLATE_TEXT_MAX];
  lw_deflate_agreement own, other;
  if (!lw_deflate_accept_value(&own, options, text)) return;
  MUST(own.own_bits >= 9 && own.own_bits <= options->window_bits && bits_are_legal(own.peer_bits));
  MUST(options->takeover || (!own.own_takeover && !own.peer_takeover));
  size_t size = lw_deflate_write_answer(answer, &own, true), count = 0;
  MUST(size < sizeof answer && lw_extension_check((lw_slice){answer, size}, &count) && count == 1);
  const lw_deflate_options open = {.window_bits = 15, .peer_window_bits = 15, .takeover = true};
  MUST(lw_deflate_check(&other, &open, (lw_slice){answer, size}) == LW_OK);
  MUST(other.peer_bits == own.own_bits && other.own_bits == own.peer_bits);
  MUST(other.peer_takeover == own.own_takeover && other.own_takeover == own.peer_takeover);
}

/* What a client accepts stays within its options. */
static void fuzz_check(const lw_deflate_options *options, lw_slice text) {
  lw_deflate_agreement agreement;
  lw_error error = lw_deflate_check(&agreement, options, text);
  MUST(error == LW_OK || error == LW_E_ACCEPT_EXTENSION);
  if (error != LW_OK || text.size == 0) return;
  MUST(bits_are_legal(agreement.own_bits) && agreement.own_bits <= options->window_bits);
  MUST(bits_are_legal(agreement.peer_bits) && agreement.peer_bits <= options->peer_window_bits);
  MUST(options->takeover || (!agreement.own_takeover && !agreement.peer_takeover));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  const lw_deflate_options options = {.window_bits = (uint8_t)(9 + (data[0] >> 1) % 7),
                                      .peer_window_bits = (uint8_t)(8 + (data[0] >> 4) % 8),
                                      .takeover = (data[0] & 1) != 0};
  lw_slice text = {(const char *)data + 1, size - 1};
  fuzz_accept(&options, text);
  fuzz_check(&options, text);
  return 0;
}
