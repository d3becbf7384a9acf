/* Connections with a PROXY header when memory is short: whatever allocation fails, the peer gets an
 * answer or the end, and nothing is left behind. What they do otherwise is in spec/. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../lunawire.h"
#include "peer_fixture.h"
#include "test.h"

static const char request[] = "PROXY TCP4 192.0.2.1 192.0.2.2 4321 80\r\n" UPGRADE_REQUEST "\r\n";
enum { FIRST_PIECE = 20 }; /* inside the header */

static const char *address; /* of the connection that opened; NULL while none has */
static char address_text[64];

static void on_open(lw_conn *conn) {
  int port;
  if (lw_conn_remote(conn, address_text, sizeof address_text, &port)) address = address_text;
}

static const lw_conn_events conn_events = {.on_open = on_open};
static const lw_server_events server_events = {.conn = &conn_events};

static lw_server *open_server(lw_loop *loop, lw_tls_context *tls) {
  lw_server_options options = {.host = "127.0.0.1",
                               .backlog = 8,
                               .max_connections = 8,
                               .proxy_protocol = true,
                               .tls = tls,
                               .limits = {.max_message = 1 << 20,
                                          .max_buffered = 1 << 20,
                                          .handshake_ms = 10000,
                                          .close_ms = 5000}};
  return lw_server_open(loop, &options, &server_events, NULL, NULL);
}

/* Turns the loop until the peer has an answer, which is then in `text`, or the end. */
static bool wait_for_answer(lw_loop *loop, int peer, char *text, size_t size) {
  for (int turns = 0; turns < 1000; turns++) {
    ssize_t got = recv(peer, text, size - 1, MSG_DONTWAIT);
    text[got > 0 ? got : 0] = '\0';
    if (got >= 0 || errno == ECONNRESET) return true;
    lw_loop_step(loop, 10);
  }
  return false;
}

/* The n-th allocation fails between the first byte and the answer; 0: none does. */
static bool serve_one(lw_tls_context *tls, unsigned n, bool *failed, char *answer, size_t size) {
  lw_loop *loop = lw_loop_new(NULL, NULL);
  lw_server *server = loop != NULL ? open_server(loop, tls) : NULL;
  int peer = server != NULL ? connect_to(server) : -1;
  if (peer < 0) return false;
  address = NULL;
  test_fail_allocation(n);
  bool sent = send(peer, request, FIRST_PIECE, MSG_NOSIGNAL) == FIRST_PIECE;
  for (int i = 0; i < 3; i++) lw_loop_step(loop, 1);
  send(peer, request + FIRST_PIECE, sizeof request - 1 - FIRST_PIECE, MSG_NOSIGNAL);
  bool answered = wait_for_answer(loop, peer, answer, size);
  *failed = test_allocation_failed();
  test_fail_allocation(0);
  close(peer);
  lw_loop_free(loop);
  return sent && answered;
}

TEST(tells_the_address) {
  char answer[1000];
  bool failed;
  CHECK(serve_one(NULL, 0, &failed, answer, sizeof answer));
  CHECK(strncmp(answer, "HTTP/1.1 101 ", 13) == 0);
  CHECK(address != NULL && strcmp(address, "192.0.2.1") == 0);
}

TEST(survives_failing_allocations) {
  char answer[1000];
  bool failed = true;
  unsigned n;
  for (n = 1; failed; n++) {
    CHECK(serve_one(NULL, n, &failed, answer, sizeof answer));
    bool opened = strncmp(answer, "HTTP/1.1 101 ", 13) == 0;
    CHECK(opened || *answer == '\0' || strncmp(answer, "HTTP/1.1 503 ", 13) == 0);
    /* The address is what the proxy told, or there is no connection. */
    CHECK(address == NULL || strcmp(address, "192.0.2.1") == 0);
  }
  CHECK(n > 5);
}

TEST(survives_failing_allocations_before_tls) {
  lw_tls_options options = {.is_server = true, .self_signed = true};
  lw_tls_context *tls = lw_tls_open(&options, NULL);
  char answer[1000];
  bool failed = true;
  CHECK(tls != NULL);
  for (unsigned n = 1; failed; n++) {
    CHECK(serve_one(tls, n, &failed, answer, sizeof answer));
    CHECK(address == NULL);
  }
  CHECK(strncmp(answer, "HTTP/1.1 400 ", 13) == 0); /* what follows the header is no TLS */
  lw_tls_release(tls);
}

int main(void) {
  RUN(tells_the_address);
  RUN(survives_failing_allocations);
  RUN(survives_failing_allocations_before_tls);
  return test_end();
}
