#include "test.h"

#include <string.h>

#include "../proto/http.h"

/* Scans in pieces of `piece` bytes, each of which ends at a guard page. Sets *at to the bytes that
 * belong to the head, or stand before the illegal one. */
static lw_result scan_pieces(lw_slice head, size_t piece, size_t *at, lw_error *error) {
  uint8_t *guarded = test_guarded(piece);
  lw_http_scanner scanner = {0};
  lw_result result = LW_MORE;
  size_t used;
  for (*at = 0; *at < head.size && result == LW_MORE; *at += used) {
    size_t size = head.size - *at < piece ? head.size - *at : piece;
    memcpy(guarded + piece - size, head.data + *at, size);
    result = lw_http_scan(&scanner, &used, guarded + piece - size, size);
  }
  *error = (lw_error)scanner.error;
  if (result == LW_BROKEN && lw_http_scan(&scanner, &used, guarded, 1) != LW_BROKEN) {
    test_failed(__FILE__, __LINE__, "broken stays broken");
  }
  test_guarded_free();
  return result;
}

/* `legal` is a beginning of a head, and the first byte of `rest` is the one that breaks a rule. */
typedef struct broken_head {
  lw_slice legal, rest;
  lw_error error;
} broken_head;

/* LW_SLICE without a cast, as constants want it. */
#define S(literal)                                                                                 \
  { literal, sizeof(literal) - 1 }
#define GET "GET / HTTP/1.1\r\n"

static const broken_head broken[] = {
    {S(""), S("\x16\x03\x01"), LW_E_HTTP_NOT_HTTP},
    {S(""), S("\0GET"), LW_E_HTTP_NOT_HTTP},
    {S(""), S("\xef\xbb\xbfGET"), LW_E_HTTP_NOT_HTTP},
    {S(""), S("{}"), LW_E_HTTP_NOT_HTTP},
    {S("\r\n"), S("\x80"), LW_E_HTTP_NOT_HTTP},
    {S(""), S("\nGET"), LW_E_HTTP_BARE_LF},
    {S("\r"), S("G"), LW_E_HTTP_BARE_CR},
    {S("\r\n"), S("\r\nGET"), LW_E_HTTP_SYNTAX},
    {S(""), S(" GET"), LW_E_HTTP_SYNTAX},
    {S(""), S("\tGET"), LW_E_HTTP_SYNTAX},
    {S("GET"), S("\t/"), LW_E_HTTP_CONTROL_CHAR},
    {S("GET"), S("\0"), LW_E_HTTP_CONTROL_CHAR},
    {S("GE"), S("(T"), LW_E_HTTP_METHOD},
    {S("GE"), S("\xc3"), LW_E_HTTP_METHOD},
    {S("GET"), S("/"), LW_E_HTTP_METHOD},
    {S("GET"), S("\r\n"), LW_E_HTTP_METHOD},
    {S("GET"), S("\n"), LW_E_HTTP_BARE_LF},
    {S("SSH-2.0-OpenSSH_9.2"), S("\r\n"), LW_E_HTTP_METHOD},
    {S("GET "), S(" /"), LW_E_HTTP_TARGET},
    {S("GET "), S("\r\n"), LW_E_HTTP_TARGET},
    {S("GET "), S("#x"), LW_E_HTTP_TARGET},
    {S("GET /a"), S("#x"), LW_E_HTTP_TARGET},
    {S("GET /"), S("\"x"), LW_E_HTTP_TARGET},
    {S("GET /"), S("<x"), LW_E_HTTP_TARGET},
    {S("GET /"), S(">x"), LW_E_HTTP_TARGET},
    {S("GET /"), S("\xc3\xa4"), LW_E_HTTP_TARGET},
    {S("GET /"), S("\tHTTP/1.1"), LW_E_HTTP_CONTROL_CHAR},
    {S("GET /"), S("\x7f"), LW_E_HTTP_CONTROL_CHAR},
    {S("GET /"), S("\0"), LW_E_HTTP_CONTROL_CHAR},
    {S("GET /"), S("\r\n\r\n"), LW_E_HTTP_SYNTAX}, /* HTTP/0.9 */
    {S("GET /"), S("\n"), LW_E_HTTP_BARE_LF},
    {S("GET / "), S("\r\n"), LW_E_HTTP_SYNTAX},
    {S("GET / "), S(" HTTP/1.1"), LW_E_HTTP_SYNTAX},
    {S("GET / "), S("http/1.1"), LW_E_HTTP_SYNTAX},
    {S("GET / HTT"), S("p/1.1"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP"), S(" 1.1"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/"), S("\r\n"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/"), S("0.9"), LW_E_HTTP_VERSION},
    {S("GET / HTTP/"), S("2.0"), LW_E_HTTP_VERSION},
    {S("PRI * HTTP/"), S("2.0\r\n\r\nSM\r\n\r\n"), LW_E_HTTP_VERSION},
    {S("GET / HTTP/1"), S("\r\n"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1"), S(",1"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1"), S("1.1"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1."), S("x"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1.1"), S("0"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1.1"), S(" \r\n"), LW_E_HTTP_SYNTAX},
    {S("GET / HTTP/1.1"), S("\n"), LW_E_HTTP_BARE_LF},
    {S("GET / HTTP/1.1"), S("\0\r\n"), LW_E_HTTP_CONTROL_CHAR},
    {S("GET / HTTP/1.1\r"), S("A: b"), LW_E_HTTP_BARE_CR},
    {S("GET / HTTP/1.1\r"), S("\r\n"), LW_E_HTTP_BARE_CR},
    {S(GET), S("\n"), LW_E_HTTP_BARE_LF},
    {S(GET), S(": b"), LW_E_HTTP_FIELD_NAME},
    {S(GET), S("(A): b"), LW_E_HTTP_FIELD_NAME},
    {S(GET), S("\0"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET), S(" A: b"), LW_E_HTTP_OBS_FOLD},
    {S(GET "A: b\r\n"), S(" c"), LW_E_HTTP_OBS_FOLD},
    {S(GET "A: b\r\n"), S("\tc"), LW_E_HTTP_OBS_FOLD},
    {S(GET "A: b\r\n"), S(" \r\n"), LW_E_HTTP_OBS_FOLD},
    {S(GET "A"), S(" : b"), LW_E_HTTP_FIELD_SPACE},
    {S(GET "A"), S("\t: b"), LW_E_HTTP_FIELD_SPACE},
    {S(GET "A"), S("\r\n"), LW_E_HTTP_FIELD_NAME},
    {S(GET "A"), S("\n"), LW_E_HTTP_BARE_LF},
    {S(GET "A"), S("\0: b"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET "A"), S("\xc3\xa4: b"), LW_E_HTTP_FIELD_NAME},
    {S(GET "A"), S("/b: c"), LW_E_HTTP_FIELD_NAME},
    {S(GET "A: b"), S("\n"), LW_E_HTTP_BARE_LF},
    {S(GET "A: b"), S("\0"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET "A: "), S("\x01"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET "A: "), S("\x0b"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET "A: "), S("\x7f"), LW_E_HTTP_CONTROL_CHAR},
    {S(GET "A: b\r"), S("c"), LW_E_HTTP_BARE_CR},
    {S(GET "A: b\r"), S("\r\n"), LW_E_HTTP_BARE_CR},
    {S(GET "A: b\r"), S("\0"), LW_E_HTTP_BARE_CR},
    {S(GET "A: b\r\n\r"), S("c"), LW_E_HTTP_BARE_CR},
    {S(GET "\r"), S("\r\n"), LW_E_HTTP_BARE_CR},
    /* answers; what begins like HTTP may be a method still */
    {S("H"), S("\r\n"), LW_E_HTTP_METHOD},
    {S("HTTP"), S("\r\n"), LW_E_HTTP_METHOD},
    {S("HTT"), S("/1.1"), LW_E_HTTP_METHOD},
    {S("HTTPS"), S("/1.1"), LW_E_HTTP_METHOD},
    {S("http"), S("/1.1 200 OK"), LW_E_HTTP_METHOD},
    {S("HTTP/"), S("2 200"), LW_E_HTTP_VERSION},
    {S("HTTP/"), S("0.9 200"), LW_E_HTTP_VERSION},
    {S("HTTP/"), S(" "), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1"), S(" 200"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1."), S("x"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1"), S("1 200"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1"), S("\r\n"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1"), S("\n"), LW_E_HTTP_BARE_LF},
    {S("HTTP/1.1 "), S(" 200"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 "), S("099 X"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 "), S("600 X"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 "), S("999 X"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 "), S("OK"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 10"), S(" X"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 101"), S("1 X"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 101"), S("\r\n"), LW_E_HTTP_STATUS_LINE},
    {S("HTTP/1.1 101 a"), S("\0"), LW_E_HTTP_CONTROL_CHAR},
    {S("HTTP/1.1 101 a"), S("\n"), LW_E_HTTP_BARE_LF},
    {S("HTTP/1.1 101 a\r"), S("b"), LW_E_HTTP_BARE_CR},
};

TEST(fails_at_the_first_illegal_byte) {
  for (size_t i = 0; i < sizeof broken / sizeof *broken; i++) {
    char text[128];
    lw_slice legal = broken[i].legal, rest = broken[i].rest;
    lw_slice whole = {text, legal.size + rest.size};
    memcpy(text, legal.data, legal.size);
    memcpy(text + legal.size, rest.data, rest.size);
    for (size_t piece = 1; piece <= whole.size; piece++) {
      size_t at;
      lw_error error;
      lw_result result = scan_pieces(whole, piece, &at, &error);
      if (result != LW_BROKEN || error != broken[i].error || at != legal.size) {
        test_failed(text, (int)i, lw_error_name(error));
        return;
      }
    }
  }
}

static const lw_slice whole_heads[] = {
    S("GET / HTTP/1.1\r\n\r\n"),
    S("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n"),
    S("! * HTTP/1.0\r\n!#$%&'*+-.^_`|~09azAZ:\r\n\r\n"),
    S("get /?[a]={b|c^d}`\\'%zz HTTP/1.9\r\nA:b\r\nC: \t d \t \r\nE:\t\xff\x80 \"\r\n\r\n"),
    S("HEAD http://x/ HTTP/1.1\r\n\r\n"),
    S("HTTP / HTTP/1.1\r\n\r\n"),
    S("HTTPS / HTTP/1.1\r\n\r\n"),
    S("H / HTTP/1.1\r\n\r\n"),
    S("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n"),
    S("HTTP/1.0 599 \r\n\r\n"),
    S("HTTP/1.1 100 \t\xc3\xa4 x\r\n\r\n"),
};

TEST(finds_the_end_in_any_pieces) {
  for (size_t i = 0; i < sizeof whole_heads / sizeof *whole_heads; i++) {
    char text[256];
    size_t size = whole_heads[i].size, at;
    memcpy(text, whole_heads[i].data, size);
    memcpy(text + size, "\r\n\0\x81", 4); /* what follows is none of its business */
    lw_error error;
    for (size_t piece = 1; piece <= size + 4; piece++) {
      CHECK_INT(scan_pieces((lw_slice){text, size + 4}, piece, &at, &error), LW_DONE);
      CHECK_INT(at, size);
    }
    for (size_t cut = 0; cut < size; cut++) {
      CHECK_INT(scan_pieces((lw_slice){text, cut}, 7, &at, &error), LW_MORE);
    }
  }
}

TEST(takes_no_bytes_as_no_news) {
  lw_http_scanner scanner = {0};
  size_t used = 7;
  CHECK_INT(lw_http_scan(&scanner, &used, NULL, 0), LW_MORE);
  CHECK_INT(used, 0);
  CHECK_INT(lw_http_scan(&scanner, &used, (const uint8_t *)GET "\r\n", sizeof GET + 1), LW_DONE);
  CHECK_INT(lw_http_scan(&scanner, &used, (const uint8_t *)"x", 1), LW_DONE);
  CHECK_INT(used, 0);
}

/* A head of exactly `size` bytes. */
static void fill_head(char *head, size_t size) {
  memset(head, 'a', size);
  memcpy(head, GET "A: ", sizeof GET + 2);
  memcpy(head + size - 4, "\r\n\r\n", 4);
}

TEST(limits_the_size_at_the_byte_over) {
  static char head[LW_HTTP_HEAD_MAX + 64];
  const size_t pieces[] = {1, 2, 3, 1000, LW_HTTP_HEAD_MAX - 1, LW_HTTP_HEAD_MAX, sizeof head};
  size_t at;
  lw_error error;
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    fill_head(head, LW_HTTP_HEAD_MAX);
    lw_slice longest = {head, LW_HTTP_HEAD_MAX};
    CHECK_INT(scan_pieces(longest, pieces[i], &at, &error), LW_DONE);
    fill_head(head, LW_HTTP_HEAD_MAX + 1);
    CHECK_INT(scan_pieces(longest, pieces[i], &at, &error), LW_MORE);
    CHECK_INT(scan_pieces((lw_slice){head, LW_HTTP_HEAD_MAX + 1}, pieces[i], &at, &error),
              LW_BROKEN);
    CHECK_INT(error, LW_E_HTTP_TOO_LARGE);
    CHECK_INT(at, LW_HTTP_HEAD_MAX);
  }
}

TEST(limits_the_number_of_fields) {
  char head[1024] = GET;
  lw_error error;
  size_t at, size = sizeof GET - 1;
  for (int i = 0; i < LW_HTTP_FIELDS_MAX; i++, size += 5) memcpy(head + size, "A:b\r\n", 5);
  memcpy(head + size, "\r\n", 2);
  CHECK_INT(scan_pieces((lw_slice){head, size + 2}, 3, &at, &error), LW_DONE);
  memcpy(head + size, "A:b\r\n\r\n", 7);
  CHECK_INT(scan_pieces((lw_slice){head, size + 7}, 3, &at, &error), LW_BROKEN);
  CHECK_INT(error, LW_E_HTTP_TOO_MANY_FIELDS);
  CHECK_INT(at, size);
}

static bool legal_in_target(int c) {
  return c > 0x20 && c < 0x7f && c != '"' && c != '#' && c != '<' && c != '>';
}

static bool legal_in_value(int c) {
  return c == '\t' || (c >= 0x20 && c != 0x7f);
}

static bool legal_in_token(int c) {
  return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
         (c != 0 && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static lw_result scan_with(const char *before, int c, const char *after) {
  char text[128];
  size_t size = strlen(before), at;
  lw_error error;
  memcpy(text, before, size);
  text[size] = (char)c;
  memcpy(text + size + 1, after, strlen(after));
  return scan_pieces((lw_slice){text, size + 1 + strlen(after)}, sizeof text, &at, &error);
}

/* Every byte value in every place. */
TEST(knows_each_byte) {
  for (int c = 0; c < 256; c++) {
    char byte = (char)c;
    lw_slice text = {&byte, 1};
    lw_result token = legal_in_token(c) ? LW_DONE : LW_BROKEN;
    lw_result target = legal_in_target(c) ? LW_DONE : LW_BROKEN;
    lw_result value = legal_in_value(c) ? LW_DONE : LW_BROKEN;
    CHECK_INT(scan_with("G", c, "T / HTTP/1.1\r\n\r\n"), token);
    CHECK_INT(scan_with("", c, " / HTTP/1.1\r\n\r\n"), token);
    CHECK_INT(scan_with("GET /", c, "x HTTP/1.1\r\n\r\n"), target);
    CHECK_INT(scan_with("GET ", c, "x HTTP/1.1\r\n\r\n"), target);
    CHECK_INT(scan_with(GET, c, ":\r\n\r\n"), token);
    CHECK_INT(scan_with(GET "x", c, "x:\r\n\r\n"), c == ':' ? LW_DONE : token);
    CHECK_INT(scan_with(GET "x:", c, "\r\n\r\n"), value);
    CHECK_INT(scan_with("HTTP/1.1 101 x", c, "\r\n\r\n"), value);
    CHECK_INT(lw_http_is_token(text), token == LW_DONE);
    CHECK_INT(lw_http_is_target(text), target == LW_DONE);
    CHECK_INT(lw_http_is_value(text), value == LW_DONE);
  }
  CHECK(!lw_http_is_token(LW_SLICE("")) && !lw_http_is_target(LW_SLICE("")));
  CHECK(lw_http_is_value(LW_SLICE("")));
}

/* Values are looked at several bytes at a time: every byte value at every place among others. */
TEST(knows_each_byte_inside_of_a_value) {
  static const char others[] = "\x7e !\xff-0123456789 \x80";
  const size_t size = sizeof others - 1;
  for (int c = 0; c < 256; c++) {
    for (size_t place = 0; place <= size; place++) {
      char before[64] = GET "x:", after[64] = "";
      memcpy(before + strlen(before), others, place);
      memcpy(after, others + place, size - place);
      memcpy(after + size - place, "\r\n\r\n", 5);
      CHECK_INT(scan_with(before, c, after), legal_in_value(c) ? LW_DONE : LW_BROKEN);
    }
  }
}

int main(void) {
  RUN(fails_at_the_first_illegal_byte);
  RUN(finds_the_end_in_any_pieces);
  RUN(takes_no_bytes_as_no_news);
  RUN(limits_the_size_at_the_byte_over);
  RUN(limits_the_number_of_fields);
  RUN(knows_each_byte);
  RUN(knows_each_byte_inside_of_a_value);
  return test_end();
}
