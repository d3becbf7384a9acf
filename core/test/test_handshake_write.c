#include "test.h"

#include <string.h>

#include "../proto/handshake.h"

static const lw_slice key = {"dGhlIHNhbXBsZSBub25jZQ==", LW_HANDSHAKE_KEY_SIZE};
static const lw_header headers[] = {{{"X-A", 3}, {"1", 1}}, {{"Content-Type", 12}, {"a/b", 3}}};

static bool wrote(const lw_buf *out, const char *text) {
  return lw_slice_equal((lw_slice){(const char *)out->data, out->size}, lw_slice_of(text));
}

static bool write_plain_answer(lw_buf *out) {
  const lw_handshake_answer answer = {.header_count = 0};
  return lw_handshake_write_answer(out, key, &answer);
}

static bool write_full_answer(lw_buf *out) {
  const lw_handshake_answer answer = {LW_SLICE("chat"), LW_SLICE("foo; a"), headers, 2};
  return lw_handshake_write_answer(out, key, &answer);
}

static bool write_plain_request(lw_buf *out) {
  const lw_handshake_offer offer = {
      .host = LW_SLICE("h:81"), .target = LW_SLICE("/?q"), .key = key};
  return lw_handshake_write_request(out, &offer);
}

static bool write_full_request(lw_buf *out) {
  const lw_handshake_offer offer = {LW_SLICE("h"),   LW_SLICE("/"), key, LW_SLICE("a, b"),
                                    LW_SLICE("foo"), headers,       1};
  return lw_handshake_write_request(out, &offer);
}

#define ANSWER                                                                                     \
  "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"              \
  "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define ASK                                                                                        \
  "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"                     \
  "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"

static const struct {
  bool (*write)(lw_buf *out);
  const char *text;
} cases[] = {
    {write_plain_answer, ANSWER "\r\n"},
    {write_full_answer,
     ANSWER "Sec-WebSocket-Protocol: chat\r\nSec-WebSocket-Extensions: foo; a\r\n"
            "X-A: 1\r\nContent-Type: a/b\r\n\r\n"},
    {write_plain_request, "GET /?q HTTP/1.1\r\nHost: h:81\r\n" ASK "\r\n"},
    {write_full_request, "GET / HTTP/1.1\r\nHost: h\r\n" ASK "Sec-WebSocket-Protocol: a, b\r\n"
                         "Sec-WebSocket-Extensions: foo\r\nX-A: 1\r\n\r\n"},
};
enum { CASES = sizeof cases / sizeof *cases };

TEST(writes_heads) {
  for (size_t i = 0; i < CASES; i++) {
    lw_buf out = {0};
    if (!cases[i].write(&out) || !wrote(&out, cases[i].text)) {
      test_failed(cases[i].text, (int)i, "is not what was written");
    }
    lw_buf_free(&out);
  }
}

/* A buffer that is full to the last byte but `room`, so that every append may have to grow it. */
static bool fill(lw_buf *out, size_t room) {
  *out = (lw_buf){0};
  if (!lw_buf_append(out, "before", 6)) return false;
  while (out->capacity - out->size > room) lw_buf_append(out, "x", 1);
  return true;
}

/* Writes behind other bytes, with `room` left; the n-th allocation fails. */
static bool leaves_the_buffer_intact(bool (*write)(lw_buf *out), size_t room, unsigned n,
                                     bool *failed) {
  lw_buf out;
  if (!fill(&out, room)) return false;
  size_t before = out.size;
  test_fail_allocation(n);
  bool whole = write(&out);
  *failed = test_allocation_failed();
  test_fail_allocation(0);
  bool intact = memcmp(out.data, "before", 6) == 0 && whole == (out.size > before);
  lw_buf_free(&out);
  return intact && whole != *failed;
}

TEST(appends_and_leaves_the_buffer_as_it_was_without_memory) {
  bool (*const writes[])(lw_buf *) = {write_full_answer, write_full_request};
  for (size_t i = 0; i < sizeof writes / sizeof *writes; i++) {
    bool failed = true;
    unsigned n = 1;
    for (; failed; n++) CHECK(leaves_the_buffer_intact(writes[i], i, n, &failed));
    CHECK(n >= 3); /* one failed at least, and one did not */
  }
}

TEST(refuses_a_key_of_another_size) {
  const lw_handshake_answer answer = {.header_count = 0};
  lw_buf out = {0};
  CHECK(!lw_handshake_write_answer(&out, LW_SLICE("x"), &answer));
  CHECK_INT(out.size, 0);
}

/* Both roles together. */
TEST(accepts_its_own_heads) {
  lw_buf request = {0}, answer = {0};
  bool wrote_both = write_full_request(&request) && write_full_answer(&answer);
  lw_http_head head;
  lw_slice found, extensions;
  lw_error errors[4] = {LW_E_NOMEM, LW_E_NOMEM, LW_E_NOMEM, LW_E_NOMEM};
  if (wrote_both) {
    errors[0] = lw_http_parse_request(&head, (char *)request.data, request.size);
    errors[1] = lw_handshake_check_request(&head, &found);
    const lw_handshake_offer offer = {
        .key = found, .protocols = LW_SLICE("chat"), .extensions = LW_SLICE("foo")};
    errors[2] = lw_http_parse_response(&head, (char *)answer.data, answer.size);
    errors[3] = lw_handshake_check_answer(&head, &offer, &found, &extensions);
  }
  lw_buf_free(&request);
  lw_buf_free(&answer);
  for (int i = 0; i < 4; i++) CHECK_INT(errors[i], LW_OK);
}

int main(void) {
  RUN(writes_heads);
  RUN(appends_and_leaves_the_buffer_as_it_was_without_memory);
  RUN(refuses_a_key_of_another_size);
  RUN(accepts_its_own_heads);
  return test_end();
}
