#include "../proto/http_connect.h"

#include <string.h>

#include "test.h"

static lw_buf out;

static bool wrote(const char *text) {
  bool same = lw_slice_equal((lw_slice){(const char *)out.data, out.size}, lw_slice_of(text));
  lw_buf_free(&out);
  return same;
}

static bool write_login(void) {
  lw_http_connect_request request = {.host = LW_SLICE("h.example"),
                                     .port = 80,
                                     .has_login = true,
                                     .user = LW_SLICE("Aladdin"),
                                     .password = LW_SLICE("open sesame")};
  return lw_http_connect_write(&out, &request);
}

TEST(asks_for_a_name) {
  lw_http_connect_request request = {.host = LW_SLICE("h.example"), .port = 443};
  CHECK(lw_http_connect_write(&out, &request));
  CHECK(wrote("CONNECT h.example:443 HTTP/1.1\r\nHost: h.example:443\r\n\r\n"));
}

TEST(asks_for_an_address) {
  lw_http_connect_request request = {.host = LW_SLICE("::1"), .port = 8080};
  CHECK(lw_http_connect_write(&out, &request));
  CHECK(wrote("CONNECT [::1]:8080 HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n"));
}

TEST(says_who_it_is) {
  CHECK(write_login());
  CHECK(wrote("CONNECT h.example:80 HTTP/1.1\r\nHost: h.example:80\r\n"
              "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n\r\n"));
}

TEST(writes_all_or_nothing) {
  for (unsigned n = 1;; n++) {
    lw_buf_free(&out);
    test_fail_allocation(n);
    bool written = write_login();
    if (!test_allocation_failed()) {
      CHECK(written);
      break;
    }
    CHECK(!written);
    CHECK_INT(out.size, 0);
  }
  lw_buf_free(&out);
}

/* Feeds an answer in pieces. What is behind the head must not be touched. */
static lw_result feed(lw_http_connect *c, const char *text, size_t piece, size_t *behind) {
  size_t size = strlen(text), at = 0, used = 0;
  lw_result result = LW_MORE;
  while (at < size && result == LW_MORE) {
    size_t n = size - at < piece ? size - at : piece;
    result = lw_http_connect_input(c, &used, (const uint8_t *)text + at, n);
    at += used;
    if (result == LW_MORE && used != n) return LW_BROKEN;
  }
  *behind = size - at;
  return result;
}

struct answer {
  const char *text;
  lw_result result;
  int status;
  lw_error error;
  size_t behind;
};

static const struct answer answers[] = {
    {"HTTP/1.1 200 Connection established\r\n\r\n", LW_DONE, 200, LW_OK, 0},
    {"HTTP/1.0 200 OK\r\nVia: x\r\nContent-Length: 5\r\n\r\n\x16\x03", LW_DONE, 200, LW_OK, 2},
    {"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 \r\n\r\nab", LW_DONE, 204, LW_OK, 2},
    {"HTTP/1.1 407 Proxy Authentication Required\r\n\r\nbody", LW_DONE, 407, LW_OK, 4},
    {"HTTP/1.1 200 OK\r\nVia:", LW_MORE, 0, LW_OK, 0},
    {"HTTP/1.1 200 OK\n\n", LW_BROKEN, 0, LW_E_HTTP_BARE_LF, 2},
    {"\x05\x00", LW_BROKEN, 0, LW_E_HTTP_NOT_HTTP, 2},
    {"HTTP/1.1 20x OK\r\n\r\n", LW_BROKEN, 0, LW_E_HTTP_STATUS_LINE, 0},
};

TEST(reads_answers_in_any_pieces) {
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    const struct answer *answer = &answers[i];
    for (size_t piece = 1; piece <= strlen(answer->text); piece++) {
      lw_http_connect c = {0};
      size_t behind = 0;
      CHECK_INT(feed(&c, answer->text, piece, &behind), answer->result);
      CHECK_INT(c.status, answer->status);
      CHECK_INT(c.error, answer->error);
      if (answer->result == LW_DONE) CHECK_INT(behind, answer->behind);
      size_t used;
      CHECK_INT(lw_http_connect_input(&c, &used, NULL, 0), answer->result);
      CHECK_INT(used, 0);
      lw_http_connect_free(&c);
    }
  }
}

TEST(keeps_the_reason) {
  lw_http_connect c = {0};
  size_t behind = 0;
  CHECK_INT(feed(&c, "HTTP/1.1 403 Not here\r\n\r\n", 7, &behind), LW_DONE);
  CHECK(lw_slice_equal(c.reason, LW_SLICE("Not here")));
  lw_http_connect_free(&c);
}

TEST(takes_few_interim_answers) {
  lw_http_connect c = {0};
  size_t behind = 0;
  for (int i = 0; i < 8; i++) {
    CHECK_INT(feed(&c, "HTTP/1.1 102 Processing\r\n\r\n", 100, &behind), LW_MORE);
  }
  CHECK_INT(feed(&c, "HTTP/1.1 102 Processing\r\n\r\n", 100, &behind), LW_BROKEN);
  CHECK_INT(c.error, LW_E_HTTP_TOO_MANY_INTERIM);
  lw_http_connect_free(&c);
}

TEST(survives_without_memory) {
  lw_http_connect c = {0};
  size_t used;
  test_fail_allocation(1);
  CHECK_INT(lw_http_connect_input(&c, &used, (const uint8_t *)"HTTP", 4), LW_BROKEN);
  CHECK_INT(c.error, LW_E_NOMEM);
  lw_http_connect_free(&c);
}

int main(void) {
  RUN(asks_for_a_name);
  RUN(asks_for_an_address);
  RUN(says_who_it_is);
  RUN(writes_all_or_nothing);
  RUN(reads_answers_in_any_pieces);
  RUN(keeps_the_reason);
  RUN(takes_few_interim_answers);
  RUN(survives_without_memory);
  return test_end();
}
