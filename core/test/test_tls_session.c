#include <stdio.h>

#include "tls_fixture.h"

/* More than a context keeps. */
#define MANY 40

static void open_all(void) {
  net_open();
  CHECK(open_contexts());
}

static int close_all(void) {
  int error = net_close();
  release_contexts();
  return error;
}

static void note_resumed(void *context, const char *name, const char *value) {
  bool *resumed = context;
  if (strcmp(name, "resumed") == 0) *resumed = strcmp(value, "true") == 0;
}

static bool is_resumed(const struct end *end) {
  bool resumed = false;
  return lw_tls_describe(end->t, note_resumed, &resumed) && resumed;
}

static void start_pair(struct end *client, struct end *server, const char *name) {
  int fds[2];
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  end_adopt(client, lw_tls_connect(over_fd(fds[0]), client_context, name));
  end_adopt(server, lw_tls_accept(over_fd(fds[1]), server_context));
  lw_transport_read_start(server->t);
  lw_transport_read_start(client->t);
  lw_transport_write(server->t, make_out((const uint8_t *)"hello", 5, 5));
}

/* The server's hello comes behind its ticket. */
static void end_pair(struct end *client, struct end *server, bool resumed) {
  RUN_UNTIL(client->received == 5);
  CHECK_INT(is_resumed(client), resumed);
  CHECK_INT(is_resumed(server), resumed);
  end_close(client);
  end_close(server);
  RUN_UNTIL(client->closes == 1 && server->closes == 1);
}

static void expect(const char *name, bool resumed) {
  start_pair(&client_end, &server_end, name);
  end_pair(&client_end, &server_end, resumed);
}

static void expect_number(int number, bool resumed) {
  char name[32];
  snprintf(name, sizeof name, "host%d.example", number);
  expect(name, resumed);
}

TEST(resumes_with_the_same_server_only) {
  open_all();
  expect("a.example", false);
  expect("a.example", true);
  expect("a.example", true);
  expect("b.example", false);
  expect("b.example", true);
  CHECK_INT(close_all(), 0);
}

TEST(uses_a_ticket_once) {
  struct end client, server;
  open_all();
  expect("a.example", false);
  start_pair(&client_end, &server_end, "a.example");
  start_pair(&client, &server, "a.example");
  end_pair(&client_end, &server_end, true);
  end_pair(&client, &server, false);
  expect("a.example", true); /* both left one */
  CHECK_INT(close_all(), 0);
}

TEST(forgets_the_oldest) {
  open_all();
  for (int i = 0; i < MANY; i++) expect_number(i, false);
  expect_number(MANY - 1, true);
  expect_number(0, false);
  CHECK_INT(close_all(), 0);
}

TEST(shakes_hands_in_full_when_the_server_forgot) {
  open_all();
  expect("a.example", false);
  lw_tls_context *client = client_context;
  lw_tls_context_release(server_context);
  CHECK(open_contexts());
  lw_tls_context_release(client_context);
  client_context = client;
  expect("a.example", false);
  expect("a.example", true);
  CHECK_INT(close_all(), 0);
}

TEST(survives_a_handshake_that_ends_early) {
  int fds[2];
  open_all();
  expect("a.example", false);
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  end_adopt(&client_end, lw_tls_connect(over_fd(fds[0]), client_context, "a.example"));
  lw_transport_read_start(client_end.t);
  close(fds[1]);
  RUN_UNTIL(client_end.ends == 1);
  end_close(&client_end);
  RUN_UNTIL(client_end.closes == 1);
  expect("a.example", false);
  CHECK_INT(close_all(), 0);
}

int main(void) {
  RUN(resumes_with_the_same_server_only);
  RUN(uses_a_ticket_once);
  RUN(forgets_the_oldest);
  RUN(shakes_hands_in_full_when_the_server_forgot);
  RUN(survives_a_handshake_that_ends_early);
  return test_end();
}
