#include "../net/address.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "test.h"

static struct addrinfo entries[6];
static struct sockaddr_storage names[6];

/* A list as in "664": of IPv6 and IPv4 addresses that end in 1, 2, 3, ... */
static struct addrinfo *make_list(const char *families) {
  unsigned i;
  for (i = 0; families[i] != '\0'; i++) {
    char text[32];
    snprintf(text, sizeof text, families[i] == '6' ? "::%u" : "127.0.0.%u", i + 1);
    lw__address_parse(text, 0, &names[i]);
    entries[i] = (struct addrinfo){.ai_family = names[i].ss_family,
                                   .ai_addrlen = families[i] == '6' ? sizeof(struct sockaddr_in6)
                                                                    : sizeof(struct sockaddr_in),
                                   .ai_addr = (struct sockaddr *)&names[i],
                                   .ai_next = families[i + 1] != '\0' ? &entries[i + 1] : NULL};
  }
  return i > 0 ? entries : NULL;
}

static bool order_is(const char *families, const char *expected) {
  struct sockaddr_storage sorted[6];
  unsigned count = lw__address_interleave(make_list(families), 7, sorted, 6);
  if (count != strlen(expected)) return false;
  for (unsigned i = 0; i < count; i++) {
    char text[64];
    int port;
    lw__address_text(&sorted[i], text, sizeof text, &port);
    if (text[strlen(text) - 1] != expected[i] || port != 7) return false;
  }
  return true;
}

TEST(takes_the_families_in_turn) {
  CHECK(order_is("", ""));
  CHECK(order_is("4", "1"));
  CHECK(order_is("666", "123"));
  CHECK(order_is("664", "132"));
  CHECK(order_is("446644", "132456"));
  CHECK(order_is("644", "123"));
  CHECK(order_is("466", "123"));
  CHECK(order_is("666644", "152634"));
}

TEST(takes_no_more_than_there_is_room_for) {
  struct sockaddr_storage two[2];
  CHECK_INT(lw__address_interleave(make_list("6644"), 7, two, 2), 2);
  CHECK_INT(two[0].ss_family, AF_INET6);
  CHECK_INT(two[1].ss_family, AF_INET);
}

TEST(writes_addresses_as_text) {
  struct sockaddr_storage name;
  char text[64], small[4];
  int port;
  CHECK(lw__address_parse("::ffff:192.0.2.1", 80, &name));
  CHECK_INT(lw__address_text(&name, text, sizeof text, &port), 0);
  CHECK(strcmp(text, "192.0.2.1") == 0);
  CHECK_INT(port, 80);
  CHECK(lw__address_parse("2001:db8::1", 80, &name));
  CHECK_INT(lw__address_text(&name, text, sizeof text, &port), 0);
  CHECK(strcmp(text, "2001:db8::1") == 0);
  CHECK_INT(lw__address_text(&name, small, sizeof small, &port), UV_ENOSPC);
  CHECK(lw__address_parse("192.0.2.1", 80, &name));
  CHECK_INT(lw__address_text(&name, small, sizeof small, &port), UV_ENOSPC);
  name.ss_family = AF_UNIX;
  CHECK_INT(lw__address_text(&name, text, sizeof text, &port), UV_EAFNOSUPPORT);
  CHECK(!lw__address_parse("[::1]", 80, &name));
  CHECK(!lw__address_parse("127.1", 80, &name));
}

static bool survives_keeping(const char *address, int port) {
  struct sockaddr_storage name;
  lw__peer peer;
  char text[64];
  int found;
  lw__address_parse(address, port, &name);
  lw__peer_set(&peer, &name);
  lw__peer_get(&peer, &name);
  return lw__address_text(&name, text, sizeof text, &found) == 0 && strcmp(text, address) == 0 &&
         found == port;
}

TEST(keeps_peers_small) {
  struct sockaddr_storage name = {.ss_family = AF_UNSPEC};
  lw__peer peer;
  char text[64];
  int port;
  CHECK(survives_keeping("192.0.2.1", 80));
  CHECK(survives_keeping("0.10.99.255", 1));
  CHECK(survives_keeping("100.109.200.0", 1));
  CHECK(survives_keeping("2001:db8::1", 65535));
  CHECK(sizeof peer <= 20);
  lw__peer_set(&peer, &name);
  lw__peer_get(&peer, &name);
  CHECK_INT(lw__address_text(&name, text, sizeof text, &port), UV_EAFNOSUPPORT);
}

int main(void) {
  RUN(takes_the_families_in_turn);
  RUN(takes_no_more_than_there_is_room_for);
  RUN(writes_addresses_as_text);
  RUN(keeps_peers_small);
  return test_end();
}
