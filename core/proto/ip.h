/* Numeric addresses as text, in the one form that RFC 3986 section 3.2.2 allows: resolvers read
 * others in surprising ways. Inside core/proto only; knows no sockets. */
#ifndef LW_PROTO_IP_H
#define LW_PROTO_IP_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

/* Reads four numbers up to 255 without leading zeros. False when the text is anything else; what is
 * in `bytes` then has no meaning. */
bool lw__ip4_parse(uint8_t bytes[4], lw_slice text);

/* Reads an IPv6 address without brackets and without a zone. */
bool lw__ip6_parse(uint8_t bytes[16], lw_slice text);

#endif
