#include "../net/tls_internal.h"

#if LW__SOCKET_ENCRYPTS
#include "tls_kernel_fixture.h"
#else
#include "tls_fixture.h"
#endif

#if LW__TLS_KERNEL

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
  uint8_t *bytes;
  CHECK_INT(write_unread(&bytes, size), 0);
  unsigned writes = server_end.writes;
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

int main(void) {
  WITH_EACH_POLLER {
    RUN(carries_bytes_of_any_cipher);
    RUN(carries_more_than_the_socket_takes);
    RUN(waits_for_a_peer_that_does_not_read);
    RUN(keeps_output_until_the_handshake_is_over);
    RUN(gives_tickets_that_resume);
    RUN(says_goodbye);
    RUN(sends_files);
  }
  return test_end();
}

#else

TEST(is_left_out) {
  CHECK(!lw_tls_knows_kernel());
}

int main(void) {
  RUN(is_left_out);
  return test_end();
}

#endif
