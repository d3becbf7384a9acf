/* A peer of a server under test: a plain socket, so that the test decides what arrives and when. */
#ifndef LW_TEST_PEER_FIXTURE_H
#define LW_TEST_PEER_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../lunawire.h"

/* -1 when it cannot connect. */
static int connect_to(lw_server *server) {
  char host[64];
  int port, peer = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  if (!lw_server_address(server, host, sizeof host, &port)) return -1;
  to.sin_port = htons((uint16_t)port);
  if (connect(peer, (struct sockaddr *)&to, sizeof to) != 0) return -1;
  return peer;
}

#endif
