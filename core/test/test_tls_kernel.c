#include "../net/tls_internal.h"
#include "tls_fixture.h"

#if LW__TLS_KERNEL

#include <netinet/in.h>
#include <stdio.h>

#include "kernel_fixture.h"

/* --- two ends over TCP; what each kernel encrypts the other end's OpenSSL reads --- */

static int server_fd;

static void open_sockets(int fds[2]) {
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

static void connect_ends(void) {
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

static void open_all(void) {
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

static int write_text(struct end *end, const char *text) {
  return lw_transport_write(end->t, make_out((const uint8_t *)text, strlen(text), 3));
}

/* Both say hello, the server first, so that both handshakes are over. */
static void say_hello(void) {
  size_t from_client = server_end.received, from_server = client_end.received;
  CHECK(write_text(&server_end, "hello") >= 0);
  KERNEL_UNTIL(client_end.received == from_server + 5);
  CHECK(write_text(&client_end, "hello") >= 0);
  KERNEL_UNTIL(server_end.received == from_client + 5);
}

struct facts {
  bool ktls, resumed;
  char version[16], cipher[64];
};

static void note_fact(void *context, const char *name, const char *value) {
  struct facts *facts = context;
  if (strcmp(name, "ktls") == 0) facts->ktls = strcmp(value, "true") == 0;
  if (strcmp(name, "resumed") == 0) facts->resumed = strcmp(value, "true") == 0;
  if (strcmp(name, "version") == 0) snprintf(facts->version, sizeof facts->version, "%s", value);
  if (strcmp(name, "cipher") == 0) snprintf(facts->cipher, sizeof facts->cipher, "%s", value);
}

static struct facts facts_of(const struct end *end) {
  struct facts facts = {0};
  lw_tls_describe(end->t, note_fact, &facts);
  return facts;
}

/* --- carrying bytes --- */

/* The ciphers that kernels know, in both versions. */
static const struct {
  const char *version, *cipher;
} suites[] = {
    {"TLSv1.3", "TLS_AES_128_GCM_SHA256"},        {"TLSv1.3", "TLS_AES_256_GCM_SHA384"},
    {"TLSv1.3", "TLS_CHACHA20_POLY1305_SHA256"},  {"TLSv1.2", "ECDHE-ECDSA-AES128-GCM-SHA256"},
    {"TLSv1.2", "ECDHE-ECDSA-AES256-GCM-SHA384"}, {"TLSv1.2", "ECDHE-ECDSA-CHACHA20-POLY1305"},
};
#define SUITES (sizeof suites / sizeof *suites)

static void choose(size_t suite) {
  bool is_13 = strcmp(suites[suite].version, "TLSv1.3") == 0;
  SSL_CTX *ctx = server_context->ctx;
  SSL_CTX_set_max_proto_version(ctx, is_13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  if (is_13) CHECK_INT(SSL_CTX_set_ciphersuites(ctx, suites[suite].cipher), 1);
  if (!is_13) CHECK_INT(SSL_CTX_set_cipher_list(ctx, suites[suite].cipher), 1);
}

static void exchange(struct end *from, struct end *to, size_t size, size_t out_piece) {
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

TEST(carries_bytes_of_any_cipher) {
  static const size_t sizes[] = {1, 16383, 16384, 16385, 300000};
  for (size_t suite = 0; suite < SUITES; suite++) {
    open_all();
    choose(suite);
    connect_ends();
    say_hello();
    CHECK_INT(kernel.started, 2);
    CHECK(facts_of(&server_end).ktls && facts_of(&client_end).ktls);
    CHECK(strcmp(facts_of(&server_end).cipher, suites[suite].cipher) == 0);
    CHECK(strcmp(facts_of(&client_end).version, suites[suite].version) == 0);
    for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
      exchange(&client_end, &server_end, sizes[i], 100);
      exchange(&server_end, &client_end, sizes[i], 5000);
    }
    CHECK_INT(close_tls_pair(), 0);
  }
}

TEST(carries_more_than_the_socket_takes) {
  static const size_t takes[] = {SIZE_MAX, 100000, 1000};
  for (size_t i = 0; i < sizeof takes / sizeof *takes; i++) {
    open_all();
    kernel.takes = takes[i];
    connect_ends();
    say_hello();
    exchange(&server_end, &client_end, 4u << 20, 10000);
    exchange(&client_end, &server_end, 4u << 20, 1u << 20);
    CHECK_INT(close_tls_pair(), 0);
  }
}

/* Nobody reads, so it is kept; then all of it comes, what was written later behind it. */
TEST(waits_for_a_peer_that_does_not_read) {
  size_t size = 32u << 20;
  open_all();
  connect_ends();
  say_hello();
  lw_transport_read_stop(client_end.t);
  uint8_t *bytes = stream_bytes(size);
  unsigned writes = server_end.writes;
  CHECK_INT(lw_transport_write(server_end.t, make_out(bytes, size, 1u << 20)), 0);
  for (int i = 0; i < 20; i++) net_turn_now();
  CHECK(lw_transport_unwritten(server_end.t) > 0);
  CHECK_INT(write_text(&server_end, "again"), UV_EBUSY);
  CHECK_INT(lw_transport_shutdown(server_end.t), 0); /* its alert waits as well */
  client_end.received = 0;
  collect(&client_end, size);
  lw_transport_read_start(client_end.t);
  KERNEL_UNTIL(client_end.ends == 1);
  CHECK_INT(client_end.end_error, UV_EOF);
  CHECK_INT(client_end.received, size);
  CHECK(is_stream(&client_end));
  CHECK_INT(server_end.writes, writes + 1);
  free(bytes);
  free(client_end.data);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(keeps_output_until_the_handshake_is_over) {
  open_all();
  connect_ends();
  CHECK_INT(write_text(&client_end, "hello"), 0);
  CHECK_INT(write_text(&server_end, "hello"), 0);
  CHECK_INT(lw_transport_unwritten(server_end.t), 5);
  KERNEL_UNTIL(client_end.received == 5 && server_end.received == 5);
  CHECK_INT(close_tls_pair(), 0);
}

/* --- records that OpenSSL makes --- */

TEST(gives_tickets_that_resume) {
  for (size_t suite = 0; suite < SUITES; suite += 3) {
    open_all();
    choose(suite);
    client_context->may_use_kernel = false; /* so that the records are the server's */
    connect_ends();
    say_hello();
    bool is_13 = suite == 0;
    CHECK_INT(kernel.records[22], 1); /* TLS 1.3: the ticket; TLS 1.2: Finished */
    end_close(&server_end);
    KERNEL_UNTIL(client_end.ends == 1);
    end_close(&client_end);
    KERNEL_UNTIL(server_end.closes == 1 && client_end.closes == 1);
    kernel.socket_count = 0;
    connect_ends();
    say_hello();
    CHECK(facts_of(&client_end).resumed && facts_of(&server_end).ktls);
    CHECK_INT(kernel.records[22], 2);
    CHECK(is_13 == (strcmp(facts_of(&client_end).version, "TLSv1.3") == 0));
    CHECK_INT(close_tls_pair(), 0);
  }
}

/* Both ways to end say so, and the end of TCP comes from the peer, who has read everything then. */
TEST(says_goodbye) {
  for (int is_closed = 0; is_closed < 2; is_closed++) {
    open_all();
    client_context->may_use_kernel = false;
    connect_ends();
    say_hello();
    CHECK(write_text(&server_end, "bye") == 1);
    if (is_closed) end_close(&server_end);
    if (!is_closed) CHECK_INT(lw_transport_shutdown(server_end.t), 0);
    KERNEL_UNTIL(client_end.ends == 1);
    CHECK_INT(client_end.received, 8);
    CHECK_INT(client_end.end_error, UV_EOF);
    CHECK_INT(kernel.records[21], 1);
    if (!is_closed) {
      CHECK_INT(server_end.ends, 0);
      CHECK_INT(write_text(&server_end, "late"), UV_EPIPE);
      CHECK_INT(lw_transport_shutdown(client_end.t), 0);
      KERNEL_UNTIL(server_end.ends == 1);
      CHECK_INT(server_end.end_error, UV_EOF);
    }
    CHECK_INT(close_tls_pair(), 0);
  }
}

/* --- keys that change --- */

TEST(follows_new_keys_of_the_peer) {
  open_all();
  client_context->may_use_kernel = false;
  connect_ends();
  say_hello();
  CHECK_INT(SSL_key_update(lw__tls_of(client_end.t)->ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  say_hello();
  CHECK_INT(server_end.ends, 0);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(ends_when_the_peer_asks_for_new_keys) {
  open_all();
  client_context->may_use_kernel = false;
  connect_ends();
  say_hello();
  CHECK_INT(SSL_key_update(lw__tls_of(client_end.t)->ssl, SSL_KEY_UPDATE_REQUESTED), 1);
  CHECK(write_text(&client_end, "hello") == 1);
  KERNEL_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.received, 10); /* what came with it counts */
  CHECK_INT(server_end.end_error, UV_EPROTO);
  CHECK(server_end.t->failure != NULL);
  CHECK(strcmp(server_end.t->failure->code, "TLS_KEY_UPDATE") == 0);
  CHECK_INT(write_text(&server_end, "hello"), UV_EPIPE);
  CHECK_INT(kernel.records[22], 1); /* the ticket only */
  CHECK_INT(close_tls_pair(), 0);
}

/* Whoever would have the peer told of new keys of ours. */
TEST(makes_no_new_keys) {
  open_all();
  client_context->may_use_kernel = false;
  connect_ends();
  say_hello();
  SSL *ssl = lw__tls_of(server_end.t)->ssl;
  CHECK_INT(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
  CHECK(SSL_do_handshake(ssl) != 1);
  CHECK(strcmp(server_end.t->failure->code, "TLS_KEY_UPDATE") == 0);
  CHECK_INT(kernel.records[22], 1);
  lw__tls_clear_errors();
  CHECK_INT(close_tls_pair(), 0);
}

/* --- kernels that do not --- */

/* Everything works, encrypted by OpenSSL. */
static void check_declined(void) {
  say_hello();
  CHECK(!facts_of(&server_end).ktls && !facts_of(&client_end).ktls);
  CHECK(!lw_transport_sends_files(server_end.t));
  exchange(&server_end, &client_end, 100000, 5000);
  exchange(&client_end, &server_end, 100000, 5000);
  CHECK_INT(kernel.started, 0);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(does_without_and_asks_once) {
  open_all();
  kernel.refuses_ulp = ENOENT;
  connect_ends();
  say_hello();
  CHECK_INT(kernel.asked, 1);
  CHECK(net.has_no_ktls);
  end_close(&server_end);
  end_close(&client_end);
  KERNEL_UNTIL(server_end.closes == 1 && client_end.closes == 1);
  connect_ends();
  check_declined();
  CHECK_INT(kernel.asked, 1);
}

TEST(does_without_for_a_cipher) {
  open_all();
  kernel.refuses_keys = EINVAL;
  connect_ends();
  check_declined();
  CHECK_INT(kernel.asked, 2);
  CHECK(!net.has_no_ktls);
}

/* What was encrypted before must be gone; here the socket does not take it at once. */
TEST(does_without_when_output_waits) {
  open_all();
  client_context->may_use_kernel = false;
  connect_ends();
  kernel.is_full = true;
  RUN_UNTIL(lw__tls_of(server_end.t)->is_busy);
  kernel.is_full = false;
  int more = 1 << 20; /* which has the system tell that there is room */
  setsockopt(server_fd, SOL_SOCKET, SO_SNDBUF, &more, sizeof more);
  say_hello();
  CHECK(!facts_of(&server_end).ktls);
  CHECK_INT(kernel.asked, 0);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(does_without_when_told) {
  open_all();
  server_context->may_use_kernel = client_context->may_use_kernel = false;
  connect_ends();
  check_declined();
  CHECK_INT(kernel.asked, 0);
}

/* --- files --- */

static int open_file(size_t size) {
  FILE *file = tmpfile();
  uint8_t *bytes = stream_bytes(size);
  size_t written = file != NULL ? fwrite(bytes, 1, size, file) : 0;
  free(bytes);
  if (written != size || fflush(file) != 0) abort();
  int fd = dup(fileno(file));
  fclose(file);
  return fd;
}

TEST(sends_files) {
  static const size_t takes[] = {SIZE_MAX, 3000};
  size_t size = 3000000, sent = 0;
  for (size_t i = 0; i < sizeof takes / sizeof *takes; i++, sent = 0) {
    open_all();
    kernel.takes = takes[i];
    client_context->may_use_kernel = false;
    connect_ends();
    say_hello();
    client_end.received = 0;
    collect(&client_end, size + 3);
    int file = open_file(size);
    CHECK(lw_transport_sends_files(server_end.t));
    CHECK(!lw_transport_sends_files(client_end.t));
    while (sent < size) {
      unsigned writes = server_end.writes;
      ssize_t result = lw_transport_send_file(server_end.t, file, sent, size - sent);
      CHECK(result >= 0);
      sent += (size_t)result;
      if (sent == size) break;
      CHECK_INT(lw_transport_send_file(server_end.t, file, sent, size - sent), UV_EBUSY);
      KERNEL_UNTIL(server_end.writes == writes + 1);
    }
    CHECK_INT(lw_transport_send_file(server_end.t, file, size, 10), UV_EOF);
    CHECK(write_text(&server_end, "bye") >= 0);
    KERNEL_UNTIL(client_end.received == size + 3);
    client_end.received = size;
    CHECK(is_stream(&client_end));
    CHECK(memcmp(client_end.data + size, "bye", 3) == 0);
    free(client_end.data);
    close(file);
    CHECK_INT(close_tls_pair(), 0);
  }
}

/* --- trouble --- */

TEST(survives_failing_allocations) {
  for (unsigned n = 1; n < 80; n++) {
    open_all();
    connect_ends();
    write_text(&server_end, "hello");
    write_text(&client_end, "hello");
    test_fail_allocation(n);
    for (int i = 0; i < 50; i++) net_turn_now();
    lw_transport_shutdown(server_end.t);
    for (int i = 0; i < 10; i++) net_turn_now();
    bool was_reached = test_allocation_failed();
    test_fail_allocation(0);
    CHECK_INT(close_tls_pair(), 0);
    if (!was_reached) break;
  }
}

/* It closes without reading, which is a reset. */
TEST(survives_a_peer_that_resets) {
  size_t size = 32u << 20;
  open_all();
  connect_ends();
  say_hello();
  lw_transport_read_stop(client_end.t);
  uint8_t *bytes = stream_bytes(size);
  unsigned writes = server_end.writes;
  CHECK_INT(lw_transport_write(server_end.t, make_out(bytes, size, 1u << 20)), 0);
  end_close(&client_end);
  KERNEL_UNTIL(server_end.ends == 1 || server_end.writes > writes);
  CHECK(server_end.write_error != 0 || server_end.end_error != 0);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(releases, references);
  free(bytes);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(carries_bytes_of_any_cipher);
    RUN(carries_more_than_the_socket_takes);
    RUN(waits_for_a_peer_that_does_not_read);
    RUN(keeps_output_until_the_handshake_is_over);
    RUN(gives_tickets_that_resume);
    RUN(says_goodbye);
    RUN(follows_new_keys_of_the_peer);
    RUN(ends_when_the_peer_asks_for_new_keys);
    RUN(makes_no_new_keys);
    RUN(does_without_and_asks_once);
    RUN(does_without_for_a_cipher);
    RUN(does_without_when_output_waits);
    RUN(does_without_when_told);
    RUN(sends_files);
    RUN(survives_failing_allocations);
    RUN(survives_a_peer_that_resets);
  }
  return test_end();
}

#else

TEST(is_left_out) {
  open_tls_pair(0);
  CHECK(!lw_transport_can_start_tls(lw__tls_of(server_end.t)->lower));
  CHECK_INT(close_tls_pair(), 0);
}

int main(void) {
  RUN(is_left_out);
  return test_end();
}

#endif
