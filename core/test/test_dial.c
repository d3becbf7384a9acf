#include "../net/dial.h"

#include <netdb.h>
#include <sys/un.h>

#include "dial_fixture.h"

static bool peer_is(const char *expected, int expected_port) {
  char text[108];
  int port;
  return lw_transport_peer(connected, text, sizeof text, &port) == 0 &&
         strcmp(text, expected) == 0 && port == expected_port;
}

static bool tried_is(const char *format, int port) {
  char expected[256];
  snprintf(expected, sizeof expected, format, port, port);
  if (strcmp(done_tried, expected) == 0) return true;
  printf("tried: %s\n", done_tried);
  return false;
}

/* --- one address --- */

TEST(connects_to_a_numeric_address) {
  start();
  int fd = listen_at("127.0.0.1", 0, 8);
  CHECK_INT(dial_host("127.0.0.1", port_of(fd)), 0);
  CHECK_INT(done_count, 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, 0);
  CHECK(peer_is("127.0.0.1", port_of(fd)));
  int value = 0;
  socklen_t size = sizeof value;
  CHECK(find_connection());
  CHECK_INT(getsockopt(connection_fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &size), 0);
  CHECK(value != 0);
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(says_that_it_was_refused) {
  start();
  int fd = refuse_at("127.0.0.1");
  CHECK_INT(dial_host("127.0.0.1", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, UV_ECONNREFUSED);
  CHECK(connected == NULL);
  CHECK(tried_is("127.0.0.1:%d: connection refused", port_of(fd)));
  close(fd);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 1);
}

TEST(reports_an_address_that_fails_at_once) {
  start();
  /* The broadcast address is refused by the system itself. */
  CHECK_INT(dial_host("255.255.255.255", 9), 0);
  CHECK_INT(done_count, 0);
  RUN_UNTIL(done_count == 1);
  CHECK(done_error < 0);
  CHECK(strstr(done_tried, "255.255.255.255:9: ") != NULL);
  CHECK_INT(close_all(), 0);
}

TEST(refuses_what_is_no_target) {
  static char long_path[200];
  memset(long_path, 'x', sizeof long_path - 1);
  start();
  CHECK_INT(dial_host(NULL, 80), UV_EINVAL);
  CHECK_INT(dial_host("", 80), UV_EINVAL);
  CHECK_INT(dial_host("127.0.0.1", 65536), UV_EINVAL);
  CHECK_INT(dial_host("127.0.0.1", -1), UV_EINVAL);
  CHECK_INT(dial_path(long_path), UV_ENAMETOOLONG);
  CHECK_INT(lw__dial_start_addresses(&dial, &net, NULL, 0, on_done, NULL), UV_EINVAL);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 0);
}

/* --- names --- */

TEST(resolves_a_name) {
  start();
  int fd = listen_at("127.0.0.1", 0, 8);
  CHECK_INT(dial_host("localhost", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, 0);
  CHECK(connected != NULL);
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(says_that_there_is_no_such_name) {
  start();
  /* A label of more than 63 characters never reaches a name server. */
  const char *name =
      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.invalid";
  CHECK_INT(dial_host(name, 80), 0);
  RUN_UNTIL(done_count == 1);
  CHECK(done_error < 0);
  CHECK(strncmp(done_tried, name, strlen(name)) == 0);
  CHECK_INT(close_all(), 0);
}

TEST(survives_cancelling_while_it_resolves) {
  start();
  CHECK_INT(dial_host("localhost", 80), 0);
  lw_dial_cancel(dial);
  CHECK_INT(close_all(), 0);
  start();
  CHECK_INT(dial_host("localhost", 80), 0);
  net_turn_now();
  if (done_count == 0) lw_dial_cancel(dial);
  CHECK_INT(close_all(), 0);
}

static bool localhost_has_ip6(void) {
  struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM}, *list;
  bool has = false;
  if (getaddrinfo("localhost", NULL, &hints, &list) != 0) return false;
  for (struct addrinfo *entry = list; entry != NULL; entry = entry->ai_next)
    has = has || entry->ai_family == AF_INET6;
  freeaddrinfo(list);
  return has;
}

TEST(finds_the_family_that_listens) {
  start();
  int fd = listen_at("::1", 0, 8);
  if (fd < 0 || !localhost_has_ip6()) {
    printf("skipped: localhost has no IPv6 address\n");
  } else {
    CHECK_INT(dial_host("localhost", port_of(fd)), 0);
    RUN_UNTIL(done_count == 1);
    CHECK_INT(done_error, 0);
    CHECK(peer_is("::1", port_of(fd)));
  }
  if (fd >= 0) close(fd);
  CHECK_INT(close_all(), 0);
}

/* --- the race --- */

static int dial_two(const char *first, int first_port, const char *second, int second_port) {
  struct sockaddr_storage addresses[2];
  lw__address_parse(first, first_port, &addresses[0]);
  lw__address_parse(second, second_port, &addresses[1]);
  return lw__dial_start_addresses(&dial, &net, addresses, 2, on_done, NULL);
}

static uint64_t took_ms;

/* Reaches a second address when the first one refuses. */
static void pass_a_refusal(void) {
  start();
  int dead = refuse_at("127.0.0.1"), alive = listen_at("127.0.0.2", 0, 8);
  uint64_t before = uv_hrtime();
  CHECK_INT(dial_two("127.0.0.1", port_of(dead), "127.0.0.2", port_of(alive)), 0);
  RUN_UNTIL(done_count == 1);
  took_ms = (uv_hrtime() - before) / 1000000;
  CHECK(peer_is("127.0.0.2", port_of(alive)));
  close(dead);
  close(alive);
  CHECK_INT(close_all(), 0);
}

/* A machine that stands still may make it late a few times, not always. */
TEST(goes_on_at_once_when_one_is_refused) {
  took_ms = UINT64_MAX;
  for (int tries = 0; took_ms >= 240 && tries < 20; tries++) pass_a_refusal();
  CHECK(took_ms < 240);
}

TEST(goes_on_to_the_other_family) {
  start();
  int dead = refuse_at("127.0.0.1"), alive = listen_at("::1", 0, 8);
  if (alive < 0) {
    printf("skipped: no IPv6 loopback\n");
  } else {
    CHECK_INT(dial_two("127.0.0.1", port_of(dead), "::1", port_of(alive)), 0);
    RUN_UNTIL(done_count == 1);
    CHECK(peer_is("::1", port_of(alive)));
    close(alive);
  }
  close(dead);
  CHECK_INT(close_all(), 0);
}

TEST(tries_the_next_when_one_does_not_answer) {
  struct hole hole;
  start();
  open_hole(&hole, "127.0.0.1");
  int alive = listen_at("127.0.0.2", 0, 8);
  uint64_t before = uv_hrtime();
  CHECK_INT(dial_two("127.0.0.1", port_of(hole.listening), "127.0.0.2", port_of(alive)), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, 0);
  CHECK(peer_is("127.0.0.2", port_of(alive)));
  CHECK((uv_hrtime() - before) / 1000000 >= 240);
  close(alive);
  close_hole(&hole);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 1);
}

static bool tells(const char *expected) {
  char *tried = lw_dial_tried(dial);
  bool is_told = tried != NULL && strcmp(tried, expected) == 0;
  free(tried);
  return is_told;
}

TEST(lists_all_that_was_tried) {
  start();
  int fd = refuse_at("127.0.0.1");
  CHECK_INT(dial_two("::1", port_of(fd), "127.0.0.1", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, UV_ECONNREFUSED);
  if (strstr(done_tried, "[::1]:") != NULL && strstr(done_tried, "refused; ") != NULL)
    CHECK(tried_is("[::1]:%d: connection refused; 127.0.0.1:%d: connection refused", port_of(fd)));
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(tells_at_any_time_what_was_tried) {
  struct hole hole;
  start();
  open_hole(&hole, "127.0.0.1");
  int port = port_of(hole.listening), dead = refuse_at("127.0.0.2");
  CHECK_INT(dial_host("127.0.0.1", port), 0);
  CHECK(tells("127.0.0.1: not tried yet"));
  lw_dial_cancel(dial);
  CHECK_INT(dial_host("localhost", port), 0);
  CHECK(tells("localhost: the name is not resolved yet"));
  lw_dial_cancel(dial);
  CHECK_INT(dial_two("127.0.0.2", port_of(dead), "127.0.0.1", port), 0);
  char expected[128];
  snprintf(expected, sizeof expected, "127.0.0.2:%d: connection refused; 127.0.0.1:%d: no answer",
           port_of(dead), port);
  RUN_UNTIL(tells(expected));
  lw_dial_cancel(dial);
  close(dead);
  close_hole(&hole);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 0);
}

TEST(survives_cancelling_while_it_connects) {
  struct hole hole;
  start();
  open_hole(&hole, "127.0.0.1");
  CHECK_INT(dial_host("127.0.0.1", port_of(hole.listening)), 0);
  lw_dial_cancel(dial); /* before it began */
  CHECK_INT(dial_host("127.0.0.1", port_of(hole.listening)), 0);
  for (int i = 0; i < 5; i++) net_turn_now();
  lw_dial_cancel(dial); /* under way */
  close_hole(&hole);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 0);
}

TEST(survives_cancelling_when_done) {
  start();
  cancels_when_done = true;
  int fd = listen_at("127.0.0.1", 0, 8);
  CHECK_INT(dial_host("127.0.0.1", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  close(fd);
  CHECK_INT(close_all(), 0);
  CHECK_INT(done_count, 1);
}

/* --- unix sockets --- */

TEST(connects_to_a_unix_socket) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  snprintf(name.sun_path, sizeof name.sun_path, "/tmp/lunawire-dial-%d.sock", (int)getpid());
  unlink(name.sun_path);
  start();
  CHECK_INT(dial_path(name.sun_path), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, UV_ENOENT);
  CHECK(strstr(done_tried, ".sock: no such file or directory") != NULL);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  CHECK_INT(bind(fd, (struct sockaddr *)&name, sizeof name), 0);
  CHECK_INT(listen(fd, 8), 0);
  CHECK_INT(dial_path(name.sun_path), 0);
  RUN_UNTIL(done_count == 2);
  CHECK_INT(done_error, 0);
  CHECK(peer_is(name.sun_path, 0));
  close(fd);
  unlink(name.sun_path);
  CHECK_INT(close_all(), 0);
}

/* --- out of memory --- */

TEST(survives_failing_allocations) {
  start();
  int fd = listen_at("127.0.0.1", 0, 64);
  for (unsigned n = 1;; n++) {
    test_fail_allocation(n);
    int error = dial_host("127.0.0.1", port_of(fd));
    unsigned expected = done_count + (error == 0);
    RUN_UNTIL(done_count == expected);
    bool has_failed = test_allocation_failed();
    test_fail_allocation(0);
    if (!has_failed) break;
    CHECK_INT(error != 0 ? error : done_error, UV_ENOMEM);
    CHECK(n < 20);
  }
  CHECK_INT(done_error, 0);
  close(fd);
  CHECK_INT(close_all(), 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(connects_to_a_numeric_address);
    RUN(says_that_it_was_refused);
    RUN(reports_an_address_that_fails_at_once);
    RUN(refuses_what_is_no_target);
    RUN(resolves_a_name);
    RUN(says_that_there_is_no_such_name);
    RUN(survives_cancelling_while_it_resolves);
    RUN(finds_the_family_that_listens);
    RUN(goes_on_at_once_when_one_is_refused);
    RUN(goes_on_to_the_other_family);
    RUN(tries_the_next_when_one_does_not_answer);
    RUN(lists_all_that_was_tried);
    RUN(tells_at_any_time_what_was_tried);
    RUN(survives_cancelling_while_it_connects);
    RUN(survives_cancelling_when_done);
    RUN(connects_to_a_unix_socket);
    RUN(survives_failing_allocations);
  }
  return test_end();
}
