/* A peer of a server under test: a plain socket, so that the test decides what arrives and when. */
#ifndef LW_TEST_PEER_FIXTURE_H
#define LW_TEST_PEER_FIXTURE_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "../lunawire.h"

/* A request for an upgrade but for the empty line that ends it. */
#define UPGRADE_REQUEST                                                                            \
  "GET / HTTP/1.1\r\n"                                                                             \
  "Host: x\r\n"                                                                                    \
  "Upgrade: websocket\r\n"                                                                         \
  "Connection: Upgrade\r\n"                                                                        \
  "Sec-WebSocket-Version: 13\r\n"                                                                  \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

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
