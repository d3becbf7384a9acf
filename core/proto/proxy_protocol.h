/* The PROXY protocol, versions 1 and 2: the few bytes in front of everything else on a connection
 * with which a reverse proxy tells whose connection it passes on ("The PROXY protocol", by the
 * authors of haproxy). They say who the peer is, so only a proxy may be able to send them: whether
 * to ask for them is the server's decision, and never guessed from what came. */
#ifndef LW_PROTO_PROXY_PROTOCOL_H
#define LW_PROTO_PROXY_PROTOCOL_H

#include <stdbool.h>

#include "buf.h"
#include "error.h"

#define LW_PROXY_LINE_MAX 107 /* bytes of version 1, with CRLF */
/* Bytes of version 2, with what it tells beyond addresses; a longer one is refused. Proxies that
 * put a whole client certificate into it need a few KiB. */
#define LW_PROXY_HEADER_MAX 4096

typedef enum lw_proxy_family {
  LW_PROXY_NONE, /* it tells no address (a health check, say): that of the connection itself counts
                  */
  LW_PROXY_IP4,
  LW_PROXY_IP6,
  LW_PROXY_UNIX
} lw_proxy_family;

typedef struct lw_proxy_header {
  size_t size; /* bytes of the whole header; what is behind them is the client's */
  lw_proxy_family family;
  uint8_t address[16]; /* of the client; of IPv4 the first four */
  uint16_t port;
  lw_slice path; /* LW_PROXY_UNIX: may be empty; points into the data that was parsed */
} lw_proxy_header;

/* Parses what a connection begins with, all of it from its first byte. LW_DONE: the header is
 * whole. LW_MORE: call again with more; never at LW_PROXY_HEADER_MAX bytes. LW_BROKEN: it is not a
 * header, or not a valid one (LW_E_PROXY_HEADER). A checksum (CRC32C) is checked where there is
 * one; everything else behind the addresses is skipped. IPv4 that is written as IPv6
 * (::ffff:1.2.3.4) is IPv4. */
lw_result lw_proxy_parse(lw_proxy_header *header, const uint8_t *data, size_t size);

/* True when the beginning of what should be a request resembles a header of either version, whole
 * or not: for a better error than that of HTTP. */
bool lw_proxy_resembles(const uint8_t *data, size_t size);

#endif
