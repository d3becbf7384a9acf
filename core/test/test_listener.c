#include "../net/listener.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/un.h>

#include "net_fixture.h"

static lw_listener *listener;
static lw_transport *accepted[256];
static unsigned accept_count, error_count, opened_count, closed_count;
static int accept_error;
static bool closes_when_accepting;

static void on_accept(void *owner, lw_transport *t) {
  (void)owner;
  accepted[accept_count++] = t;
  if (closes_when_accepting) lw_listener_close(listener);
}

static void on_accept_error(void *owner, int error) {
  (void)owner;
  error_count++;
  accept_error = error;
}

static void on_closed(void *owner) {
  (void)owner;
  closed_count++;
}

static const lw_listener_events events = {on_accept, on_accept_error, on_closed};

static int open_at(lw_listen_address address) {
  if (address.backlog == 0) address.backlog = 128;
  int error = lw_listener_open(&listener, &net, &address, &events, NULL);
  opened_count += error == 0;
  return error;
}

static int open_host(const char *host) {
  return open_at((lw_listen_address){.host = host});
}

static void start(void) {
  net_open();
  listener = NULL;
  accept_count = error_count = opened_count = closed_count = 0;
  closes_when_accepting = false;
}

static int close_all(void) {
  for (unsigned i = 0; i < accept_count; i++) lw_transport_close(accepted[i]);
  if (listener != NULL) lw_listener_close(listener);
  int error = net_close();
  return error != 0 ? error : closed_count == opened_count ? 0 : -1;
}

static int port_of(const lw_listener *of) {
  char text[64];
  int port = -1;
  lw_listener_address(of, text, sizeof text, &port);
  return port;
}

static bool address_is(const char *expected) {
  char text[64];
  int port;
  return lw_listener_address(listener, text, sizeof text, &port) == 0 &&
         strcmp(text, expected) == 0;
}

/* A plain socket connected to the port, or -1. */
static int connect_to(int family, int port) {
  struct sockaddr_in6 ip6 = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
  struct sockaddr_in ip4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  ip6.sin6_port = ip4.sin_port = htons((uint16_t)port);
  bool is_ip6 = family == AF_INET6;
  int fd = socket(family, SOCK_STREAM, 0);
  const void *name = is_ip6 ? (const void *)&ip6 : (const void *)&ip4;
  if (connect(fd, name, is_ip6 ? sizeof ip6 : (socklen_t)sizeof ip4) == 0) return fd;
  close(fd);
  return -1;
}

static int connect_to_path(const char *path) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strncpy(name.sun_path, path, sizeof name.sun_path - 1);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0) return fd;
  close(fd);
  return -1;
}

static bool has_ip6(void) {
  struct sockaddr_in6 name = {.sin6_family = AF_INET6, .sin6_addr = in6addr_loopback};
  int fd = socket(AF_INET6, SOCK_STREAM, 0);
  bool can = fd >= 0 && bind(fd, (struct sockaddr *)&name, sizeof name) == 0;
  if (fd >= 0) close(fd);
  return can;
}

static bool peer_is(lw_transport *t, const char *expected) {
  char text[64];
  int port;
  return lw_transport_peer(t, text, sizeof text, &port) == 0 && strcmp(text, expected) == 0;
}

/* --- TCP --- */

TEST(accepts_several) {
  int fds[100];
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  CHECK(address_is("127.0.0.1"));
  CHECK(port_of(listener) > 0);
  for (int i = 0; i < 100; i++) CHECK((fds[i] = connect_to(AF_INET, port_of(listener))) >= 0);
  RUN_UNTIL(accept_count == 100);
  CHECK(peer_is(accepted[0], "127.0.0.1"));
  CHECK_INT(error_count, 0);
  for (int i = 0; i < 100; i++) close(fds[i]);
  CHECK_INT(close_all(), 0);
}

TEST(sets_no_delay) {
  start();
  CHECK_INT(open_host("localhost"), 0);
  CHECK(address_is("127.0.0.1"));
  int fd = connect_to(AF_INET, port_of(listener)), value = 0;
  RUN_UNTIL(accept_count == 1);
  socklen_t size = sizeof value;
  CHECK(find_connection_besides(fd));
  CHECK_INT(getsockopt(connection_fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &value, &size), 0);
  CHECK(value != 0);
  CHECK(fcntl(connection_fd, F_GETFD) & FD_CLOEXEC);
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(listens_on_both_families) {
  start();
  CHECK_INT(open_host("*"), 0);
  int fd4 = connect_to(AF_INET, port_of(listener));
  CHECK(fd4 >= 0);
  RUN_UNTIL(accept_count == 1);
  CHECK(peer_is(accepted[0], "127.0.0.1"));
  if (has_ip6()) {
    int fd6 = connect_to(AF_INET6, port_of(listener));
    CHECK(fd6 >= 0);
    RUN_UNTIL(accept_count == 2);
    CHECK(peer_is(accepted[1], "::1"));
    close(fd6);
  } else {
    printf("skipped: no IPv6 loopback\n");
  }
  close(fd4);
  CHECK_INT(close_all(), 0);
}

TEST(listens_on_one_family_when_told_so) {
  if (!has_ip6()) {
    printf("skipped: no IPv6 loopback\n");
    return;
  }
  start();
  CHECK_INT(open_host("::"), 0);
  CHECK_INT(connect_to(AF_INET, port_of(listener)), -1);
  CHECK_INT(close_all(), 0);
}

TEST(says_at_once_that_the_port_is_taken) {
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  lw_listener *first = listener;
  lw_listen_address same = {.host = "127.0.0.1", .port = port_of(first), .backlog = 1};
  CHECK_INT(open_at(same), UV_EADDRINUSE);
  same.host = "*";
  CHECK_INT(open_at(same), UV_EADDRINUSE);
  same.reuse_port = true;
  CHECK_INT(open_at(same), UV_EADDRINUSE); /* the first did not agree to share */
  listener = first;
  CHECK_INT(close_all(), 0);
}

TEST(shares_a_port) {
  start();
  CHECK_INT(open_at((lw_listen_address){.host = "127.0.0.1", .reuse_port = true}), 0);
  lw_listener *first = listener;
  lw_listen_address same = {.host = "127.0.0.1", .port = port_of(first), .reuse_port = true};
  CHECK_INT(open_at(same), 0);
  lw_listener_close(first);
  RUN_UNTIL(closed_count == 1);
  CHECK_INT(close_all(), 0);
}

TEST(can_take_its_port_again) {
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  int port = port_of(listener);
  int fd = connect_to(AF_INET, port);
  RUN_UNTIL(accept_count == 1);
  lw_listener_close(listener); /* the connection stays */
  CHECK_INT(open_at((lw_listen_address){.host = "127.0.0.1", .port = port}), 0);
  RUN_UNTIL(closed_count == 1);
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(refuses_what_is_no_address) {
  start();
  CHECK_INT(open_host("example"), UV_EINVAL);
  CHECK_INT(open_host(""), UV_EINVAL);
  CHECK_INT(open_at((lw_listen_address){.host = "*", .port = 65536}), UV_EINVAL);
  CHECK_INT(open_at((lw_listen_address){.host = "*", .port = -1}), UV_EINVAL);
  CHECK_INT(open_host("192.0.2.1"), UV_EADDRNOTAVAIL);
  CHECK_INT(close_all(), 0);
}

TEST(can_be_closed_when_accepting) {
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  closes_when_accepting = true;
  int a = connect_to(AF_INET, port_of(listener)), b = connect_to(AF_INET, port_of(listener));
  RUN_UNTIL(closed_count == 1);
  listener = NULL;
  CHECK_INT(accept_count, 1);
  close(a);
  close(b);
  CHECK_INT(close_all(), 0);
}

/* --- running out --- */

TEST(drops_connections_without_descriptors) {
  struct rlimit old, low;
  int fds[8];
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  for (int i = 0; i < 8; i++) CHECK((fds[i] = connect_to(AF_INET, port_of(listener))) >= 0);
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  net_turn_now(); /* what libuv opens itself it has now */
  unsigned before = accept_count;
  for (int i = 0; i < 4; i++) {
    close(fds[i]);
    CHECK((fds[i] = connect_to(AF_INET, port_of(listener))) >= 0);
  }
  low.rlim_cur = 4; /* below all that are in use */
  setrlimit(RLIMIT_NOFILE, &low);
  for (int i = 0; i < 10; i++) net_turn_now();
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK(error_count > 0);
  CHECK_INT(accept_error, UV_EMFILE);
  RUN_UNTIL(accept_count == before + 4); /* none of it could be dropped, so they waited */
  for (int i = 0; i < 8; i++) close(fds[i]);
  CHECK_INT(close_all(), 0);
}

/* Takes all descriptors that are left under a low limit. */
static unsigned take_descriptors(int *taken, unsigned max) {
  unsigned count = 0;
  while (count < max && (taken[count] = dup(0)) >= 0) count++;
  return count;
}

TEST(drops_with_the_reserve) {
  struct rlimit old, low;
  int fds[8], taken[256];
  start();
  CHECK_INT(open_host("127.0.0.1"), 0);
  net_turn_now();
  for (int i = 0; i < 8; i++) CHECK((fds[i] = connect_to(AF_INET, port_of(listener))) >= 0);
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = 128;
  setrlimit(RLIMIT_NOFILE, &low);
  unsigned count = take_descriptors(taken, 256);
  close(taken[--count]); /* room for one */
  for (int i = 0; i < 3; i++) net_turn_now();
  while (count > 0) close(taken[--count]);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK_INT(accept_count, 1);
  CHECK_INT(error_count, 7);
  CHECK_INT(accept_error, UV_EMFILE);
  char byte;
  CHECK_INT(read(fds[7], &byte, 1), 0); /* hung up on */
  int last = connect_to(AF_INET, port_of(listener));
  RUN_UNTIL(accept_count == 2);
  for (int i = 0; i < 8; i++) close(fds[i]);
  close(last);
  CHECK_INT(close_all(), 0);
}

TEST(reports_a_failed_allocation) {
  start();
  test_fail_allocation(1);
  CHECK_INT(open_host("127.0.0.1"), UV_ENOMEM);
  CHECK_INT(open_host("127.0.0.1"), 0);
  int fd = connect_to(AF_INET, port_of(listener));
  test_fail_allocation(1);
  RUN_UNTIL(error_count == 1);
  CHECK_INT(accept_error, UV_ENOMEM);
  CHECK_INT(accept_count, 0);
  close(fd);
  CHECK_INT(close_all(), 0);
}

/* --- unix sockets --- */

static char path[64];

static const char *new_path(void) {
  snprintf(path, sizeof path, "/tmp/lunawire-test-%d.sock", (int)getpid());
  unlink(path);
  return path;
}

TEST(accepts_on_a_unix_socket) {
  start();
  CHECK_INT(open_at((lw_listen_address){.path = new_path()}), 0);
  CHECK(address_is(path));
  CHECK_INT(port_of(listener), 0);
  int fd = connect_to_path(path);
  CHECK(fd >= 0);
  RUN_UNTIL(accept_count == 1);
  CHECK(peer_is(accepted[0], ""));
  close(fd);
  CHECK_INT(close_all(), 0);
  CHECK(access(path, F_OK) != 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(accepts_several);
    RUN(sets_no_delay);
    RUN(listens_on_both_families);
    RUN(listens_on_one_family_when_told_so);
    RUN(says_at_once_that_the_port_is_taken);
    RUN(shares_a_port);
    RUN(can_take_its_port_again);
    RUN(refuses_what_is_no_address);
    RUN(can_be_closed_when_accepting);
    RUN(drops_connections_without_descriptors);
    RUN(drops_with_the_reserve);
    RUN(reports_a_failed_allocation);
    RUN(accepts_on_a_unix_socket);
  }
  return test_end();
}
