/* Plain HTTP on a connection when memory is short and when the loop is freed at any stage: the peer
 * gets answers or the end, and nothing is left behind. What it does otherwise is in spec/. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lunawire_http.h"
#include "peer_fixture.h"
#include "test.h"

/* A body, an answer in pieces, and behind both an upgrade. */
static const char requests[] =
    "POST / HTTP/1.1\r\n"
    "Host: x\r\n"
    "Transfer-Encoding: chunked\r\n"
    "\r\n"
    "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n"
    "GET / HTTP/1.1\r\n"
    "Host: x\r\n"
    "\r\n" UPGRADE_REQUEST "Sec-WebSocket-Extensions: permessage-deflate\r\n"
    "\r\n";
enum { FIRST_PIECE = 75 }; /* inside the body */

static unsigned opens, ends;
static bool keeps;      /* the connection that opens, and pauses it, */
static lw_conn *kept;   /* which is this one */
static lw_conn *asking; /* whose second request waits for its answer; NULL: none */

static void on_request(lw_conn *conn, const lw_request *request) {
  lw_failure failure;
  if (request->is_upgrade) {
    bool accepted = lw_conn_accept(conn, NULL, false, NULL, 0, &failure) ||
                    lw_conn_accept(conn, NULL, false, NULL, 0, &failure); /* it may try again */
    if (!accepted) lw_conn_terminate(conn);
  } else if (lw_conn_has_body(conn)) {
    lw_conn_read_body(conn, 1000, true, &failure);
  } else {
    asking = conn; /* the upgrade behind it has to wait */
  }
}

static void on_body(lw_conn *conn, const char *data, size_t size, bool final) {
  lw_failure failure;
  if (final) lw_conn_respond(conn, 200, NULL, 0, data, size, &failure);
}

static void answer_in_pieces(lw_conn *conn) {
  lw_answer answer = {.status = 200, .length = LW_ANSWER_STREAM};
  lw_part part = {.data = "piece", .size = 5};
  if (!lw_conn_answer(conn, &answer, NULL)) return;
  lw_conn_answer_write(conn, &(lw_outgoing){.parts = &part, .part_count = 1});
  lw_conn_answer_finish(conn);
}

static void on_open(lw_conn *conn) {
  opens++;
  if (!keeps) return;
  lw_conn_hold(conn);
  lw_conn_pause(conn);
  kept = conn;
}

static void on_end(lw_conn *conn) {
  if (asking == conn) asking = NULL;
  ends++;
}

static const lw_conn_events conn_events = {
    .on_request = on_request, .on_body = on_body, .on_open = on_open, .on_end = on_end};
static const lw_server_events server_events = {.conn = &conn_events};

static lw_server *open_server(lw_loop *loop) {
  lw_compression compression = {
      .level = 1, .memory_level = 1, .window_bits = 9, .peer_window_bits = 9};
  lw_server_options options = {.host = "127.0.0.1",
                               .backlog = 8,
                               .max_connections = 8,
                               .decide_upgrades = true,
                               .compression = &compression,
                               .limits = {.max_message = 1 << 20,
                                          .max_buffered = 1 << 20,
                                          .high_water = 1 << 16,
                                          .handshake_ms = 10000,
                                          .keep_alive_ms = 10000,
                                          .body_ms = 10000,
                                          .write_ms = 10000,
                                          .close_ms = 5000}};
  return lw_server_open(loop, &options, &server_events, NULL, NULL);
}

/* What a peer read. */
typedef struct reading {
  char text[4000];
  size_t size;
  bool is_over; /* the end came, or the upgrade */
} reading;

static void read_more(reading *r, int peer) {
  ssize_t got = recv(peer, r->text + r->size, sizeof r->text - 1 - r->size, MSG_DONTWAIT);
  if (got > 0) r->size += (size_t)got;
  r->text[r->size] = '\0';
  bool has_ended = got == 0 || (got < 0 && errno != EAGAIN);
  r->is_over = has_ended || strstr(r->text, "HTTP/1.1 101 ") != NULL;
}

/* The n-th allocation from the first byte on fails (0: none does), and the loop is freed after
 * `turns` of it. False when the peer got no end. */
static bool serve_one(unsigned n, int turns, bool *failed, reading *r) {
  lw_loop *loop = lw_loop_new(NULL, NULL);
  lw_server *server = loop != NULL ? open_server(loop) : NULL;
  int peer = server != NULL ? connect_to(server) : -1;
  if (peer < 0) return false;
  *r = (reading){0};
  opens = ends = 0;
  asking = NULL;
  test_fail_allocation(n);
  send(peer, requests, FIRST_PIECE, MSG_NOSIGNAL);
  for (int turn = 0; turn < turns && !r->is_over; turn++) {
    if (turn == 3)
      send(peer, requests + FIRST_PIECE, sizeof requests - 1 - FIRST_PIECE, MSG_NOSIGNAL);
    lw_loop_step(loop, turn > 10 ? 10 : 1);
    lw_conn *conn = asking;
    asking = NULL;
    if (conn != NULL && turn > 4) answer_in_pieces(conn);
    if (conn != NULL && turn <= 4) asking = conn;
    read_more(r, peer);
  }
  *failed = test_allocation_failed();
  test_fail_allocation(0);
  close(peer);
  lw_loop_free(loop);
  return r->is_over;
}

enum { ENOUGH = 300 };

TEST(opens_behind_other_requests) {
  reading r;
  bool failed;
  CHECK(serve_one(0, ENOUGH, &failed, &r));
  CHECK(strstr(r.text, "hello world") != NULL);
  CHECK(strstr(r.text, "5\r\npiece\r\n0\r\n\r\n") != NULL);
  CHECK(strstr(r.text, "HTTP/1.1 101 ") != NULL);
  CHECK_INT(opens, 1); /* in the same turn as the answer */
}

TEST(survives_failing_allocations) {
  reading r;
  bool failed = true;
  unsigned n;
  for (n = 1; failed; n++) {
    CHECK(serve_one(n, ENOUGH, &failed, &r));
    bool opened = strstr(r.text, "HTTP/1.1 101 ") != NULL;
    CHECK(opened || ends == 1 || r.size == 0); /* or it was not even accepted */
    CHECK(opens <= opened);
  }
  CHECK(n > 5);
}

TEST(may_be_freed_at_any_time) {
  reading r;
  bool failed;
  for (int turns = 0; turns < 15; turns++) serve_one(0, turns, &failed, &r);
}

TEST(answers_closed_when_the_loop_is_gone) {
  reading r;
  bool failed;
  keeps = true;
  CHECK(serve_one(0, ENOUGH, &failed, &r));
  keeps = false;
  CHECK(kept != NULL);
  lw_conn_resume(kept);
  CHECK_INT(lw_conn_state(kept), LW_CLOSED);
  lw_conn_release(kept);
}

int main(void) {
  RUN(opens_behind_other_requests);
  RUN(survives_failing_allocations);
  RUN(may_be_freed_at_any_time);
  RUN(answers_closed_when_the_loop_is_gone);
  return test_end();
}
