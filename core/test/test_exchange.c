#include "test.h"

#include <string.h>

#include "../proto/exchange.h"

static lw_http_head head;

/* Begins with a request line and fields; Host is added. */
static lw_error begin(lw_exchange *x, const char *line, const char *fields) {
  static char text[512];
  strcat(strcat(strcat(strcpy(text, line), "\r\nHost: h\r\n"), fields), "\r\n");
  if (lw_http_parse_request(&head, text, strlen(text)) != LW_OK) {
    test_failed(__FILE__, __LINE__, line);
  }
  return lw_exchange_begin(x, &head);
}

static bool stays(const char *line, const char *fields) {
  lw_exchange x;
  return begin(&x, line, fields) == LW_OK && x.keeps_alive;
}

TEST(keeps_alive_when_both_agree) {
  CHECK(stays("GET / HTTP/1.1", ""));
  CHECK(stays("GET / HTTP/1.2", "Connection: x, y\r\n"));
  CHECK(!stays("GET / HTTP/1.1", "Connection: x, CLOSE\r\n"));
  CHECK(!stays("GET / HTTP/1.1", "Connection: keep-alive\r\nConnection: close\r\n"));
  CHECK(!stays("GET / HTTP/1.0", ""));
  CHECK(stays("GET / HTTP/1.0", "Connection: Keep-Alive\r\n"));
  CHECK(!stays("GET / HTTP/1.0", "Connection: keep-alive, close\r\n"));
}

TEST(refuses_what_is_ambiguous) {
  static const char *const wrong[] = {
      "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
      "Content-Length: 1\r\nContent-Length: 2\r\n",
      "Content-Length: 1, 2\r\n",
      "Content-Length: +1\r\n",
      "Content-Length: 0x1\r\n",
      "Content-Length: 18446744073709551617\r\n",
      "Content-Length:\r\n",
      "Transfer-Encoding: chunked, chunked\r\n",
      "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
      "Transfer-Encoding: gzip, chunked\r\n",
      "Transfer-Encoding: identity\r\n",
      "Transfer-Encoding: \"chunked\"\r\n",
      "Transfer-Encoding: chunked;q=1\r\n",
      "Transfer-Encoding: xchunked\r\n",
      "Transfer-Encoding:\r\n",
  };
  for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    lw_exchange x;
    if (begin(&x, "POST / HTTP/1.1", wrong[i]) != LW_E_HTTP_BODY_LENGTH || x.keeps_alive) {
      test_failed(wrong[i], (int)i, "is accepted");
    }
  }
  lw_exchange x;
  CHECK_INT(begin(&x, "POST / HTTP/1.0", "Transfer-Encoding: chunked\r\n"), LW_E_HTTP_BODY_LENGTH);
}

TEST(knows_one_expectation) {
  lw_exchange x;
  CHECK_INT(begin(&x, "PUT / HTTP/1.1", "Expect: 100-Continue\r\nContent-Length: 5\r\n"), LW_OK);
  CHECK(lw_exchange_take_continue(&x));
  CHECK(!lw_exchange_take_continue(&x));
  CHECK_INT(begin(&x, "PUT / HTTP/1.1", "Expect: 100-continue\r\nContent-Length: 0\r\n"), LW_OK);
  CHECK(!lw_exchange_take_continue(&x));
  CHECK_INT(begin(&x, "GET / HTTP/1.1", "Expect: 100-continue\r\n"), LW_OK);
  CHECK(!lw_exchange_take_continue(&x));
  CHECK_INT(begin(&x, "PUT / HTTP/1.0", "Expect: 100-continue\r\nContent-Length: 5\r\n"), LW_OK);
  CHECK(!lw_exchange_take_continue(&x));
  CHECK_INT(begin(&x, "PUT / HTTP/1.1", "Expect: gold\r\n"), LW_E_HTTP_EXPECTATION);
  CHECK(!x.keeps_alive);
  CHECK_INT(begin(&x, "PUT / HTTP/1.1", "Expect: 100-continue\r\nExpect: 100-continue\r\n"),
            LW_E_HTTP_EXPECTATION);
}

TEST(reads_a_body_by_its_length) {
  lw_exchange x;
  uint8_t data[] = "helloGET";
  size_t used, got;
  CHECK_INT(begin(&x, "POST / HTTP/1.1", "Content-Length: 5, 5\r\n"), LW_OK);
  CHECK_INT(lw_exchange_read(&x, data, 3, &used, &got), LW_MORE);
  CHECK(used == 3 && got == 3 && !x.body_done);
  CHECK_INT(lw_exchange_read(&x, data + 3, 5, &used, &got), LW_DONE);
  CHECK(used == 2 && got == 2 && x.body_done);
  CHECK_INT(lw_exchange_read(&x, data + 5, 3, &used, &got), LW_DONE);
  CHECK(used == 0 && got == 0);
  CHECK_INT(begin(&x, "GET / HTTP/1.1", ""), LW_OK);
  CHECK(x.body_done);
}

TEST(reads_a_chunked_body) {
  lw_exchange x;
  uint8_t data[] = "2\r\nab\r\n1\r\nc\r\n0\r\n\r\nGET", wrong[] = "2\r\nabc";
  size_t used, got;
  CHECK_INT(begin(&x, "POST / HTTP/1.1", "Transfer-Encoding: Chunked\r\n"), LW_OK);
  CHECK_INT(lw_exchange_read(&x, data, sizeof data - 1, &used, &got), LW_DONE);
  CHECK(used == sizeof data - 4 && got == 3 && memcmp(data, "abc", 3) == 0);
  CHECK_INT(begin(&x, "POST / HTTP/1.1", "Transfer-Encoding: chunked\r\n"), LW_OK);
  CHECK_INT(lw_exchange_read(&x, wrong, sizeof wrong - 1, &used, &got), LW_BROKEN);
  CHECK_INT(x.chunked.error, LW_E_HTTP_CHUNK);
}

TEST(drains_what_is_small) {
  lw_exchange x;
  begin(&x, "POST / HTTP/1.1", "Content-Length: 65536\r\n");
  CHECK(lw_exchange_can_drain(&x));
  begin(&x, "POST / HTTP/1.1", "Content-Length: 65537\r\n");
  CHECK(!lw_exchange_can_drain(&x));
  begin(&x, "POST / HTTP/1.1", "Content-Length: 1\r\nExpect: 100-continue\r\n");
  CHECK(!lw_exchange_can_drain(&x));
}

/* --- answers --- */

#define DATE "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
#define TEXT "Content-Type: text/plain; charset=utf-8\r\n"

static const struct {
  const char *line, *fields;
  int status;
  uint64_t length;
  const char *name, *value; /* a field of the caller */
  const char *text;
  lw_answer_framing framing;
} answers[] = {
    {"GET / HTTP/1.1", "", 200, 5, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Content-Length: 5\r\n\r\n", LW_ANSWER_LENGTH},
    {"GET / HTTP/1.1", "", 404, 0, "X", "y",
     "HTTP/1.1 404 Not Found\r\nX: y\r\n" DATE "Content-Length: 0\r\n\r\n", LW_ANSWER_LENGTH},
    {"GET / HTTP/1.1", "", 200, 1, "content-type", "a/b",
     "HTTP/1.1 200 OK\r\ncontent-type: a/b\r\n" DATE "Content-Length: 1\r\n\r\n", LW_ANSWER_LENGTH},
    {"GET / HTTP/1.1", "", 200, 0, "DATE", "x",
     "HTTP/1.1 200 OK\r\nDATE: x\r\nContent-Length: 0\r\n\r\n", LW_ANSWER_LENGTH},
    {"GET / HTTP/1.1", "", 200, LW_EXCHANGE_STREAM, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Transfer-Encoding: chunked\r\n\r\n", LW_ANSWER_CHUNKED},
    {"GET / HTTP/1.0", "Connection: keep-alive\r\n", 200, LW_EXCHANGE_STREAM, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Connection: close\r\n\r\n", LW_ANSWER_UNTIL_END},
    {"GET / HTTP/1.0", "Connection: keep-alive\r\n", 200, 1, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Content-Length: 1\r\nConnection: keep-alive\r\n\r\n",
     LW_ANSWER_LENGTH},
    {"GET / HTTP/1.0", "", 200, 1, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Content-Length: 1\r\nConnection: close\r\n\r\n",
     LW_ANSWER_LENGTH},
    {"HEAD / HTTP/1.1", "", 200, 5, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "Content-Length: 5\r\n\r\n", LW_ANSWER_NOTHING},
    {"HEAD / HTTP/1.1", "", 200, LW_EXCHANGE_STREAM, NULL, NULL,
     "HTTP/1.1 200 OK\r\n" DATE TEXT "\r\n", LW_ANSWER_NOTHING},
    {"GET / HTTP/1.1", "", 204, 5, NULL, NULL, "HTTP/1.1 204 No Content\r\n" DATE "\r\n",
     LW_ANSWER_NOTHING},
    {"GET / HTTP/1.1", "", 304, LW_EXCHANGE_STREAM, "ETag", "\"x\"",
     "HTTP/1.1 304 Not Modified\r\nETag: \"x\"\r\n" DATE "\r\n", LW_ANSWER_NOTHING},
    {"GET / HTTP/1.1", "", 426, 0, NULL, NULL,
     "HTTP/1.1 426 Upgrade Required\r\n" DATE "Content-Length: 0\r\nConnection: Upgrade\r\n"
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
     LW_ANSWER_LENGTH},
    {"GET / HTTP/1.1", "Connection: close\r\n", 426, 0, NULL, NULL,
     "HTTP/1.1 426 Upgrade Required\r\n" DATE "Content-Length: 0\r\nConnection: close, Upgrade\r\n"
     "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\r\n",
     LW_ANSWER_LENGTH},
};
enum { ANSWERS = sizeof answers / sizeof *answers };

static bool write_answer(size_t i, lw_exchange *x, lw_buf *out) {
  lw_slice date = LW_SLICE("Sun, 06 Nov 1994 08:49:37 GMT");
  begin(x, answers[i].line, answers[i].fields);
  lw_answer_writer w = lw_answer_begin(out, answers[i].status);
  if (answers[i].name != NULL) {
    lw_answer_field(&w, lw_slice_of(answers[i].name), lw_slice_of(answers[i].value));
  }
  return lw_answer_end(&w, x, answers[i].length, date);
}

TEST(writes_heads) {
  for (size_t i = 0; i < ANSWERS; i++) {
    lw_exchange x;
    lw_buf out = {0};
    bool written = write_answer(i, &x, &out);
    if (!written ||
        !lw_slice_equal((lw_slice){(char *)out.data, out.size}, lw_slice_of(answers[i].text))) {
      test_failed(answers[i].text, (int)i, "is not what was written");
    }
    CHECK_INT(x.answer, answers[i].framing);
    CHECK_INT(x.keeps_alive, strstr(answers[i].text, "Connection: close") == NULL);
    lw_buf_free(&out);
  }
}

TEST(leaves_the_buffer_as_it_was_without_memory) {
  for (size_t i = 0; i < ANSWERS; i++) {
    lw_exchange x;
    lw_buf out = {0};
    bool failed = false;
    test_fail_allocation(1);
    bool written = write_answer(i, &x, &out);
    failed = test_allocation_failed();
    CHECK(failed && !written && !x.begun && out.size == 0);
    test_fail_allocation(0);
    lw_buf_free(&out);
  }
}

TEST(counts_what_is_written) {
  lw_exchange x;
  lw_buf out = {0};
  write_answer(0, &x, &out); /* five bytes */
  CHECK(lw_exchange_write(&x, 2));
  CHECK(!lw_exchange_write(&x, 4));
  CHECK(lw_exchange_write(&x, 3));
  CHECK(!lw_exchange_write(&x, 1));
  CHECK(lw_exchange_finish(&x) && x.keeps_alive);
  write_answer(0, &x, &out);
  CHECK(lw_exchange_write(&x, 4));
  CHECK(!lw_exchange_finish(&x) && !x.keeps_alive);
  write_answer(4, &x, &out); /* chunked */
  CHECK(lw_exchange_write(&x, UINT64_MAX) && lw_exchange_write(&x, UINT64_MAX));
  CHECK(lw_exchange_finish(&x));
  lw_buf_free(&out);
}

TEST(answers_blindly) {
  lw_exchange x;
  lw_buf out = {0};
  lw_exchange_begin_blind(&x);
  lw_answer_writer w = lw_answer_begin(&out, 400);
  CHECK(lw_answer_end(&w, &x, 0, LW_SLICE("")));
  const char *text = "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
  CHECK(lw_slice_equal((lw_slice){(char *)out.data, out.size}, lw_slice_of(text)));
  lw_buf_free(&out);
}

int main(void) {
  RUN(keeps_alive_when_both_agree);
  RUN(refuses_what_is_ambiguous);
  RUN(knows_one_expectation);
  RUN(reads_a_body_by_its_length);
  RUN(reads_a_chunked_body);
  RUN(drains_what_is_small);
  RUN(writes_heads);
  RUN(leaves_the_buffer_as_it_was_without_memory);
  RUN(counts_what_is_written);
  RUN(answers_blindly);
  return test_end();
}
