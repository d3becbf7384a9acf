/* Numeric addresses: from text, to text, and the order in which to try them. For core/net only. */
#ifndef LW_NET_ADDRESS_H
#define LW_NET_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <uv.h>

/* Reads a numeric IPv4 or IPv6 address (no brackets). False when it is something else. */
bool lw__address_parse(const char *text, int port, struct sockaddr_storage *address);

/* Writes it as text, IPv4 that came through an IPv6 socket as plain IPv4. 0 or a libuv error. */
int lw__address_text(const struct sockaddr_storage *address, char *text, size_t size, int *port);

/* The peer of a connection, as small as it can be kept. */
typedef struct lw__peer {
  uint8_t bytes[16]; /* of IPv4 the first four */
  uint16_t port;     /* in network order */
  uint8_t family;
} lw__peer;

void lw__peer_set(lw__peer *peer, const struct sockaddr_storage *address);
void lw__peer_get(const lw__peer *peer, struct sockaddr_storage *address);

/* Copies up to `max` addresses in the list's order, but IPv6 and IPv4 in turn as long as there are
 * both (RFC 8305 section 4), and gives them the port. Returns how many there are. */
unsigned lw__address_interleave(const struct addrinfo *list, int port,
                                struct sockaddr_storage *addresses, unsigned max);

#endif
