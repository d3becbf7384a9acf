/* What the tests of core/net share: a loop that cannot hang, and one end of a connection that
 * counts what happens to it. */
#ifndef LW_TEST_NET_FIXTURE_H
#define LW_TEST_NET_FIXTURE_H

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../net/tcp.h"
#include "test.h"

#define LIMIT_MS 60000

static uv_loop_t loop;
static lw_net net;
static uv_timer_t limit;
static bool is_late;
static bool loop_is_own; /* nobody turns it but the poller */

/* For main: the tests in the braces run with each kind of poller. */
#define WITH_EACH_POLLER for (int kind = 0; loop_is_own = kind == 1, kind < 2; kind++)

static inline void on_limit(uv_timer_t *timer) {
  (void)timer;
  is_late = true;
  lw_poller_stop(net.poller);
}

/* Running longer than LIMIT_MS fails the test that looks at what it waited for. */
static inline void net_open(void) {
  is_late = false;
  uv_loop_init(&loop);
  lw_net_init(&net, &loop, loop_is_own);
  uv_timer_init(&loop, &limit);
  uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
}

/* One turn of the loop, which waits until something happens, or does not wait. */
static inline void net_turn(void) {
  lw_poller_turn(net.poller, -1);
}
static inline void net_turn_now(void) {
  lw_poller_turn(net.poller, 0);
}

/* Turns the loop until the condition holds. */
#define RUN_UNTIL(condition)                                                                       \
  do {                                                                                             \
    while (!(condition) && !is_late) net_turn();                                                   \
    CHECK(!is_late);                                                                               \
  } while (0)

/* Runs until nothing is left. Fails (as UV_EBUSY) when a handle was not closed. */
static inline int net_close(void) {
  uv_unref((uv_handle_t *)&limit);
  lw_poller_run(net.poller);
  uv_close((uv_handle_t *)&limit, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  lw_net_free(&net);
  return net.live != 0 ? UV_EBUSY : uv_loop_close(&loop);
}

/* A transport over the socket, which does not block from now on; NULL and *error on failure. */
static inline lw_transport *transport_over(int fd, const struct sockaddr_storage *name,
                                           int *error) {
  fcntl(fd, F_SETFL, O_NONBLOCK);
  return lw_tcp_new(&net, fd, name, error);
}

/* The socket of the only connection there is, not counting the test's own `besides` (or -1). */
static int connection_fd;

static inline bool find_connection_besides(int besides) {
  struct sockaddr_storage name;
  for (connection_fd = 3; connection_fd < 1024; connection_fd++) {
    socklen_t size = sizeof name;
    bool has_peer = getpeername(connection_fd, (struct sockaddr *)&name, &size) == 0;
    if (has_peer && connection_fd != besides) return true;
  }
  return false;
}

static inline bool find_connection(void) {
  return find_connection_besides(-1);
}

/* --- one end of a connection --- */

struct end {
  lw_transport *t; /* NULL once it is closed */
  size_t received, limit;
  unsigned reads, ends, writes, closes;
  int end_error, write_error;
  uint8_t *data; /* when set: where what is received goes, up to `limit` */
  uint8_t *room; /* when set: where it would like to have what comes */
  size_t room_size;
  bool is_closing;
  unsigned late; /* callbacks that came after the close */
  void (*on_event)(struct end *end, char event);
};

static inline void tell(struct end *end, char event) {
  if (end->on_event != NULL) end->on_event(end, event);
}

static inline void end_close(struct end *end) {
  end->is_closing = true;
  lw_transport_close(end->t);
}

static inline void end_on_read(void *owner, uint8_t *data, size_t size) {
  struct end *end = owner;
  end->late += end->is_closing;
  if (end->data != NULL && end->received + size <= end->limit)
    memcpy(end->data + end->received, data, size);
  memset(data, 0xdd, size); /* they are ours to write to */
  end->received += size;
  end->reads++;
  tell(end, 'r');
}

static inline void end_on_end(void *owner, int error) {
  struct end *end = owner;
  end->late += end->is_closing;
  end->ends++;
  end->end_error = error;
  tell(end, 'e');
}

static inline void end_on_written(void *owner, int error) {
  struct end *end = owner;
  end->late += end->is_closing;
  end->writes++;
  end->write_error = error;
  tell(end, 'w');
}

static inline void end_on_closed(void *owner) {
  struct end *end = owner;
  end->closes++;
  end->t = NULL;
  tell(end, 'c');
}

static inline uint8_t *end_on_room(void *owner, size_t *size) {
  struct end *end = owner;
  *size = end->room_size;
  return end->room;
}

static const lw_transport_events end_events = {end_on_read, end_on_end, end_on_written,
                                               end_on_closed, end_on_room};

static inline void end_adopt(struct end *end, lw_transport *t) {
  memset(end, 0, sizeof *end);
  end->t = t;
  lw_transport_adopt(t, &end_events, end);
}

/* --- bytes to send, counted references --- */

static unsigned references, releases;

static inline void on_release(void *context, intptr_t token) {
  (void)token;
  (*(unsigned *)context)++;
}

/* Byte number `i` of every test's stream. */
static inline uint8_t stream_byte(size_t i) {
  return (uint8_t)(i * 31 + (i >> 8) * 7 + (i >> 16));
}

static inline uint8_t *stream_bytes(size_t size) {
  uint8_t *bytes = malloc(size);
  for (size_t i = 0; i < size; i++) bytes[i] = stream_byte(i);
  return bytes;
}

/* All of `bytes`, by turns copied and referenced in pieces of that size. */
static inline lw_out *make_out(const uint8_t *bytes, size_t size, size_t piece_size) {
  static const lw_out_owner owner = {on_release, &releases, 0};
  lw_out *out = lw_out_take(net.outs);
  references = releases = 0;
  for (size_t at = 0, i = 0; at < size; at += piece_size, i++) {
    size_t piece = size - at < piece_size ? size - at : piece_size;
    if (i % 2 == 0)
      lw_out_copy(out, bytes + at, piece);
    else if (lw_out_reference(out, bytes + at, piece, &owner))
      references++;
  }
  return out;
}

#endif
