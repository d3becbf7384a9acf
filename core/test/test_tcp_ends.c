/* Reading and ending: what test_tcp.c does for writing. */
#include "net_pair.h"

/* More than the receive buffer holds, so that it would be read again at once. */
static size_t fill_socket(void) {
  static uint8_t chunk[PEER_CHUNK];
  size_t sent = 0;
  ssize_t size;
  while ((size = write(peer, chunk, sizeof chunk)) > 0) sent += (size_t)size;
  return sent;
}

/* --- reading --- */

TEST(reads_until_the_end) {
  start(open_tcp_pair);
  uint8_t *bytes = stream_bytes(50000);
  end.data = malloc(50000);
  end.limit = 50000;
  CHECK_INT(write(peer, bytes, 50000), 50000);
  net_turn_now();
  CHECK_INT(end.reads, 0); /* not before it is started */
  CHECK_INT(lw_transport_read_start(end.t), 0);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  shutdown(peer, SHUT_WR);
  RUN_UNTIL(end.ends == 1);
  CHECK_INT(end.end_error, UV_EOF);
  CHECK_INT(end.received, 50000);
  CHECK(memcmp(end.data, bytes, 50000) == 0);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  for (int i = 0; i < 3; i++) net_turn_now();
  CHECK_INT(end.ends, 1);
  CHECK_INT(write_some(), 1); /* our direction is still open */
  free(end.data);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

static void stop_reading(struct end *reader, char event) {
  if (event == 'r') lw_transport_read_stop(reader->t);
}

TEST(delivers_nothing_after_read_stop) {
  start(open_tcp_pair);
  end.on_event = stop_reading;
  size_t sent = fill_socket();
  for (unsigned i = 1; end.received < sent; i++) {
    CHECK_INT(lw_transport_read_start(end.t), 0);
    RUN_UNTIL(end.reads == i);
    for (int turn = 0; turn < 3; turn++) net_turn_now();
    CHECK_INT(end.reads, i);
  }
  CHECK_INT(end.received, sent);
  lw_transport_read_stop(end.t);
  CHECK_INT(close_all(), 0);
}

TEST(reads_again_after_stop_and_start_in_a_callback) {
  start(open_tcp_pair);
  size_t sent = fill_socket();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  lw_transport_read_stop(end.t);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.received == sent);
  CHECK_INT(close_all(), 0);
}

/* --- reading into the owner's room --- */

static uint8_t room[10], collected[64];

static void start_with_room(void (*open_pair)(void), void (*on_event)(struct end *, char)) {
  start(open_pair);
  memset(room, 0, sizeof room);
  end.room = room;
  end.room_size = sizeof room;
  end.data = collected;
  end.limit = sizeof collected;
  end.on_event = on_event;
  lw_transport_read_start(end.t);
}

/* The fixture writes 0xdd over all that it is handed: was that so much of the room? */
static bool was_used(size_t size) {
  for (size_t i = 0; i < sizeof room; i++)
    if ((room[i] == 0xdd) != (i < size)) return false;
  return true;
}

static void read_into_room(void (*open_pair)(void)) {
  start_with_room(open_pair, NULL);
  CHECK_INT(write(peer, "0123", 4), 4);
  RUN_UNTIL(end.received == 4);
  CHECK_INT(end.reads, 1);
  CHECK(was_used(4));
  CHECK_INT(write(peer, "456789abcdefghijk", 17), 17);
  RUN_UNTIL(end.received == 21);
  CHECK_INT(end.reads, 3); /* what did not fit came with the same call, and is told after it */
  CHECK(was_used(10));
  CHECK(memcmp(collected, "0123456789abcdefghijk", 21) == 0);
  end.room = NULL;
  CHECK_INT(write(peer, "lmn", 3), 3);
  shutdown(peer, SHUT_WR);
  RUN_UNTIL(end.ends == 1);
  CHECK_INT(end.received, 24);
  CHECK_INT(end.end_error, UV_EOF);
  CHECK_INT(close_all(), 0);
}

TEST(reads_into_the_room_of_its_owner) {
  read_into_room(open_tcp_pair);
  read_into_room(open_unix_pair);
}

TEST(hands_on_what_was_behind_the_room_although_reading_stopped) {
  start_with_room(open_tcp_pair, stop_reading);
  CHECK_INT(write(peer, "0123456789abcde", 15), 15);
  RUN_UNTIL(end.reads == 2);
  CHECK_INT(end.received, 15);
  CHECK(memcmp(collected, "0123456789abcde", 15) == 0);
  CHECK_INT(write(peer, "f", 1), 1);
  for (int turn = 0; turn < 3; turn++) net_turn_now();
  CHECK_INT(end.reads, 2);
  CHECK_INT(close_all(), 0);
}

static void close_when_read(struct end *reader, char event) {
  if (event == 'r') end_close(reader);
}

TEST(can_be_closed_between_the_room_and_the_rest) {
  start_with_room(open_tcp_pair, close_when_read);
  CHECK_INT(write(peer, "0123456789abcde", 15), 15);
  RUN_UNTIL(end.closes == 1);
  CHECK_INT(end.reads, 1);
  CHECK_INT(end.received, 10);
  CHECK_INT(close_all(), 0);
}

/* --- reading under pressure --- */

/* Feeds the socket while it is read, as fast as it is. */
static void refill(struct end *reader, char event) {
  (void)reader;
  if (event == 'r') fill_socket();
}

TEST(takes_turns_with_others) {
  start(open_tcp_pair);
  end.on_event = refill;
  fill_socket();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  for (unsigned turns = 1; turns <= 20; turns++) {
    net_turn_now();
    CHECK(end.reads <= 8 * turns);
  }
  CHECK(end.reads > 0);
  CHECK_INT(close_all(), 0);
}

TEST(reads_what_came_before_a_reset) {
  start(open_tcp_pair);
  CHECK_INT(write_some(), 1); /* unread by the peer, so that closing resets */
  CHECK_INT(write(peer, "last words", 10), 10);
  reset_peer();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.ends == 1);
  CHECK_INT(end.received, 10);
  CHECK_INT(end.end_error, UV_ECONNRESET);
  for (int i = 0; i < 3; i++) net_turn_now();
  CHECK_INT(end.ends, 1);
  CHECK_INT(close_all(), 0);
}

/* The kernel ends a read before the byte out of band, which is left out. */
TEST(reads_on_behind_urgent_data) {
  start(open_tcp_pair);
  CHECK_INT(write(peer, "abc", 3), 3);
  CHECK_INT(send(peer, "!", 1, MSG_OOB), 1);
  CHECK_INT(write(peer, "def", 3), 3);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.received >= 6);
  CHECK_INT(write(peer, "g", 1), 1);
  RUN_UNTIL(end.received >= 7);
  CHECK_INT(end.received, 7);
  CHECK_INT(close_all(), 0);
}

static ssize_t send_with_descriptor(const char *data, size_t size) {
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr head;
  } control;
  struct iovec piece = {(void *)data, size};
  struct msghdr message = {.msg_iov = &piece,
                           .msg_iovlen = 1,
                           .msg_control = control.bytes,
                           .msg_controllen = sizeof control.bytes};
  int fd = 0;
  control.head = (struct cmsghdr){
      .cmsg_len = CMSG_LEN(sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
  return sendmsg(peer, &message, 0);
}

TEST(reads_on_behind_passed_descriptors) {
  start(open_unix_pair);
  for (int i = 0; i < 3; i++) CHECK_INT(send_with_descriptor("abc", 3), 3);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.received == 9);
  CHECK_INT(close_all(), 0);
}

TEST(refuses_to_read_when_closed) {
  start(open_tcp_pair);
  end_close(&end);
  CHECK(lw_transport_read_start(end.t) < 0);
  CHECK(lw_transport_shutdown(end.t) < 0);
  CHECK_INT(close_all(), 0);
}

/* --- closing inside callbacks --- */

static char close_at;

static void close_at_event(struct end *closing, char event) {
  if (event != close_at || closing->is_closing) return;
  end_close(closing);
  lw_transport_close(closing->t); /* twice does no harm */
  lw_transport_read_stop(closing->t);
}

TEST(can_be_closed_when_reading) {
  start(open_tcp_pair);
  end.on_event = close_at_event;
  close_at = 'r';
  CHECK(fill_socket() > 0);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.closes == 1);
  CHECK_INT(end.reads, 1);
  CHECK_INT(close_all(), 0);
}

TEST(can_be_closed_when_reading_while_output_is_kept) {
  start(open_tcp_pair);
  end.on_event = close_at_event;
  close_at = 'r';
  uint8_t *bytes = write_too_much();
  CHECK_INT(write(peer, "x", 1), 1);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  RUN_UNTIL(end.closes == 1);
  CHECK_INT(releases, references);
  CHECK_INT(end.writes, 0);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(can_be_closed_at_the_end) {
  start(open_tcp_pair);
  end.on_event = close_at_event;
  close_at = 'e';
  uint8_t *bytes = write_too_much();
  CHECK_INT(lw_transport_read_start(end.t), 0);
  shutdown(peer, SHUT_WR);
  RUN_UNTIL(end.closes == 1);
  CHECK_INT(end.ends, 1);
  CHECK_INT(releases, references);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(can_be_closed_when_written) {
  start(open_tcp_pair);
  end.on_event = close_at_event;
  close_at = 'w';
  uint8_t *bytes = write_too_much();
  while (end.closes == 0 && !is_late) {
    CHECK(peer_reads());
    net_turn_now();
  }
  CHECK_INT(end.writes, 1);
  while (!peer_has_ended) CHECK(peer_reads());
  CHECK_INT(peer_received, 32u << 20);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

static void write_more(struct end *writer, char event) {
  if (event != 'w') return;
  uint8_t next = stream_byte(32u << 20);
  lw_out *out = lw_out_take(net.outs);
  lw_out_copy(out, &next, 1);
  lw_transport_write(writer->t, out);
}

TEST(can_write_when_written) {
  start(open_tcp_pair);
  end.on_event = write_more;
  uint8_t *bytes = write_too_much();
  while (peer_received < (32u << 20) + 1 && !is_late) {
    CHECK(peer_reads());
    net_turn_now();
  }
  CHECK_INT(end.writes, 1);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(can_be_closed_before_it_has_an_owner) {
  struct sockaddr_storage name = {.ss_family = AF_UNIX};
  int error, fds[2];
  net_open();
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
  lw_transport_close(transport_over(fds[0], &name, &error));
  close(fds[1]);
  CHECK_INT(net_close(), 0);
}

/* --- shutting down --- */

TEST(shuts_down_after_what_is_kept) {
  start(open_tcp_pair);
  uint8_t *bytes = write_too_much();
  CHECK_INT(lw_transport_shutdown(end.t), 0);
  CHECK_INT(lw_transport_shutdown(end.t), 0);
  while (!peer_has_ended && !is_late) {
    CHECK(peer_reads());
    net_turn_now();
  }
  CHECK_INT(peer_received, 32u << 20);
  CHECK_INT(end.writes, 1);
  CHECK(write_some() < 0);
  CHECK_INT(lw_transport_read_start(end.t), 0);
  CHECK_INT(write(peer, "x", 1), 1);
  RUN_UNTIL(end.reads == 1);
  CHECK_INT(close_all(), 0);
  free(bytes);
}

TEST(can_be_closed_while_it_shuts_down) {
  start(open_unix_pair);
  CHECK_INT(lw_transport_shutdown(end.t), 0);
  CHECK_INT(close_all(), 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(reads_until_the_end);
    RUN(delivers_nothing_after_read_stop);
    RUN(reads_again_after_stop_and_start_in_a_callback);
    RUN(reads_into_the_room_of_its_owner);
    RUN(hands_on_what_was_behind_the_room_although_reading_stopped);
    RUN(can_be_closed_between_the_room_and_the_rest);
    RUN(takes_turns_with_others);
    RUN(reads_what_came_before_a_reset);
    RUN(reads_on_behind_urgent_data);
    RUN(reads_on_behind_passed_descriptors);
    RUN(refuses_to_read_when_closed);
    RUN(can_be_closed_when_reading);
    RUN(can_be_closed_when_reading_while_output_is_kept);
    RUN(can_be_closed_at_the_end);
    RUN(can_be_closed_when_written);
    RUN(can_write_when_written);
    RUN(can_be_closed_before_it_has_an_owner);
    RUN(shuts_down_after_what_is_kept);
    RUN(can_be_closed_while_it_shuts_down);
  }
  return test_end();
}
