/* Two ends of TLS over TCP, each with a kernel that encrypts (kernel_fixture.h): what one of them
 * writes the other end's OpenSSL reads. */
#ifndef LW_TEST_TLS_KERNEL_FIXTURE_H
#define LW_TEST_TLS_KERNEL_FIXTURE_H

#include <netinet/in.h>
#include <stdio.h>

#include "../net/tls_internal.h"
#include "kernel_fixture.h"
#include "tls_fixture.h"

static int server_fd;

static inline void open_sockets(int fds[2]) {
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  int listening = socket(AF_INET, SOCK_STREAM, 0);
  bind(listening, (struct sockaddr *)&name, sizeof name);
  listen(listening, 1);
  getsockname(listening, (struct sockaddr *)&name, &size);
  fds[0] = socket(AF_INET, SOCK_STREAM, 0);
  connect(fds[0], (struct sockaddr *)&name, sizeof name);
  fds[1] = accept(listening, NULL, NULL);
  close(listening);
  for (int i = 0, one = 1; i < 2; i++)
    setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
  server_fd = fds[1];
}

static inline void connect_ends(void) {
  /* Sessions are resumed with the same server, so it has always the same name. */
  static const struct sockaddr_storage server_name = {.ss_family = AF_INET};
  int fds[2], error;
  open_sockets(fds);
  lw_transport *lower = transport_over(fds[0], &server_name, &error);
  end_adopt(&client_end, lw_tls_connect(lower, client_context, "localhost"));
  lower = transport_over(fds[1], &server_name, &error);
  end_adopt(&server_end, lw_tls_accept(lower, server_context));
  start_reading();
}

static inline void open_all(void) {
  kernel_reset();
  net_open();
  relay_fds[0] = relay_fds[1] = -1;
  if (!open_contexts()) abort();
  server_context->may_use_kernel = client_context->may_use_kernel = true;
}

#define KERNEL_UNTIL(condition)                                                                    \
  do {                                                                                             \
    while (!(condition) && !is_late) lw_poller_turn(net.poller, kernel_turn() ? -1 : 0);           \
    CHECK(!is_late);                                                                               \
  } while (0)

static inline int write_text(struct end *end, const char *text) {
  return lw_transport_write(end->t, make_out((const uint8_t *)text, strlen(text), 3));
}

/* Both say hello, the server first, so that both handshakes are over. */
static inline void say_hello(void) {
  size_t from_client = server_end.received, from_server = client_end.received;
  CHECK(write_text(&server_end, "hello") >= 0);
  KERNEL_UNTIL(client_end.received == from_server + 5);
  CHECK(write_text(&client_end, "hello") >= 0);
  KERNEL_UNTIL(server_end.received == from_client + 5);
}

/* Connects, and the server's end writes to a client that does not read. The caller frees *bytes. */
static inline int write_unread(uint8_t **bytes, size_t size) {
  open_all();
  connect_ends();
  say_hello();
  lw_transport_read_stop(client_end.t);
  *bytes = stream_bytes(size);
  return lw_transport_write(server_end.t, make_out(*bytes, size, 1u << 20));
}

struct facts {
  bool ktls, resumed;
  char version[16], cipher[64];
};

static inline void note_fact(void *context, const char *name, const char *value) {
  struct facts *facts = context;
  if (strcmp(name, "ktls") == 0) facts->ktls = strcmp(value, "true") == 0;
  if (strcmp(name, "resumed") == 0) facts->resumed = strcmp(value, "true") == 0;
  if (strcmp(name, "version") == 0) snprintf(facts->version, sizeof facts->version, "%s", value);
  if (strcmp(name, "cipher") == 0) snprintf(facts->cipher, sizeof facts->cipher, "%s", value);
}

static inline struct facts facts_of(const struct end *end) {
  struct facts facts = {0};
  lw_tls_describe(end->t, note_fact, &facts);
  return facts;
}

/* Sends `size` bytes, which are to come as they are. */
static inline void exchange(struct end *from, struct end *to, size_t size, size_t out_piece) {
  uint8_t *bytes = stream_bytes(size);
  unsigned writes = from->writes;
  to->received = 0;
  collect(to, size);
  int result = lw_transport_write(from->t, make_out(bytes, size, out_piece));
  CHECK(result >= 0);
  KERNEL_UNTIL(to->received == size && (result == 1 || from->writes == writes + 1));
  CHECK_INT(from->write_error, 0);
  CHECK_INT(releases, references);
  CHECK_INT(lw_transport_unwritten(from->t), 0);
  CHECK(is_stream(to));
  free(bytes);
  free(to->data);
  to->data = NULL;
}

#endif
