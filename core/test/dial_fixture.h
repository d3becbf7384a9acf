/* What the tests of dials share: a dial whose outcome is recorded, and sockets to connect to. */
#ifndef LW_TEST_DIAL_FIXTURE_H
#define LW_TEST_DIAL_FIXTURE_H

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>

#include "../net/address.h"
#include "../net/dial.h"
#include "net_fixture.h"

static lw_dial *dial;
static lw_transport *connected;
static unsigned done_count;
static int done_error;
static char done_tried[1024];
static bool cancels_when_done;

static inline void on_done(void *owner, lw_transport *t, int error, const char *tried) {
  (void)owner;
  done_count++;
  done_error = error;
  connected = t;
  snprintf(done_tried, sizeof done_tried, "%s", tried);
  if (cancels_when_done) lw_dial_cancel(dial);
}

static inline void start(void) {
  net_open();
  done_count = 0;
  connected = NULL;
  cancels_when_done = false;
}

static inline int close_all(void) {
  if (connected != NULL) lw_transport_close(connected);
  return net_close();
}

static inline int dial_host(const char *host, int port) {
  lw_dial_target target = {.host = host, .port = port};
  return lw_dial_start(&dial, &net, &target, on_done, NULL);
}

static inline int dial_from(const char *local, const char *host, int port) {
  lw_dial_target target = {.host = host, .port = port, .local = local};
  return lw_dial_start(&dial, &net, &target, on_done, NULL);
}

static inline int dial_path(const char *path) {
  lw_dial_target target = {.path = path};
  return lw_dial_start(&dial, &net, &target, on_done, NULL);
}

/* --- what there is to connect to --- */

static inline int port_of(int fd) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  char text[64];
  int port = 0;
  getsockname(fd, (struct sockaddr *)&name, &size);
  lw__address_text(&name, text, sizeof text, &port);
  return port;
}

static inline socklen_t size_of(const struct sockaddr_storage *name) {
  return name->ss_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

/* A bound socket, or -1 where there is no such address. */
static inline int bind_at(const char *host, int port) {
  struct sockaddr_storage name;
  lw__address_parse(host, port, &name);
  int fd = socket(name.ss_family, SOCK_STREAM, 0);
  if (fd >= 0 && bind(fd, (struct sockaddr *)&name, size_of(&name)) == 0) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

static inline int listen_at(const char *host, int port, int backlog) {
  int fd = bind_at(host, port);
  if (fd >= 0) listen(fd, backlog);
  return fd;
}

/* A bound socket that does not listen keeps its port refusing for as long as it is open. */
static inline int refuse_at(const char *host) {
  return bind_at(host, 0);
}

/* A listener that answers nobody any more, as its backlog is full: connecting takes for ever. */
#define HOLE_FDS 16
struct hole {
  int listening, fds[HOLE_FDS];
};

static inline void open_hole(struct hole *hole, const char *host) {
  struct sockaddr_storage name;
  hole->listening = listen_at(host, 0, 0);
  lw__address_parse(host, port_of(hole->listening), &name);
  for (int i = 0; i < HOLE_FDS; i++) {
    hole->fds[i] = socket(name.ss_family, SOCK_STREAM, 0);
    fcntl(hole->fds[i], F_SETFL, O_NONBLOCK);
    (void)!connect(hole->fds[i], (struct sockaddr *)&name, size_of(&name));
  }
}

static inline void close_hole(struct hole *hole) {
  for (int i = 0; i < HOLE_FDS; i++) close(hole->fds[i]);
  close(hole->listening);
}

#endif
