#include "../net/tls_internal.h"
#include "tls_fixture.h"

static int hello_from_client(void) {
  return lw_transport_write(client_end.t, make_out((const uint8_t *)"hello", 5, 5));
}

/* --- orderly --- */

TEST(tells_the_end_of_the_peer) {
  open_tls_pair(0);
  start_reading();
  hello_from_client();
  RUN_UNTIL(server_end.received == 5);
  CHECK_INT(lw_transport_shutdown(client_end.t), 0);
  CHECK_INT(lw_transport_shutdown(client_end.t), 0);
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EOF);
  CHECK(lw_transport_failure_of(server_end.t) == NULL);
  /* The other direction goes on. */
  CHECK_INT(lw_transport_write(server_end.t, make_out((const uint8_t *)"hello", 5, 5)), 1);
  RUN_UNTIL(client_end.received == 5);
  CHECK_INT(lw_transport_shutdown(server_end.t), 0);
  RUN_UNTIL(client_end.ends == 1);
  CHECK_INT(client_end.end_error, UV_EOF);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(ends_after_what_is_kept) {
  size_t size = 4u << 20;
  open_tls_pair(0);
  uint8_t *bytes = stream_bytes(size);
  collect(&server_end, size);
  start_reading();
  CHECK_INT(lw_transport_write(client_end.t, make_out(bytes, size, 1u << 20)), 0);
  CHECK_INT(lw_transport_shutdown(client_end.t), 0);
  lw_out *more = make_out(bytes, 100, 10);
  CHECK(lw_transport_write(client_end.t, more) < 0);
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EOF);
  CHECK_INT(server_end.received, size);
  CHECK(is_stream(&server_end));
  CHECK_INT(client_end.writes, 1);
  CHECK_INT(close_tls_pair(), 0);
  free(bytes);
  free(server_end.data);
}

TEST(says_goodbye_when_closed) {
  open_tls_pair(0);
  start_reading();
  hello_from_client();
  RUN_UNTIL(server_end.received == 5);
  end_close(&client_end);
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EOF);
  CHECK_INT(close_tls_pair(), 0);
}

/* --- at any time --- */

/* The stream is cut after `bytes`; both ends must be told, once, and nothing may be left. */
static void cut_after(size_t bytes) {
  open_tls_pair(64);
  relay_max = bytes;
  start_reading();
  hello_from_client();
  for (int idle = 0; idle < 10 && relay_passed < bytes && !is_late;) {
    size_t before = relay_passed;
    relay_turn();
    net_turn_now();
    idle = relay_passed == before ? idle + 1 : 0;
  }
  close(relay_fds[0]);
  close(relay_fds[1]);
  relay_fds[0] = relay_fds[1] = -1;
  RUN_UNTIL(server_end.ends == 1 && client_end.ends == 1);
  CHECK(server_end.end_error < 0 && client_end.end_error < 0);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(releases, references);
}

TEST(is_told_of_a_cut_anywhere) {
  for (size_t bytes = 0; bytes < 3000; bytes += 64) cut_after(bytes);
}

static void close_after(size_t bytes, bool client_first) {
  open_tls_pair(64);
  relay_max = bytes;
  start_reading();
  hello_from_client();
  for (int i = 0; i < 100 && relay_passed < bytes; i++) {
    relay_turn();
    net_turn_now();
  }
  end_close(client_first ? &client_end : &server_end);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(releases, references);
}

TEST(can_be_closed_at_every_stage) {
  for (size_t bytes = 0; bytes < 3000; bytes += 64) {
    close_after(bytes, true);
    close_after(bytes, false);
  }
}

static char closes_at;

static void close_itself(struct end *end, char event) {
  if (event == closes_at && !end->is_closing) end_close(end);
}

TEST(can_be_closed_in_every_callback) {
  for (const char *event = "rwe"; *event != '\0'; event++) {
    open_tls_pair(0);
    closes_at = *event;
    server_end.on_event = client_end.on_event = close_itself;
    start_reading();
    hello_from_client();
    lw_transport_write(server_end.t, make_out((const uint8_t *)"hello", 5, 5));
    RUN_UNTIL(*event == 'e' ? server_end.writes == 1 : server_end.is_closing);
    CHECK_INT(close_tls_pair(), 0);
  }
}

/* --- peers that speak something else --- */

static int peer;

static void open_server_with_peer(void) {
  int fds[2];
  net_open();
  open_contexts();
  socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  peer = fds[0];
  fcntl(peer, F_SETFL, O_NONBLOCK);
  open_server_on(fds[1]);
  lw_transport_read_start(server_end.t);
}

static int close_server(void) {
  if (peer >= 0) close(peer);
  if (!server_end.is_closing) end_close(&server_end);
  int error = net_close();
  release_contexts();
  return error != 0 ? error : server_end.closes == 1 && server_end.late == 0 ? 0 : -1;
}

static void say(const char *text, const char *wanted, size_t wanted_size) {
  char answer[256];
  ssize_t size;
  size_t have = 0;
  open_server_with_peer();
  CHECK_INT(write(peer, text, strlen(text)), strlen(text));
  while (((size = read(peer, answer + have, sizeof answer - have)) > 0 || size < 0) && !is_late) {
    if (size > 0) have += (size_t)size;
    if (size < 0) net_turn_now();
  }
  CHECK_INT(have, wanted_size);
  if (wanted != NULL) CHECK(memcmp(answer, wanted, have) == 0);
  CHECK_INT(server_end.ends, 0); /* it waits until the peer has read that */
  close(peer);
  peer = -1;
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EPROTO);
  CHECK(lw_transport_failure_of(server_end.t) != NULL);
  CHECK_INT(close_server(), 0);
}

TEST(answers_plain_text_in_plain_text) {
  say("GET / HTTP/1.1\r\n\r\n", "plain\n", 6);
}

TEST(ends_what_is_no_tls) {
  say("hello", NULL, 0);
  say("\x16hello, this is no handshake", NULL, 0);
}

TEST(lets_a_failed_peer_be_closed) {
  open_server_with_peer();
  CHECK_INT(write(peer, "hello", 5), 5);
  for (int i = 0; i < 5; i++) net_turn_now();
  CHECK_INT(close_server(), 0);
  CHECK_INT(server_end.ends, 0);
}

/* --- out of memory --- */

/* Each allocation of ours fails once, on the way through a handshake and an exchange. Those inside
 * OpenSSL are beyond the reach of the test. */
TEST(survives_failing_allocations) {
  for (unsigned n = 1; n < 60; n++) {
    open_tls_pair(0);
    start_reading();
    test_fail_allocation(n);
    hello_from_client();
    for (int i = 0; i < 50; i++) net_turn_now();
    bool was_reached = test_allocation_failed();
    test_fail_allocation(0);
    CHECK_INT(close_tls_pair(), 0);
    if (!was_reached) break;
  }
}

TEST(cannot_begin_without_memory) {
  lw_transport_failure failure;
  for (unsigned n = 1; n < 8; n++) {
    net_open();
    open_contexts();
    relay_fds[0] = relay_fds[1] = -1;
    int fds[2];
    socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
    lw_transport *lower = over_fd(fds[0]);
    test_fail_allocation(n);
    lw_transport *t = lw_tls_accept(lower, server_context);
    lw_tls_config config = {.is_server = true, .self_signed = true};
    lw_tls_context *context = lw_tls_context_new(&config, &failure);
    test_fail_allocation(0);
    if (context != NULL) lw_tls_context_release(context);
    if (t != NULL) lw_transport_close(t);
    close(fds[1]);
    CHECK_INT(net_close(), 0);
    release_contexts();
  }
}

/* --- what the peer makes us say --- */

/* As a peer can that asks for more than it reads: OpenSSL answers into what waits already. */
static void answer_unread(struct end *end, unsigned times) {
  SSL *ssl = lw__tls_of(end->t)->ssl;
  for (unsigned i = 0; i < times; i++) {
    CHECK_INT(SSL_key_update(ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    CHECK_INT(SSL_do_handshake(ssl), 1);
  }
}

/* The client stops reading, and the server has more to write than the socket takes. */
static void open_pair_that_does_not_read(const uint8_t *bytes, size_t size) {
  open_tls_pair(0);
  start_reading();
  hello_from_client();
  RUN_UNTIL(server_end.received == 5);
  lw_transport_read_stop(client_end.t);
  CHECK_INT(lw_transport_write(server_end.t, make_out(bytes, size, size)), 0);
}

TEST(ends_with_who_asks_for_more_than_it_reads) {
  size_t size = 4u << 20;
  uint8_t *bytes = stream_bytes(size);
  open_pair_that_does_not_read(bytes, size);
  answer_unread(&server_end, 4000); /* each is 27 bytes, so 105 KiB */
  CHECK_INT(server_end.ends, 0);
  CHECK_INT(lw_transport_write(client_end.t, make_out((const uint8_t *)"more", 4, 4)), 1);
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EPROTO);
  const lw_transport_failure *failure = lw_transport_failure_of(server_end.t);
  CHECK(failure != NULL && strcmp(failure->code, "TLS_FLOOD") == 0);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(releases, references);
  free(bytes);
}

TEST(answers_in_moderation_to_who_does_not_read) {
  size_t size = 4u << 20;
  uint8_t *bytes = stream_bytes(size);
  open_pair_that_does_not_read(bytes, size);
  answer_unread(&server_end, 1000);
  CHECK_INT(lw_transport_write(client_end.t, make_out((const uint8_t *)"more", 4, 4)), 1);
  RUN_UNTIL(server_end.received == 9);
  CHECK_INT(server_end.ends, 0);
  collect(&client_end, size);
  CHECK_INT(lw_transport_read_start(client_end.t), 0);
  RUN_UNTIL(client_end.received == size && server_end.writes == 1);
  CHECK(is_stream(&client_end));
  CHECK_INT(close_tls_pair(), 0);
  free(bytes);
  free(client_end.data);
}

int main(void) {
  RUN(ends_with_who_asks_for_more_than_it_reads);
  RUN(answers_in_moderation_to_who_does_not_read);
  WITH_EACH_POLLER WITH_EACH_DEPTH {
    RUN(tells_the_end_of_the_peer);
    RUN(ends_after_what_is_kept);
    RUN(says_goodbye_when_closed);
    RUN(is_told_of_a_cut_anywhere);
    RUN(can_be_closed_at_every_stage);
    RUN(can_be_closed_in_every_callback);
    RUN(answers_plain_text_in_plain_text);
    RUN(ends_what_is_no_tls);
    RUN(lets_a_failed_peer_be_closed);
    RUN(survives_failing_allocations);
    RUN(cannot_begin_without_memory);
  }
  return test_end();
}
