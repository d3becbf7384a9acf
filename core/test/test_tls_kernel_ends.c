#include "../net/tls_internal.h"

#if LW__SOCKET_ENCRYPTS
#include "tls_kernel_fixture.h"
#else
#include "tls_fixture.h"
#endif

#if LW__TLS_KERNEL

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
  const lw_transport_failure *failure = lw_transport_failure_of(server_end.t);
  CHECK(failure != NULL && strcmp(failure->code, "TLS_KEY_UPDATE") == 0);
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
  CHECK(strcmp(lw_transport_failure_of(server_end.t)->code, "TLS_KEY_UPDATE") == 0);
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
  uint8_t *bytes;
  CHECK_INT(write_unread(&bytes, size), 0);
  unsigned writes = server_end.writes;
  end_close(&client_end);
  KERNEL_UNTIL(server_end.ends == 1 || server_end.writes > writes);
  CHECK(server_end.write_error != 0 || server_end.end_error != 0);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(releases, references);
  free(bytes);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(follows_new_keys_of_the_peer);
    RUN(ends_when_the_peer_asks_for_new_keys);
    RUN(makes_no_new_keys);
    RUN(does_without_and_asks_once);
    RUN(does_without_for_a_cipher);
    RUN(does_without_when_output_waits);
    RUN(does_without_when_told);
    RUN(survives_failing_allocations);
    RUN(survives_a_peer_that_resets);
  }
  return test_end();
}

#else

int main(void) {
  return test_end();
}

#endif
