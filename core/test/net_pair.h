/* A connection of which one end is ours and the other a plain socket that the test reads and writes
 * itself. */
#ifndef LW_TEST_NET_PAIR_H
#define LW_TEST_NET_PAIR_H

#include <arpa/inet.h>
#include <netinet/in.h>

#include "net_fixture.h"

static struct end end;
static int peer;

#define PEER_CHUNK 65536

static inline void adopt_fd(int fd, const struct sockaddr_storage *name) {
  int error;
  end_adopt(&end, transport_over(fd, name, &error));
}

static inline void open_tcp_pair(void) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  bind(listening, (struct sockaddr *)&name, sizeof name);
  listen(listening, 1);
  getsockname(listening, (struct sockaddr *)&name, &size);
  peer = socket(AF_INET, SOCK_STREAM, 0);
  connect(peer, (struct sockaddr *)&name, sizeof name);
  struct sockaddr_storage peer_name;
  size = sizeof peer_name;
  int accepted = accept(listening, (struct sockaddr *)&peer_name, &size);
  adopt_fd(accepted, &peer_name);
  close(listening);
  fcntl(peer, F_SETFL, O_NONBLOCK);
}

static inline void open_unix_pair(void) {
  int fds[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  peer = fds[0];
  adopt_fd(fds[1], &(struct sockaddr_storage){.ss_family = AF_UNIX});
  fcntl(peer, F_SETFL, O_NONBLOCK);
}

/* The peer goes away with a reset instead of an orderly end. */
static inline void reset_peer(void) {
  struct linger at_once = {1, 0};
  setsockopt(peer, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close(peer);
  peer = -1;
}

static inline int close_all(void) {
  if (peer >= 0) close(peer);
  peer = -1;
  if (end.t != NULL) end_close(&end);
  int error = net_close();
  return error != 0 ? error : end.closes == 1 && end.late == 0 ? 0 : -1;
}

/* What the peer received so far, checked against the stream; false when it differs. */
static size_t peer_received;
static bool peer_has_ended;

static inline bool peer_reads(void) {
  static uint8_t chunk[PEER_CHUNK];
  ssize_t size;
  while ((size = read(peer, chunk, sizeof chunk)) > 0)
    for (ssize_t i = 0; i < size; i++)
      if (chunk[i] != stream_byte(peer_received++)) return false;
  peer_has_ended = size == 0;
  return true;
}

static inline void start(void (*open_pair)(void)) {
  net_open();
  open_pair();
  peer_received = 0;
  peer_has_ended = false;
}

/* Writes more than the socket takes and the peer reads. */
static inline uint8_t *write_too_much(void) {
  uint8_t *bytes = stream_bytes(32u << 20);
  if (lw_transport_write(end.t, make_out(bytes, 32u << 20, 10000)) != 0) abort();
  return bytes;
}

static inline int write_some(void) {
  return lw_transport_write(end.t, make_out((const uint8_t *)"0123456789", 10, 5));
}

#endif
