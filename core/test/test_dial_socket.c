/* What a dial does to a socket before it connects. */
#include "dial_fixture.h"

static int option_of(int fd, int level, int option) {
  int value = 0;
  socklen_t size = sizeof value;
  return getsockopt(fd, level, option, &value, &size) == 0 ? value : -1;
}

TEST(keeps_the_connection_alive) {
  start();
  int fd = listen_at("127.0.0.1", 0, 8);
  CHECK_INT(dial_host("127.0.0.1", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  CHECK(find_connection());
  CHECK(option_of(connection_fd, SOL_SOCKET, SO_KEEPALIVE) > 0);
#ifdef __linux__
  CHECK_INT(option_of(connection_fd, IPPROTO_TCP, 4 /* TCP_KEEPIDLE */), 60);
#endif
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(connects_from_a_local_address) {
  struct sockaddr_in peer;
  socklen_t size = sizeof peer;
  start();
  int fd = listen_at("127.0.0.1", 0, 8);
  CHECK_INT(dial_from("127.0.0.2", "127.0.0.1", port_of(fd)), 0);
  RUN_UNTIL(done_count == 1);
  int accepted = accept(fd, (struct sockaddr *)&peer, &size);
  CHECK(accepted >= 0);
  CHECK_INT(ntohl(peer.sin_addr.s_addr), 0x7f000002);
  close(accepted);
  close(fd);
  CHECK_INT(close_all(), 0);
}

TEST(says_what_is_wrong_with_a_local_address) {
  start();
  CHECK_INT(dial_from("localhost", "127.0.0.1", 9), UV_EINVAL);
  CHECK_INT(dial_from("::1", "127.0.0.1", 9), 0);
  RUN_UNTIL(done_count == 1);
  CHECK_INT(done_error, UV_EAFNOSUPPORT);
  CHECK_INT(dial_from("192.0.2.1", "127.0.0.1", 9), 0);
  RUN_UNTIL(done_count == 2);
  CHECK_INT(done_error, UV_EADDRNOTAVAIL);
  CHECK_INT(close_all(), 0);
}

int main(void) {
  RUN(keeps_the_connection_alive);
  RUN(connects_from_a_local_address);
  RUN(says_what_is_wrong_with_a_local_address);
  return test_end();
}
