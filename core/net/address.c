#include "address.h"

#include <string.h>

static void set_port(struct sockaddr_storage *address, int port) {
  if (address->ss_family == AF_INET6)
    ((struct sockaddr_in6 *)address)->sin6_port = htons((uint16_t)port);
  else
    ((struct sockaddr_in *)address)->sin_port = htons((uint16_t)port);
}

bool lw__address_parse(const char *text, int port, struct sockaddr_storage *address) {
  memset(address, 0, sizeof *address);
  return uv_ip4_addr(text, port, (struct sockaddr_in *)address) == 0 ||
         uv_ip6_addr(text, port, (struct sockaddr_in6 *)address) == 0;
}

/* libuv's takes ten times as long, and the address of each connection is kept when it ends. */
static int ip4_text(const uint8_t bytes[4], char *text, size_t size) {
  if (size < INET_ADDRSTRLEN) return UV_ENOSPC;
  for (int i = 0; i < 4; i++) {
    if (bytes[i] >= 100) *text++ = (char)('0' + bytes[i] / 100);
    if (bytes[i] >= 10) *text++ = (char)('0' + bytes[i] / 10 % 10);
    *text++ = (char)('0' + bytes[i] % 10);
    *text++ = i < 3 ? '.' : '\0';
  }
  return 0;
}

static int ip6_text(const struct sockaddr_in6 *address, char *text, size_t size) {
  const uint8_t *bytes = address->sin6_addr.s6_addr;
  if (IN6_IS_ADDR_V4MAPPED(&address->sin6_addr)) return ip4_text(bytes + 12, text, size);
  return uv_ip6_name(address, text, size);
}

int lw__address_text(const struct sockaddr_storage *address, char *text, size_t size, int *port) {
  if (address->ss_family == AF_INET6) {
    const struct sockaddr_in6 *ip6 = (const struct sockaddr_in6 *)address;
    *port = ntohs(ip6->sin6_port);
    return ip6_text(ip6, text, size);
  }
  if (address->ss_family != AF_INET) return UV_EAFNOSUPPORT;
  const struct sockaddr_in *ip4 = (const struct sockaddr_in *)address;
  *port = ntohs(ip4->sin_port);
  return ip4_text((const uint8_t *)&ip4->sin_addr, text, size);
}

/* The first entry from `entry` on that is (or is not) of the family. */
static const struct addrinfo *find(const struct addrinfo *entry, int family, bool is_of_family) {
  while (entry != NULL && (entry->ai_family == family) != is_of_family) entry = entry->ai_next;
  return entry;
}

unsigned lw__address_interleave(const struct addrinfo *list, int port,
                                struct sockaddr_storage *addresses, unsigned max) {
  unsigned n = 0;
  if (list == NULL) return 0;
  int family = list->ai_family;
  const struct addrinfo *next[2] = {find(list, family, false), list};
  for (unsigned turn = 1; n < max && (next[0] != NULL || next[1] != NULL); turn = !turn) {
    const struct addrinfo *entry = next[turn];
    if (entry == NULL) continue;
    next[turn] = find(entry->ai_next, family, turn == 1);
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    memset(&addresses[n], 0, sizeof addresses[n]);
    memcpy(&addresses[n], entry->ai_addr, entry->ai_addrlen);
    set_port(&addresses[n++], port);
  }
  return n;
}

void lw__peer_set(lw__peer *peer, const struct sockaddr_storage *address) {
  struct sockaddr_in ip4;
  struct sockaddr_in6 ip6;
  peer->family = (uint8_t)address->ss_family;
  if (address->ss_family == AF_INET) {
    memcpy(&ip4, address, sizeof ip4);
    memcpy(peer->bytes, &ip4.sin_addr, sizeof ip4.sin_addr);
    peer->port = ip4.sin_port;
  } else if (address->ss_family == AF_INET6) {
    memcpy(&ip6, address, sizeof ip6);
    memcpy(peer->bytes, &ip6.sin6_addr, sizeof ip6.sin6_addr);
    peer->port = ip6.sin6_port;
  }
}

void lw__peer_get(const lw__peer *peer, struct sockaddr_storage *address) {
  struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_port = peer->port};
  struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_port = peer->port};
  memset(address, 0, sizeof *address);
  if (peer->family == AF_INET) {
    memcpy(&ip4.sin_addr, peer->bytes, sizeof ip4.sin_addr);
    memcpy(address, &ip4, sizeof ip4);
  } else if (peer->family == AF_INET6) {
    memcpy(&ip6.sin6_addr, peer->bytes, sizeof ip6.sin6_addr);
    memcpy(address, &ip6, sizeof ip6);
  }
}
