/* Time limits and a handler that takes long: what a peer sent in time counts, however late it is
 * read. The limits themselves are tested in spec/. */
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "peer_fixture.h"
#include "test.h"

enum { CLOSE_MS = 50, SLOW_MS = 4 * CLOSE_MS };

static const char request[] = UPGRADE_REQUEST "\r\n";
/* Masked with a key of zeros. */
static const char message[] = "\x82\x81\0\0\0\0x";
static const char close_frame[] = "\x88\x82\0\0\0\0\x03\xe8";

static lw_conn *other;  /* whose time runs while the handler works */
static int other_peer;  /* its other end */
static bool is_in_time; /* the peer answers before the handler is done */
static unsigned opened, close_code;

static void on_open(lw_conn *conn) {
  if (opened++ == 0) other = conn;
}

/* Ends the other connection, whose peer answers at once or never, and takes longer than it may. */
static void on_message(lw_conn *conn, lw_kind kind, const char *data, size_t size) {
  (void)conn, (void)kind, (void)data, (void)size;
  lw_conn_close(other, 1000, "", 0);
  if (is_in_time) send(other_peer, close_frame, sizeof close_frame - 1, MSG_NOSIGNAL);
  nanosleep(&(struct timespec){.tv_nsec = SLOW_MS * 1000000L}, NULL);
}

static void on_close(lw_conn *conn, unsigned code, const char *reason, size_t size) {
  (void)reason, (void)size;
  if (conn == other) close_code = code;
}

static const lw_conn_events conn_events = {
    .on_open = on_open, .on_message = on_message, .on_close = on_close};
static const lw_server_events server_events = {.conn = &conn_events};

static const lw_server_options options = {.host = "127.0.0.1",
                                          .backlog = 8,
                                          .max_connections = 8,
                                          .limits = {.max_message = 1 << 20,
                                                     .max_buffered = 1 << 20,
                                                     .handshake_ms = 10000,
                                                     .close_ms = CLOSE_MS}};

static int open_peer(lw_loop *loop, lw_server *server) {
  unsigned before = opened;
  int peer = connect_to(server);
  send(peer, request, sizeof request - 1, MSG_NOSIGNAL);
  for (int turns = 0; opened == before && turns < 1000; turns++) lw_loop_step(loop, 10);
  return peer;
}

/* Sets close_code to what the other connection ends with. */
static void end_beside_a_slow_handler(void) {
  lw_loop *loop = lw_loop_new(NULL, NULL);
  lw_server *server = lw_server_open(loop, &options, &server_events, NULL, NULL);
  CHECK(server != NULL);
  opened = close_code = 0;
  other_peer = open_peer(loop, server);
  int busy_peer = open_peer(loop, server);
  CHECK_INT(opened, 2);
  CHECK(send(busy_peer, message, sizeof message - 1, MSG_NOSIGNAL) > 0);
  for (int turns = 0; close_code == 0 && turns < 1000; turns++) lw_loop_step(loop, 10);
  lw_loop_free(loop);
  close(other_peer);
  close(busy_peer);
}

TEST(an_answer_in_time_is_not_found_late) {
  is_in_time = true;
  end_beside_a_slow_handler();
  CHECK_INT(close_code, 1000);
}

TEST(a_peer_that_does_not_answer_is_given_up) {
  is_in_time = false;
  end_beside_a_slow_handler();
  CHECK_INT(close_code, 1006);
}

int main(void) {
  RUN(an_answer_in_time_is_not_found_late);
  RUN(a_peer_that_does_not_answer_is_given_up);
  return test_end();
}
