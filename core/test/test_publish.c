/* Publishing when memory is short: whatever allocation fails, it is said or ends a connection, and
 * nothing is left behind. What publishing does otherwise is in spec/. */
#include <string.h>

#include "../lunawire_client.h"
#include "test.h"

enum { SUBSCRIBERS = 3 };

typedef struct client {
  lw_conn *conn;
  char firsts[16]; /* the first byte of each message that came */
  size_t size;     /* of all of them */
  bool closed;
} client;

static lw_conn *subscribers[SUBSCRIBERS]; /* the server's connections */
static client clients[SUBSCRIBERS];
static unsigned opened; /* of the server's connections */
static unsigned clients_opened;
static char large[20000];

static void on_server_open(lw_conn *conn) {
  lw_conn_hold(conn);
  subscribers[opened++] = conn;
}

static void on_client_open(lw_conn *conn) {
  (void)conn;
  clients_opened++;
}

static void on_client_message(lw_conn *conn, lw_kind kind, const char *data, size_t size) {
  client *c = lw_conn_user(conn);
  (void)kind;
  if (strlen(c->firsts) < sizeof c->firsts - 1) strncat(c->firsts, data, 1);
  c->size += size;
}

static void on_client_close(lw_conn *conn, unsigned code, const char *reason, size_t size) {
  (void)code, (void)reason, (void)size;
  ((client *)lw_conn_user(conn))->closed = true;
}

static const lw_conn_events server_conn_events = {.on_open = on_server_open};
static const lw_server_events server_events = {.conn = &server_conn_events};
static const lw_conn_events client_events = {
    .on_open = on_client_open, .on_message = on_client_message, .on_close = on_client_close};

/* A keyed message is held as soon as anything waits. */
static const lw_limits limits = {.max_message = 1 << 20,
                                 .max_buffered = 1 << 20,
                                 .high_water = 0,
                                 .handshake_ms = 10000,
                                 .close_ms = 5000};

static const lw_compression compression = {
    .threshold = 1000, .level = 1, .memory_level = 5, .window_bits = 15, .peer_window_bits = 15};

static lw_server *open_server(lw_loop *loop) {
  static const char *const any[] = {"*", NULL};
  lw_server_options options = {.host = "127.0.0.1",
                               .backlog = 8,
                               .max_connections = 8,
                               .max_topics = 8,
                               .origins = any,
                               .compression = &compression,
                               .limits = limits};
  return lw_server_open(loop, &options, &server_events, NULL, NULL);
}

/* The last one compresses; the others get the same messages as they are. */
static bool connect_all(lw_loop *loop, lw_server *server) {
  char address[64];
  int port;
  if (!lw_server_address(server, address, sizeof address, &port)) return false;
  lw_connect_options options = {
      .host = address, .port = port, .authority = "x", .target = "/", .limits = limits};
  memset(clients, 0, sizeof clients);
  opened = clients_opened = 0;
  for (int i = 0; i < SUBSCRIBERS; i++) {
    options.compression = i == SUBSCRIBERS - 1 ? &compression : NULL;
    clients[i].conn = lw_connect(loop, &options, &client_events, &clients[i], NULL);
    if (clients[i].conn == NULL) return false;
  }
  for (int turns = 0; opened + clients_opened < 2 * SUBSCRIBERS && turns < 1000; turns++)
    lw_loop_step(loop, 10);
  return opened == SUBSCRIBERS && clients_opened == SUBSCRIBERS;
}

static size_t delivered;

static bool publish(lw_server *server, char first, size_t size, const char *key) {
  large[0] = first;
  lw_part part = {.data = large, .size = size};
  lw_outgoing message = {.kind = LW_TEXT, .parts = &part, .part_count = 1};
  lw_publication publication = {.topic = "t",
                                .topic_size = 1,
                                .message = &message,
                                .key = key,
                                .key_size = key != NULL ? strlen(key) : 0};
  size_t count;
  lw_send_result result = lw_server_publish(server, &publication, &count);
  delivered += count * size;
  return result == LW_SEND_OK || (result == LW_SEND_NOMEM && count == 0);
}

static bool publish_all(lw_server *server) {
  delivered = 0;
  bool done = publish(server, 'a', 10, NULL);
  done = publish(server, 'b', 10, "key") && done;
  done = publish(server, 'c', 20, "key") && done; /* takes the place of b */
  done = publish(server, 'd', 20000, NULL) && done;
  done = publish(server, 'e', 5000, "other") && done;
  return publish(server, 'f', 100, NULL) && done;
}

static bool are_all_closed(void) {
  for (int i = 0; i < SUBSCRIBERS; i++) {
    if (!clients[i].closed) return false;
  }
  return true;
}

/* Ends everything as usual: what was delivered arrives first. */
static bool end(lw_loop *loop, lw_server *server) {
  lw_server_stop(server, 1001, "");
  for (int turns = 0; !are_all_closed() && turns < 1000; turns++) lw_loop_step(loop, 10);
  bool closed = are_all_closed();
  for (unsigned i = 0; i < opened; i++) lw_conn_release(subscribers[i]);
  for (int i = 0; i < SUBSCRIBERS; i++) lw_conn_release(clients[i].conn);
  lw_server_release(server);
  lw_loop_free(loop);
  return closed;
}

/* One allocation fails between subscribing and the end of the batch; *reached tells whether there
 * were so many. */
static bool survives(unsigned n, bool *reached) {
  lw_loop *loop = lw_loop_new(NULL, NULL);
  lw_server *server = open_server(loop);
  if (server == NULL) return false;
  lw_server_hold(server);
  bool good = connect_all(loop, server);
  test_fail_allocation(n);
  for (unsigned i = 0; i < opened; i++) {
    lw_send_result result = lw_conn_subscribe(subscribers[i], "t", 1);
    good = good && (result == LW_SEND_OK || result == LW_SEND_NOMEM);
  }
  good = publish_all(server) && good;
  lw_loop_step(loop, 0);
  *reached = test_allocation_failed();
  test_fail_allocation(0);
  return end(loop, server) && good;
}

TEST(survives_any_failed_allocation) {
  memset(large, 'x', sizeof large);
  for (unsigned n = 1; n < 1000; n++) {
    bool reached;
    CHECK(survives(n, &reached));
    if (reached) continue;
    CHECK(n > 10);
    for (int i = 0; i < SUBSCRIBERS; i++) {
      CHECK(strcmp(clients[i].firsts, "adfce") == 0);
      CHECK_INT(clients[i].size, 10 + 20 + 20000 + 5000 + 100);
    }
    CHECK_INT(delivered, SUBSCRIBERS * (10 + 10 + 20 + 20000 + 5000 + 100));
    return;
  }
}

int main(void) {
  RUN(survives_any_failed_allocation);
  return test_end();
}
