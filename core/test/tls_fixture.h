/* Two ends of TLS in one loop, over a socketpair. Between them a test may put a relay, which passes
 * the ciphertext on in pieces of any size, or cuts it off. */
#ifndef LW_TEST_TLS_FIXTURE_H
#define LW_TEST_TLS_FIXTURE_H

#include "../net/tls.h"
#include "net_fixture.h"

static struct end server_end, client_end;
static lw_tls_context *server_context, *client_context;
static bool has_inner_tls; /* both ends speak TLS over TLS */

#define WITH_EACH_DEPTH for (int depth = 1; has_inner_tls = depth == 2, depth <= 2; depth++)

static inline lw_transport *over_fd(int fd) {
  int error;
  return transport_over(fd, &(struct sockaddr_storage){.ss_family = AF_UNIX}, &error);
}

static inline bool open_contexts(void) {
  lw_transport_failure failure;
  lw_tls_config server = {.is_server = true, .self_signed = true, .plain_answer = "plain\n"};
  lw_tls_config client = {.is_server = false};
  server_context = lw_tls_context_new(&server, &failure);
  client_context = lw_tls_context_new(&client, &failure);
  return server_context != NULL && client_context != NULL;
}

static inline void release_contexts(void) {
  if (server_context != NULL) lw_tls_context_release(server_context);
  if (client_context != NULL) lw_tls_context_release(client_context);
  server_context = client_context = NULL;
}

static inline void open_server_on(int fd) {
  lw_transport *t = lw_tls_accept(over_fd(fd), server_context);
  end_adopt(&server_end, has_inner_tls ? lw_tls_accept(t, server_context) : t);
}

static inline void open_client_on(int fd) {
  lw_transport *t = lw_tls_connect(over_fd(fd), client_context, "localhost");
  if (has_inner_tls) t = lw_tls_connect(t, client_context, "localhost");
  end_adopt(&client_end, t);
}

/* --- the relay --- */

static int relay_fds[2]; /* towards the client, towards the server; -1: none */
static size_t relay_piece, relay_passed, relay_max;

/* Passes up to relay_piece bytes in each direction, relay_max in all. */
static inline void relay_turn(void) {
  static uint8_t bytes[65536];
  for (int i = 0; i < 2; i++) {
    size_t size = relay_piece < relay_max - relay_passed ? relay_piece : relay_max - relay_passed;
    ssize_t got = size > 0 ? read(relay_fds[i], bytes, size) : -1;
    if (got == 0) shutdown(relay_fds[1 - i], SHUT_WR);
    for (ssize_t at = 0; at < got;) {
      ssize_t put = write(relay_fds[1 - i], bytes + at, (size_t)(got - at));
      if (put > 0) at += put;
      if (put <= 0) net_turn_now();
      if (put < 0 && is_late) return;
    }
    if (got > 0) relay_passed += (size_t)got;
  }
}

#define RELAY_UNTIL(condition)                                                                     \
  do {                                                                                             \
    while (!(condition) && !is_late) {                                                             \
      if (relay_fds[0] >= 0) relay_turn();                                                         \
      lw_poller_turn(net.poller, relay_fds[0] >= 0 ? 0 : -1);                                      \
    }                                                                                              \
    CHECK(!is_late);                                                                               \
  } while (0)

/* piece 0: the ends are connected directly. */
static inline void open_tls_pair(size_t piece) {
  int a[2], b[2];
  net_open();
  open_contexts();
  relay_fds[0] = relay_fds[1] = -1;
  relay_piece = piece;
  relay_passed = 0;
  relay_max = SIZE_MAX;
  socketpair(AF_UNIX, SOCK_STREAM, 0, a);
  int for_server = a[1];
  if (piece > 0) {
    socketpair(AF_UNIX, SOCK_STREAM, 0, b);
    relay_fds[0] = a[1];
    relay_fds[1] = b[0];
    for_server = b[1];
    for (int i = 0; i < 2; i++) fcntl(relay_fds[i], F_SETFL, O_NONBLOCK);
  }
  open_client_on(a[0]);
  open_server_on(for_server);
}

static inline void start_reading(void) {
  lw_transport_read_start(server_end.t);
  lw_transport_read_start(client_end.t);
}

static inline int close_tls_pair(void) {
  if (server_end.t != NULL && !server_end.is_closing) end_close(&server_end);
  if (client_end.t != NULL && !client_end.is_closing) end_close(&client_end);
  for (int i = 0; i < 2; i++)
    if (relay_fds[i] >= 0) close(relay_fds[i]);
  int error = net_close();
  release_contexts();
  bool closed_once = server_end.closes == 1 && client_end.closes == 1;
  return error != 0 ? error : closed_once && server_end.late + client_end.late == 0 ? 0 : -1;
}

/* What an end received is the stream from its beginning. */
static inline bool is_stream(const struct end *end) {
  for (size_t i = 0; i < end->received; i++)
    if (end->data[i] != stream_byte(i)) return false;
  return true;
}

static inline void collect(struct end *end, size_t size) {
  end->data = malloc(size);
  end->limit = size;
}

#endif
