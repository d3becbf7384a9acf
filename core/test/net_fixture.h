/* What the tests of core/net share: a loop that cannot hang, and one end of a connection that
 * counts what happens to it. */
#ifndef LW_TEST_NET_FIXTURE_H
#define LW_TEST_NET_FIXTURE_H

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../net/tcp.h"
#include "test.h"

#define LIMIT_MS 10000

static uv_loop_t loop;
static lw_net net;
static uv_timer_t limit;
static bool is_late;

static inline void on_limit(uv_timer_t *timer) {
  (void)timer;
  is_late = true;
  uv_stop(&loop);
}

/* Running longer than LIMIT_MS fails the test that looks at what it waited for. */
static inline void net_open(void) {
  is_late = false;
  uv_loop_init(&loop);
  lw_net_init(&net, &loop);
  uv_timer_init(&loop, &limit);
  uv_timer_start(&limit, on_limit, LIMIT_MS, 0);
}

/* Turns the loop until the condition holds. */
#define RUN_UNTIL(condition)                                                                       \
  do {                                                                                             \
    while (!(condition) && !is_late) uv_run(&loop, UV_RUN_ONCE);                                   \
    CHECK(!is_late);                                                                               \
  } while (0)

/* Runs until nothing is left. Fails (as UV_EBUSY) when a handle was not closed. */
static inline int net_close(void) {
  uv_unref((uv_handle_t *)&limit);
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_close((uv_handle_t *)&limit, NULL);
  uv_run(&loop, UV_RUN_NOWAIT);
  lw_net_free(&net);
  return net.live != 0 ? UV_EBUSY : uv_loop_close(&loop);
}

/* libuv's handle of the only connection there is, and its socket: not that of a listener. */
static uv_handle_t *connection_handle;
static uv_os_fd_t connection_fd;

static inline void look_for_connection(uv_handle_t *handle, void *unused) {
  struct sockaddr_storage name;
  socklen_t size = sizeof name;
  uv_os_fd_t fd;
  (void)unused;
  if (handle->type != UV_POLL || uv_fileno(handle, &fd) != 0) return;
  if (getpeername(fd, (struct sockaddr *)&name, &size) != 0) return;
  connection_handle = handle;
  connection_fd = fd;
}

static inline bool find_connection(void) {
  connection_handle = NULL;
  uv_walk(&loop, look_for_connection, NULL);
  return connection_handle != NULL;
}

/* --- one end of a connection --- */

struct end {
  lw_transport *t; /* NULL once it is closed */
  size_t received, limit;
  unsigned reads, ends, writes, closes;
  int end_error, write_error;
  uint8_t *data; /* when set: where what is received goes, up to `limit` */
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

static const lw_transport_events end_events = {end_on_read, end_on_end, end_on_written,
                                               end_on_closed};

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
