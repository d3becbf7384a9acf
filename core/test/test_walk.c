/* A way along a server's connections whose function ends them: the one at hand, those that were
 * passed, and those that are still to come. */
#include <unistd.h>

#include "peer_fixture.h"
#include "test.h"

enum { PEERS = 4 };

static lw_loop *loop;
static lw_server *server;
static int peers[PEERS];
static unsigned opened;

static void on_open(lw_conn *conn) {
  (void)conn;
  opened++;
}

static const lw_conn_events conn_events = {.on_open = on_open};
static const lw_server_events server_events = {.conn = &conn_events};
static const lw_server_options options = {
    .host = "127.0.0.1",
    .backlog = 8,
    .max_connections = 8,
    .limits = {.max_message = 1 << 20, .max_buffered = 1 << 20, .handshake_ms = 10000}};

static bool start(void) {
  static const char request[] = UPGRADE_REQUEST "\r\n";
  opened = 0;
  loop = lw_loop_new(NULL, NULL);
  server = lw_server_open(loop, &options, &server_events, NULL, NULL);
  if (server == NULL) return false;
  for (int i = 0; i < PEERS; i++) {
    peers[i] = connect_to(server);
    send(peers[i], request, sizeof request - 1, MSG_NOSIGNAL);
  }
  for (int turns = 0; opened < PEERS && turns < 1000; turns++) lw_loop_step(loop, 10);
  return opened == PEERS;
}

static void end(void) {
  lw_loop_free(loop);
  for (int i = 0; i < PEERS; i++) close(peers[i]);
}

static uint64_t connections(void) {
  lw_server_stats stats;
  lw_server_stats_get(server, &stats);
  return stats.connections;
}

/* Until none but those that are held are left in memory. */
static void turn_until(uint64_t left) {
  for (int turns = 0; connections() > left && turns < 1000; turns++) lw_loop_step(loop, 10);
}

static void count(lw_conn *conn, void *context) {
  (void)conn;
  ++*(unsigned *)context;
}

static void end_one(lw_conn *conn, void *context) {
  uint64_t before = connections();
  ++*(unsigned *)context;
  lw_conn_terminate(conn);
  turn_until(before - 1);
}

TEST(each_may_end_itself) {
  unsigned called = 0;
  CHECK(start());
  lw_server_each(server, end_one, &called);
  CHECK_INT(called, PEERS);
  CHECK_INT(connections(), 0);
  end();
}

static void terminate(lw_conn *conn, void *context) {
  (void)context;
  lw_conn_terminate(conn);
}

/* The inner way ends what the outer one would go on with. */
static void end_all(lw_conn *conn, void *context) {
  unsigned inner = 0;
  ++*(unsigned *)context;
  (void)conn;
  lw_server_each(server, count, &inner);
  CHECK_INT(inner, PEERS);
  lw_server_each(server, terminate, NULL);
  turn_until(0);
}

TEST(the_first_may_end_all) {
  unsigned called = 0;
  CHECK(start());
  lw_server_each(server, end_all, &called);
  CHECK_INT(called, 1);
  CHECK_INT(connections(), 0);
  end();
}

int main(void) {
  RUN(each_may_end_itself);
  RUN(the_first_may_end_all);
  return test_end();
}
