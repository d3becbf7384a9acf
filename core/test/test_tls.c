#include "tls_fixture.h"

/* --- carrying bytes --- */

/* The client sends `size` bytes in one lw_out and the server sends them back in another. */
static void exchange(size_t relay, size_t size, size_t out_piece) {
  open_tls_pair(relay);
  uint8_t *bytes = stream_bytes(size);
  collect(&server_end, size);
  collect(&client_end, size);
  start_reading();
  CHECK_INT(lw_transport_write(client_end.t, make_out(bytes, size, out_piece)), 0);
  CHECK_INT(lw_transport_unwritten(client_end.t) >= size, 1);
  RELAY_UNTIL(server_end.received == size && client_end.writes == 1);
  CHECK_INT(client_end.write_error, 0);
  CHECK_INT(releases, references);
  CHECK(is_stream(&server_end));
  int result = lw_transport_write(server_end.t, make_out(bytes, size, out_piece));
  CHECK(result >= 0);
  RELAY_UNTIL(client_end.received == size && (result == 1 || server_end.writes == 1));
  CHECK_INT(releases, references);
  CHECK_INT(lw_transport_unwritten(server_end.t), 0);
  CHECK(is_stream(&client_end));
  CHECK_INT(close_tls_pair(), 0);
  free(bytes);
  free(server_end.data);
  free(client_end.data);
}

TEST(carries_a_few_bytes) {
  exchange(0, 10, 3);
}

TEST(carries_pieces_of_many_sizes) {
  static const size_t sizes[] = {1, 16383, 16384, 16385, 40000, 300000};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    exchange(0, sizes[i], 100);
    exchange(0, sizes[i], 5000);
    exchange(0, sizes[i], 1u << 20);
  }
}

TEST(carries_more_than_the_socket_takes) {
  exchange(0, 8u << 20, 1u << 20);
  exchange(0, 8u << 20, 3000);
}

TEST(understands_every_chunking) {
  static const size_t pieces[] = {1, 2, 3, 5, 7, 16, 100, 1000, 16384, 65536};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) exchange(pieces[i], 3000, 700);
  exchange(1000, 100000, 20000);
}

TEST(keeps_output_until_the_handshake_is_over) {
  open_tls_pair(0);
  start_reading();
  CHECK_INT(lw_transport_write(server_end.t, make_out((const uint8_t *)"hello", 5, 2)), 0);
  CHECK_INT(lw_transport_unwritten(server_end.t), 5);
  lw_out *more = make_out((const uint8_t *)"again", 5, 2);
  CHECK_INT(lw_transport_write(server_end.t, more), UV_EBUSY);
  RUN_UNTIL(client_end.received == 5 && server_end.writes == 1);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(writes_at_once_after_the_handshake) {
  open_tls_pair(0);
  start_reading();
  lw_transport_write(client_end.t, make_out((const uint8_t *)"hello", 5, 5));
  RUN_UNTIL(server_end.received == 5);
  unsigned writes = server_end.writes;
  CHECK_INT(lw_transport_write(server_end.t, make_out((const uint8_t *)"hello", 5, 1)), 1);
  CHECK_INT(lw_transport_write(server_end.t, lw_out_take(net.outs)), 1);
  RUN_UNTIL(client_end.received == 5);
  CHECK_INT(client_end.reads, 1);
  CHECK_INT(server_end.writes, writes);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(has_two_layers_at_most) {
  net_open();
  open_contexts();
  int fds[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  lw_transport *t = lw_tls_connect(over_fd(fds[0]), client_context, "localhost");
  t = lw_tls_connect(t, client_context, "localhost");
  CHECK(t != NULL);
  end_adopt(&client_end, t);
  CHECK(lw_tls_connect(t, client_context, "localhost") == NULL);
  close(fds[1]);
  CHECK_INT(net_close(), 0);
  release_contexts();
}

/* The fixture writes 0xdd over all that it is handed. */
TEST(decrypts_into_the_room_of_its_owner) {
  uint8_t room[1000] = {0}, *bytes = stream_bytes(40000);
  open_tls_pair(0);
  collect(&server_end, 40000);
  server_end.room = room;
  server_end.room_size = sizeof room;
  start_reading();
  CHECK_INT(lw_transport_write(client_end.t, make_out(bytes, 40000, 40000)), 0);
  RUN_UNTIL(server_end.received == 40000);
  CHECK(server_end.reads >= 40 && room[0] == 0xdd && room[999] == 0xdd);
  CHECK(is_stream(&server_end));
  CHECK_INT(close_tls_pair(), 0);
  free(bytes);
  free(server_end.data);
}

/* --- not reading --- */

static void stop_at_read(struct end *end, char event) {
  if (event == 'r') lw_transport_read_stop(end->t);
}

TEST(tells_nothing_while_not_reading) {
  open_tls_pair(0);
  server_end.on_event = stop_at_read;
  start_reading();
  lw_transport_write(client_end.t, make_out((const uint8_t *)"hello", 5, 5));
  RUN_UNTIL(client_end.writes == 1);
  CHECK_INT(lw_transport_shutdown(client_end.t), 0);
  RUN_UNTIL(server_end.received == 5);
  for (int i = 0; i < 20; i++) net_turn_now();
  CHECK_INT(server_end.ends, 0);
  CHECK_INT(lw_transport_read_start(server_end.t), 0);
  CHECK_INT(server_end.ends, 0); /* never from inside a call */
  RUN_UNTIL(server_end.ends == 1);
  CHECK_INT(server_end.end_error, UV_EOF);
  CHECK_INT(close_tls_pair(), 0);
}

TEST(forgets_a_late_end_when_closed) {
  open_tls_pair(0);
  server_end.on_event = stop_at_read;
  start_reading();
  lw_transport_write(client_end.t, make_out((const uint8_t *)"hello", 5, 5));
  RUN_UNTIL(client_end.writes == 1);
  lw_transport_shutdown(client_end.t);
  RUN_UNTIL(server_end.received == 5);
  for (int i = 0; i < 20; i++) net_turn_now();
  CHECK_INT(lw_transport_read_start(server_end.t), 0);
  CHECK_INT(close_tls_pair(), 0);
  CHECK_INT(server_end.ends, 0);
}

/* --- what is known --- */

static void count_fact(void *context, const char *name, const char *value) {
  unsigned *facts = context;
  *facts += name[0] != '\0' && value[0] != '\0';
  if (strcmp(name, "version") == 0 && strcmp(value, "TLSv1.3") != 0) *facts += 1000;
  if (strcmp(name, "verified") == 0 && strcmp(value, "false") != 0) *facts += 1000;
}

TEST(describes_itself_after_the_handshake) {
  unsigned facts = 0;
  open_tls_pair(0);
  CHECK(!lw_tls_describe(client_end.t, count_fact, &facts));
  start_reading();
  lw_transport_write(client_end.t, make_out((const uint8_t *)"hello", 5, 5));
  RUN_UNTIL(server_end.received == 5);
  CHECK(lw_tls_describe(client_end.t, count_fact, &facts));
  CHECK_INT(facts, 5 + 4 + 3); /* three names */
  facts = 0;
  CHECK(lw_tls_describe(server_end.t, count_fact, &facts));
  CHECK_INT(facts, 5);
  CHECK_INT(close_tls_pair(), 0);
}

int main(void) {
  WITH_EACH_POLLER WITH_EACH_DEPTH {
    RUN(carries_a_few_bytes);
    RUN(carries_pieces_of_many_sizes);
    RUN(carries_more_than_the_socket_takes);
    RUN(understands_every_chunking);
    RUN(decrypts_into_the_room_of_its_owner);
    RUN(keeps_output_until_the_handshake_is_over);
    RUN(writes_at_once_after_the_handshake);
    RUN(has_two_layers_at_most);
    RUN(tells_nothing_while_not_reading);
    RUN(forgets_a_late_end_when_closed);
    RUN(describes_itself_after_the_handshake);
  }
  return test_end();
}
