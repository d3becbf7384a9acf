#include <signal.h>

#include "net_pair.h"

/* --- writing --- */

TEST(writes_small_output_at_once) {
  start(open_tcp_pair);
  uint8_t *bytes = stream_bytes(20000);
  lw_out *out = make_out(bytes, 20000, 5000);
  CHECK_INT(lw_transport_write(end.t, out), 1);
  CHECK_INT(releases, references);
  CHECK_INT(lw_transport_unwritten(end.t), 0);
  while (peer_received < 20000) CHECK(peer_reads());
  CHECK_INT(end.writes, 0);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(writes_nothing_at_once) {
  start(open_tcp_pair);
  CHECK_INT(lw_transport_write(end.t, lw_out_take(net.outs)), 1);
  CHECK_INT(close_all(), 0);
}

static void write_to_slow_reader(void (*open_pair)(void), size_t size, size_t piece) {
  start(open_pair);
  uint8_t *bytes = stream_bytes(size);
  CHECK_INT(lw_transport_write(end.t, make_out(bytes, size, piece)), 0);
  CHECK_INT(end.writes, 0);
  CHECK(lw_transport_unwritten(end.t) > 0);
  while (peer_received < size && !is_late) {
    size_t before = peer_received;
    CHECK(peer_reads());
    /* Nothing may be lost or counted twice between the kernel and us. */
    CHECK(lw_transport_unwritten(end.t) <= size - peer_received);
    if (peer_received == before) net_turn_now();
  }
  RUN_UNTIL(end.writes == 1);
  CHECK_INT(end.write_error, 0);
  CHECK_INT(lw_transport_unwritten(end.t), 0);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
  CHECK_INT(end.writes, 1);
  CHECK_INT(releases, references);
  free(bytes);
}

TEST(writes_the_rest_later) {
  write_to_slow_reader(open_tcp_pair, 32u << 20, 1u << 20);
}

TEST(writes_many_pieces_later) {
  write_to_slow_reader(open_tcp_pair, 32u << 20, 4000);
}

TEST(writes_the_rest_later_on_a_unix_socket) {
  write_to_slow_reader(open_unix_pair, 8u << 20, 1000);
}

TEST(refuses_output_while_some_is_kept) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  unsigned kept = references, released = releases;
  lw_out *more = make_out(bytes, 20000, 5000);
  CHECK_INT(lw_transport_write(end.t, more), UV_EBUSY);
  CHECK_INT(releases, references); /* the refused one's are released */
  releases = released;
  CHECK_INT(close_all(), 0);
  CHECK_INT(releases, kept);
  CHECK_INT(end.writes, 0);
  free(bytes);
}

TEST(gives_up_what_is_kept_when_closed) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  CHECK(releases < references);
  end_close(&end);
  CHECK_INT(end.closes, 0); /* never from inside a call */
  CHECK_INT(close_all(), 0);
  CHECK_INT(releases, references);
  CHECK_INT(end.writes, 0);
  free(bytes);
}

TEST(refuses_output_when_closed) {
  start(open_tcp_pair);
  uint8_t *bytes = stream_bytes(20000);
  end_close(&end);
  lw_out *out = make_out(bytes, 20000, 5000);
  CHECK(lw_transport_write(end.t, out) < 0);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

/* --- the peer goes away --- */

TEST(reports_a_reset_while_output_is_kept) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  reset_peer();
  RUN_UNTIL(end.writes == 1);
  CHECK(end.write_error < 0);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(reports_a_reset_when_reading_as_well) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  reset_peer();
  RUN_UNTIL(end.writes == 1 && end.ends == 1);
  CHECK_INT(end.end_error, UV_ECONNRESET);
  CHECK(end.write_error < 0);
  CHECK_INT(close_all(), 0);
  CHECK_INT(end.ends, 1);
  free(bytes);
}

/* Linux raises SIGPIPE then, which by default ends the process. */
TEST(survives_writing_to_a_reset_connection) {
  start(open_tcp_pair);
  shutdown(peer, SHUT_WR);
  CHECK_INT(write_some(), 1);
  reset_peer();
  int result = 1;
  for (int i = 0; i < 1000 && result == 1; i++) result = write_some();
  CHECK(result < 0);
  CHECK(write_some() < 0);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
}

TEST(survives_writing_to_a_closed_unix_socket) {
  start(open_unix_pair);
  close(peer);
  peer = -1;
  CHECK_INT(write_some(), UV_EPIPE);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
}

TEST(survives_a_peer_that_ends_and_resets_while_output_is_kept) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  shutdown(peer, SHUT_WR);
  CHECK(peer_reads());
  reset_peer();
  RUN_UNTIL(end.writes == 1);
  CHECK(end.write_error < 0);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(leaves_the_action_of_sigpipe_alone) {
  struct sigaction action;
  signal(SIGPIPE, SIG_DFL);
  start(open_tcp_pair);
  CHECK_INT(write_some(), 1);
  sigaction(SIGPIPE, NULL, &action);
  CHECK(action.sa_handler == SIG_DFL);
  CHECK_INT(close_all(), 0);
}

/* --- the rest --- */

TEST(knows_its_peer) {
  char address[64], small[4];
  int port;
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  start(open_tcp_pair);
  getsockname(peer, (struct sockaddr *)&name, &size);
  CHECK_INT(lw_transport_peer(end.t, address, sizeof address, &port), 0);
  CHECK(strcmp(address, "127.0.0.1") == 0);
  CHECK_INT(port, ntohs(name.sin_port));
  CHECK_INT(lw_transport_peer(end.t, small, sizeof small, &port), UV_ENOSPC);
  reset_peer();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.ends == 1);
  CHECK_INT(lw_transport_peer(end.t, address, sizeof address, &port), 0);
  CHECK(strcmp(address, "127.0.0.1") == 0);
  CHECK_INT(close_all(), 0);
  start(open_unix_pair);
  CHECK_INT(lw_transport_peer(end.t, address, sizeof address, &port), 0);
  CHECK(strcmp(address, "") == 0);
  CHECK_INT(port, 0);
  CHECK_INT(close_all(), 0);
}

static void count_data(uv_handle_t *handle, void *count) {
  *(unsigned *)count += uv_handle_get_data(handle) != NULL;
}

TEST(leaves_the_data_of_handles_alone) {
  unsigned count = 0;
  start(open_tcp_pair);
  uv_walk(&loop, count_data, &count);
  CHECK_INT(count, 0);
  CHECK_INT(close_all(), 0);
}

TEST(survives_failing_allocations) {
  struct sockaddr_storage name = {.ss_family = AF_UNIX};
  int error = 0, fds[2];
  net_open();
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  test_fail_allocation(1);
  CHECK(lw_tcp_new(&net, fds[0], &name, &error) == NULL);
  CHECK_INT(error, UV_ENOMEM);
  char byte;
  CHECK_INT(read(fds[1], &byte, 1), 0); /* the socket was closed */
  close(fds[1]);
  for (unsigned n = 1; n <= 3; n++) {
    lw_net failing;
    test_fail_allocation(n);
    CHECK_INT(lw_net_init(&failing, &loop, loop_is_own), UV_ENOMEM);
  }
  CHECK_INT(net_close(), 0);
}

TEST(refuses_what_libuv_cannot_watch) {
  struct sockaddr_storage name = {.ss_family = AF_UNIX};
  int error = 0, fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
  net_open();
  CHECK(lw_tcp_new(&net, fd, &name, &error) == NULL);
  CHECK(error < 0);
  CHECK_INT(fcntl(fd, F_GETFD), -1); /* it was closed */
  CHECK_INT(net_close(), 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(writes_small_output_at_once);
    RUN(writes_nothing_at_once);
    RUN(writes_the_rest_later);
    RUN(writes_many_pieces_later);
    RUN(writes_the_rest_later_on_a_unix_socket);
    RUN(refuses_output_while_some_is_kept);
    RUN(gives_up_what_is_kept_when_closed);
    RUN(refuses_output_when_closed);
    RUN(reports_a_reset_while_output_is_kept);
    RUN(reports_a_reset_when_reading_as_well);
    RUN(survives_writing_to_a_reset_connection);
    RUN(survives_writing_to_a_closed_unix_socket);
    RUN(survives_a_peer_that_ends_and_resets_while_output_is_kept);
    RUN(leaves_the_action_of_sigpipe_alone);
    RUN(knows_its_peer);
    RUN(leaves_the_data_of_handles_alone);
    RUN(survives_failing_allocations);
    RUN(refuses_what_libuv_cannot_watch);
  }
  return test_end();
}
