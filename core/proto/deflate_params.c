#include "deflate_params.h"

#include <stdio.h>
#include <string.h>

#include "extension.h"

/* One element of the list: what the parameters of an offer or an answer say. */
typedef struct params {
  bool server_no_context_takeover;
  bool client_no_context_takeover;
  bool has_client_bits;
  uint8_t server_bits; /* 0: the parameter is not there */
  uint8_t client_bits; /* 0: it is not there, or has no value */
} params;

static bool is_deflate(lw_slice name) {
  return lw_slice_equal(name, LW_SLICE("permessage-deflate"));
}

/* A decimal number from 8 to 15 without leading zeros (section 7.1.2). */
static bool read_bits(uint8_t *bits, lw_slice value) {
  const char *text = value.data;
  if (value.size == 1 && (text[0] == '8' || text[0] == '9')) {
    *bits = (uint8_t)(text[0] - '0');
    return true;
  }
  if (value.size != 2 || text[0] != '1' || text[1] < '0' || text[1] > '5') return false;
  *bits = (uint8_t)(10 + text[1] - '0');
  return true;
}

static bool set_flag(bool *flag, const lw_extension_parameter *parameter) {
  if (*flag || parameter->has_value) return false;
  *flag = true;
  return true;
}

/* False for what section 7.1 calls for declining: unknown names, repeated ones, illegal values. */
static bool take_parameter(params *p, const lw_extension_parameter *parameter, bool is_offer) {
  lw_slice name = parameter->name;
  if (lw_slice_equal(name, LW_SLICE("server_no_context_takeover"))) {
    return set_flag(&p->server_no_context_takeover, parameter);
  }
  if (lw_slice_equal(name, LW_SLICE("client_no_context_takeover"))) {
    return set_flag(&p->client_no_context_takeover, parameter);
  }
  if (lw_slice_equal(name, LW_SLICE("server_max_window_bits"))) {
    return p->server_bits == 0 && parameter->has_value &&
           read_bits(&p->server_bits, parameter->value);
  }
  if (!lw_slice_equal(name, LW_SLICE("client_max_window_bits")) || p->has_client_bits) return false;
  p->has_client_bits = true;
  if (!parameter->has_value) return is_offer; /* only a client may leave the choice to the peer */
  return read_bits(&p->client_bits, parameter->value);
}

/* Reads all parameters of the extension that the reader is at. */
static bool read_params(params *p, lw_extension_reader *reader, bool is_offer) {
  lw_extension_parameter parameter;
  *p = (params){.server_bits = 0};
  bool legal = true;
  while (lw_extension_next_parameter(reader, &parameter)) {
    legal = legal && take_parameter(p, &parameter, is_offer);
  }
  return legal && !reader->broken;
}

static uint8_t smaller(uint8_t a, uint8_t b) {
  return a < b ? a : b;
}
static uint8_t bits_or_all(uint8_t bits) {
  return bits == 0 ? LW_DEFLATE_BITS_MAX : bits;
}

/* --- the server's side --- */

static bool accept_offer(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                         const params *offer) {
  /* zlib's smallest window is 2^9, and a peer with one of 2^8 could not follow it. */
  if (offer->server_bits == LW_DEFLATE_BITS_MIN) return false;
  agreement->own_bits = smaller(options->window_bits, bits_or_all(offer->server_bits));
  agreement->peer_bits = LW_DEFLATE_BITS_MAX;
  if (offer->has_client_bits) {
    agreement->peer_bits = smaller(options->peer_window_bits, bits_or_all(offer->client_bits));
  }
  agreement->own_takeover = options->takeover && !offer->server_no_context_takeover;
  agreement->peer_takeover = options->takeover && !offer->client_no_context_takeover;
  agreement->peer_forgets = !agreement->own_takeover;
  agreement->names_server_bits = offer->server_bits != 0;
  return true;
}

bool lw_deflate_accept_value(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                             lw_slice offers) {
  lw_extension_reader reader;
  lw_slice name;
  params offer;
  lw_extension_read(&reader, offers);
  while (lw_extension_next(&reader, &name)) {
    if (!is_deflate(name) || !read_params(&offer, &reader, true)) continue;
    if (accept_offer(agreement, options, &offer)) return true;
  }
  return false;
}

bool lw_deflate_accept(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                       const lw_http_head *request) {
  for (size_t i = 0; i < request->field_count; i++) {
    const lw_http_field *field = &request->fields[i];
    if (!lw_slice_equal_nocase(field->name, LW_SLICE("Sec-WebSocket-Extensions"))) continue;
    if (lw_deflate_accept_value(agreement, options, field->value)) return true;
  }
  return false;
}

/* --- the client's side --- */

/* Whether an answer keeps to what was offered. A server may limit us more than we asked for, and
 * must do what we asked of it (sections 7.1.1.1 and 7.1.2.1). */
static bool answers_offer(const lw_deflate_options *options, const params *answer) {
  if (!options->takeover && !answer->server_no_context_takeover) return false;
  return bits_or_all(answer->server_bits) <= options->peer_window_bits;
}

static bool read_answer(params *answer, lw_slice text) {
  lw_extension_reader reader;
  lw_slice name;
  lw_extension_read(&reader, text);
  bool legal =
      lw_extension_next(&reader, &name) && is_deflate(name) && read_params(answer, &reader, false);
  return legal && !lw_extension_next(&reader, &name) && !reader.broken; /* nothing behind it */
}

lw_error lw_deflate_check(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                          lw_slice answer) {
  params p;
  *agreement = (lw_deflate_agreement){.own_bits = 0};
  if (answer.size == 0) return LW_OK;
  if (!read_answer(&p, answer) || !answers_offer(options, &p)) return LW_E_ACCEPT_EXTENSION;
  agreement->own_bits = smaller(options->window_bits, bits_or_all(p.client_bits));
  agreement->peer_bits = bits_or_all(p.server_bits);
  agreement->own_takeover = options->takeover && !p.client_no_context_takeover;
  agreement->peer_takeover = options->takeover && !p.server_no_context_takeover;
  agreement->names_server_bits = p.server_bits != 0;
  agreement->peer_forgets = p.client_no_context_takeover; /* asking for it alone does not bind it */
  return LW_OK;
}

/* --- texts --- */

static size_t add(char *text, size_t size, const char *parameter) {
  int added = snprintf(text + size, LW_DEFLATE_TEXT_MAX - size, "%s", parameter);
  return size + (size_t)added;
}

static size_t add_bits(char *text, size_t size, const char *side, uint8_t bits) {
  int added =
      snprintf(text + size, LW_DEFLATE_TEXT_MAX - size, "; %s_max_window_bits=%d", side, bits);
  return size + (size_t)added;
}

/* A window of 2^15 goes without saying, mostly. */
size_t lw_deflate_write_offer(char text[LW_DEFLATE_TEXT_MAX], const lw_deflate_options *options) {
  size_t size = add(text, 0, "permessage-deflate");
  if (!options->takeover) {
    size = add(text, size, "; server_no_context_takeover; client_no_context_takeover");
  }
  if (options->peer_window_bits < LW_DEFLATE_BITS_MAX) {
    size = add_bits(text, size, "server", options->peer_window_bits);
  }
  /* Without a value it says no more than that we could be limited. */
  if (options->window_bits == LW_DEFLATE_BITS_MAX) {
    return add(text, size, "; client_max_window_bits");
  }
  return add_bits(text, size, "client", options->window_bits);
}

size_t lw_deflate_write_answer(char text[LW_DEFLATE_TEXT_MAX],
                               const lw_deflate_agreement *agreement, bool is_server) {
  const lw_deflate_agreement *a = agreement;
  bool server_takeover = is_server ? a->own_takeover : a->peer_takeover;
  bool client_takeover = is_server ? a->peer_takeover : !a->peer_forgets;
  uint8_t server_bits = is_server ? a->own_bits : a->peer_bits;
  uint8_t client_bits = is_server ? a->peer_bits : a->own_bits;
  size_t size = add(text, 0, "permessage-deflate");
  if (!server_takeover) size = add(text, size, "; server_no_context_takeover");
  if (!client_takeover) size = add(text, size, "; client_no_context_takeover");
  bool names_server_bits = a->names_server_bits || server_bits < LW_DEFLATE_BITS_MAX;
  if (names_server_bits) size = add_bits(text, size, "server", server_bits);
  return client_bits < LW_DEFLATE_BITS_MAX ? add_bits(text, size, "client", client_bits) : size;
}
