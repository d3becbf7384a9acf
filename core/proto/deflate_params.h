/* Agreeing on permessage-deflate: its parameters in Sec-WebSocket-Extensions (RFC 7692
 * section 7.1).
 *
 * Pure functions on texts; nothing here knows zlib. "Own" is the direction that this end
 * compresses, "peer" the other one, whichever end is the server. */
#ifndef LW_PROTO_DEFLATE_PARAMS_H
#define LW_PROTO_DEFLATE_PARAMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"
#include "http.h"

enum { LW_DEFLATE_BITS_MIN = 8, LW_DEFLATE_BITS_MAX = 15 };

/* What one end wants. Shared by all connections of a server or client; must outlive them. */
typedef struct lw_deflate_options {
  uint32_t threshold;       /* a shorter message is sent as it is; bytes */
  uint8_t level;            /* of zlib, 1 to 9 */
  uint8_t memory_level;     /* of zlib, 1 to 9 */
  uint8_t window_bits;      /* the largest window to compress with: 9 to 15, zlib cannot do 8 */
  uint8_t peer_window_bits; /* the largest window that the peer may use: 8 to 15 */
  bool takeover;            /* keep the window from message to message, in both directions */
} lw_deflate_options;

/* What both ends agreed on. All zero: no compression. */
typedef struct lw_deflate_agreement {
  uint8_t own_bits;
  uint8_t peer_bits;
  bool own_takeover : 1;
  bool peer_takeover : 1;
  bool names_server_bits : 1; /* the answer has server_max_window_bits, as it must if the offer has
                               */
  bool peer_forgets : 1;      /* the peer begins each of our messages with an empty window, too */
} lw_deflate_agreement;

#define LW_DEFLATE_TEXT_MAX 160 /* bytes of any text that is written here */

/* Server: takes the first offer of the request that will do, over all its fields, and skips the
 * others: unknown extensions, unknown, illegal or repeated parameters, and a window for our
 * direction that zlib cannot do. False when there is none. A wish that a client cannot be bound to
 * (peer_window_bits when it did not offer the parameter) is given up. */
bool lw_deflate_accept(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                       const lw_http_head *request);

/* The same among the offers of one field's value. */
bool lw_deflate_accept_value(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                             lw_slice offers);

/* Client: checks the server's answer, empty when it has none, against what lw_deflate_write_offer
 * wrote. LW_OK sets *agreement; what was not offered, or not answered as it must be, is
 * LW_E_ACCEPT_EXTENSION. */
lw_error lw_deflate_check(lw_deflate_agreement *agreement, const lw_deflate_options *options,
                          lw_slice answer);

/* Writes the client's offer, or the answer that an agreement stands for, and returns the size. */
size_t lw_deflate_write_offer(char text[LW_DEFLATE_TEXT_MAX], const lw_deflate_options *options);
size_t lw_deflate_write_answer(char text[LW_DEFLATE_TEXT_MAX],
                               const lw_deflate_agreement *agreement, bool is_server);

#endif
