#include "test.h"

#include <string.h>

#include "../proto/http.h"

/* Scans and parses a head that ends at a guard page. */
static lw_error parse_text(lw_http_head *head, const char *text, bool is_request) {
  size_t size = strlen(text), used;
  char *copy = (char *)test_guarded(size);
  lw_http_scanner scanner = {0};
  memcpy(copy, text, size);
  lw_result result = lw_http_scan(&scanner, &used, (const uint8_t *)copy, size);
  if (result == LW_BROKEN) return (lw_error)scanner.error;
  if (result != LW_DONE || used != size) test_failed(__FILE__, __LINE__, "the head is complete");
  return is_request ? lw_http_parse_request(head, copy, size)
                    : lw_http_parse_response(head, copy, size);
}

/* A request line with the usual Host. */
static lw_error parse_line(lw_http_head *head, const char *line) {
  char text[512];
  strcat(strcpy(text, line), "\r\nHost: example.org\r\n\r\n");
  return parse_text(head, text, true);
}

static lw_error parse_with_fields(lw_http_head *head, const char *fields) {
  char text[512];
  strcat(strcat(strcpy(text, "GET / HTTP/1.1\r\n"), fields), "\r\n");
  return parse_text(head, text, true);
}

static bool is(lw_slice slice, const char *text) {
  return lw_slice_equal(slice, lw_slice_of(text));
}

TEST(cuts_a_request) {
  lw_http_head head;
  const char *text = "POST /a/b?c=d HTTP/1.1\r\nhOST:example.org:81\r\nA: \t b c \t\r\nD:\r\n\r\n";
  CHECK_INT(parse_text(&head, text, true), LW_OK);
  CHECK(is(head.method, "POST") && is(head.target, "/a/b?c=d"));
  CHECK(is(head.path, "/a/b") && is(head.query, "?c=d") && is(head.host, "example.org:81"));
  CHECK_INT(head.minor, 1);
  CHECK_INT(head.field_count, 3);
  CHECK(is(head.fields[0].name, "hOST") && is(head.fields[0].value, "example.org:81"));
  CHECK(is(head.fields[1].name, "A") && is(head.fields[1].value, "b c"));
  CHECK(is(head.fields[2].name, "D") && is(head.fields[2].value, ""));
}

TEST(passes_over_one_empty_line) {
  lw_http_head head;
  CHECK_INT(parse_line(&head, "\r\nGET / HTTP/1.1"), LW_OK);
  CHECK(is(head.method, "GET"));
  CHECK_INT(parse_line(&head, "\r\n\r\nGET / HTTP/1.1"), LW_E_HTTP_SYNTAX);
  CHECK_INT(parse_text(&head, "\r\nHTTP/1.1 101 OK\r\n\r\n", false), LW_E_HTTP_STATUS_LINE);
}

static const struct {
  const char *line, *host, *path, *query;
  lw_error error;
} targets[] = {
    {"GET / HTTP/1.1", "example.org", "/", "", LW_OK},
    {"GET /? HTTP/1.1", "example.org", "/", "?", LW_OK},
    {"GET /a?b?c HTTP/1.1", "example.org", "/a", "?b?c", LW_OK},
    {"GET //x/y HTTP/1.1", "example.org", "//x/y", "", LW_OK},
    {"GET /a:b@c HTTP/1.1", "example.org", "/a:b@c", "", LW_OK},
    {"GET http://h/p?q HTTP/1.1", "h", "/p", "?q", LW_OK},
    {"GET HTTP://h:81 HTTP/1.1", "h:81", "/", "", LW_OK},
    {"GET https://h:443?q HTTP/1.1", "h", "/", "?q", LW_OK},
    {"GET ws://[::1]:9/ HTTP/1.1", "[::1]:9", "/", "", LW_OK},
    {"GET wss://h/ HTTP/1.1", "h", "/", "", LW_OK},
    {"OPTIONS * HTTP/1.1", "example.org", "*", "", LW_OK},
    {"GET * HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"OPTIONS ** HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET x HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET ?q HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"CONNECT h:80 HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET ftp://h/ HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET http:/h HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET http:///p HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET http://u@h/ HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET http://@h/ HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET http://h:0/ HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET ws+unix:///x:/ HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"GET /#x HTTP/1.1", NULL, NULL, NULL, LW_E_HTTP_TARGET},
    {"HTTP / HTTP/1.1", "example.org", "/", "", LW_OK},
    {"HTTP/1.1 200 OK", NULL, NULL, NULL, LW_E_HTTP_METHOD},
};

TEST(knows_the_forms_of_a_target) {
  for (size_t i = 0; i < sizeof targets / sizeof *targets; i++) {
    lw_http_head head;
    CHECK_INT(parse_line(&head, targets[i].line), targets[i].error);
    if (targets[i].error != LW_OK) continue;
    if (!is(head.host, targets[i].host) || !is(head.path, targets[i].path) ||
        !is(head.query, targets[i].query)) {
      test_failed(targets[i].line, (int)i, "a part is wrong");
    }
    test_guarded_free();
  }
}

static const struct {
  const char *head;
  lw_error error;
} hosts[] = {
    {"GET / HTTP/1.1\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.2\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.0\r\n\r\n", LW_OK},
    {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", LW_OK},
    {"GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.0\r\nHost: a b\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost:\r\n\r\n", LW_E_HTTP_HOST},
    {"GET http://a/ HTTP/1.1\r\nHost:\r\n\r\n", LW_E_HTTP_HOST},
    {"GET http://a/ HTTP/1.1\r\n\r\n", LW_E_HTTP_HOST},
    {"GET http://a/ HTTP/1.0\r\n\r\n", LW_OK},
    {"GET / HTTP/1.1\r\nHost: a:80\r\n\r\n", LW_OK},
    {"GET / HTTP/1.1\r\nHost: a:\r\n\r\n", LW_OK},
    {"GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: a:b\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", LW_OK},
    {"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: http://a\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: a b\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: \xc3\xa4\r\n\r\n", LW_E_HTTP_HOST},
    {"GET / HTTP/1.1\r\nHost: 256.0.0.1\r\n\r\n", LW_E_HTTP_HOST},
};

TEST(wants_one_valid_host) {
  for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
    lw_http_head head;
    lw_error error = parse_text(&head, hosts[i].head, true);
    if (error != hosts[i].error) test_failed(hosts[i].head, (int)i, lw_error_name(error));
    test_guarded_free();
  }
}

TEST(cuts_an_answer) {
  lw_http_head head;
  const char *text = "HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n";
  CHECK_INT(parse_text(&head, text, false), LW_OK);
  CHECK_INT(head.status, 101);
  CHECK_INT(head.minor, 1);
  CHECK(is(head.reason, "Switching Protocols") && is(head.fields[0].value, "b"));
  CHECK_INT(parse_text(&head, "HTTP/1.0 599 \r\n\r\n", false), LW_OK);
  CHECK_INT(head.status, 599);
  CHECK_INT(head.minor, 0);
  CHECK(is(head.reason, "") && head.field_count == 0);
  CHECK_INT(parse_text(&head, "GET / HTTP/1.1\r\n\r\n", false), LW_E_HTTP_STATUS_LINE);
}

/* lw_http_parse must not read too far either when lw_http_scan was not asked. */
TEST(survives_what_is_no_head) {
  const char *const heads[] = {"",
                               "\r",
                               "\r\n",
                               "\r\n\r\n",
                               "\r\n\r\n\r\n",
                               "GET",
                               "GET ",
                               "GET /",
                               "GET / ",
                               "GET /\r\n\r\n",
                               "GET / HTTP/1.1",
                               "GET / HTTP/1.1\r\n",
                               "GET / HTTP/1.1\r\nA",
                               "GET / HTTP/1.1\r\nA:b\r\n",
                               " / HTTP/1.1\r\n",
                               "GET / HTTP/1.1\r\nA\r\n\r\n",
                               "GET / HTTP/1.1\r\n:\r\n\r\n",
                               "GET / HTTP/1.1\r\nHost: x\r\n\r\nx",
                               "GET / HTTP/2.0\r\n\r\n",
                               "GET / HTTP/1.x\r\n\r\n",
                               "HTTP/1.1",
                               "HTTP/1.1 ",
                               "HTTP/1.1 101\r\n\r\n",
                               "HTTP/1.1 1x1 \r\n\r\n",
                               "HTTP/1.1 099 \r\n\r\n",
                               "HTTP/1.1 600 \r\n\r\n",
                               "HTTP/1.1 10 x\r\n\r\n",
                               "GET  HTTP/1.1\r\nHost: x\r\n\r\n",
                               "GET / HTTP/1.1x\r\nHost: x\r\n\r\n",
                               "HTTP/1.1 101 \r\nA: b\rc"};
  for (size_t i = 0; i < sizeof heads / sizeof *heads; i++) {
    lw_http_head head;
    size_t size = strlen(heads[i]);
    char *copy = (char *)test_guarded(size);
    if (size > 0) memcpy(copy, heads[i], size);
    CHECK(lw_http_parse_request(&head, copy, size) != LW_OK);
    CHECK(lw_http_parse_response(&head, copy, size) != LW_OK);
  }
}

TEST(refuses_too_many_fields_without_a_scan) {
  char text[1024] = "HTTP/1.1 200 \r\n";
  for (int i = 0; i <= LW_HTTP_FIELDS_MAX; i++) strcat(text, "A:b\r\n");
  strcat(text, "\r\n");
  lw_http_head head;
  CHECK_INT(lw_http_parse_response(&head, text, strlen(text)), LW_E_HTTP_TOO_MANY_FIELDS);
}

TEST(finds_fields) {
  lw_http_head head;
  size_t count;
  CHECK_INT(parse_with_fields(&head, "Host: x\r\nCookie: 1\r\nCOOKIE: 2\r\nEmpty:\r\n"), LW_OK);
  CHECK(is(lw_http_find(&head, LW_SLICE("cookie"), &count), "1"));
  CHECK_INT(count, 2);
  lw_slice empty = lw_http_find(&head, LW_SLICE("Empty"), &count);
  CHECK(empty.size == 0 && empty.data != NULL);
  CHECK_INT(count, 1);
  CHECK(lw_http_find(&head, LW_SLICE("Cook"), NULL).data == NULL);
  CHECK(lw_http_find(&head, LW_SLICE("Cookie-of-a-name-that-is-32-bytes-more"), NULL).data == NULL);
  CHECK(lw_http_find(&head, LW_SLICE("Cookies"), &count).data == NULL);
  CHECK_INT(count, 0);
}

TEST(looks_for_tokens_in_all_lines) {
  lw_http_head head;
  const char *fields = "Host: x\r\nConnection: keep-alive ,, \"upgrade, x\"\r\nXonnection: b\r\n"
                       "connection: \t,Foo\t,UPGRADE\r\n";
  CHECK_INT(parse_with_fields(&head, fields), LW_OK);
  CHECK(lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("upgrade")));
  CHECK(lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("keep-alive")));
  CHECK(lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("foo")));
  CHECK(!lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("x")));
  CHECK(!lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("keep")));
  CHECK(!lw_http_has_token(&head, LW_SLICE("Connection"), LW_SLICE("")));
  CHECK(!lw_http_has_token(&head, LW_SLICE("Connections"), LW_SLICE("foo")));
}

static const struct {
  const char *list, *elements; /* joined with "|" */
} lists[] = {
    {"", ""},
    {" , \t,", ""},
    {"a", "a|"},
    {" a , b\t", "a|b|"},
    {",a,,b,", "a|b|"},
    {"a b;c=d, e", "a b;c=d|e|"},
    {"a=\"b, c\" , d", "a=\"b, c\"|d|"},
    {"\"a\\\",b\",c", "\"a\\\",b\"|c|"},
    {"\"a, b", "\"a, b|"},
    {"\"a\\", "\"a\\|"},
    {"a\",\",b", "a\",\"|b|"},
};

TEST(walks_lists) {
  for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
    size_t size = strlen(lists[i].list);
    char *copy = (char *)test_guarded(size), seen[64] = "";
    if (size > 0) memcpy(copy, lists[i].list, size);
    lw_slice rest = {copy, size}, element;
    while (lw_http_next_element(&rest, &element)) {
      strcat(strncat(seen, element.data, element.size), "|");
    }
    if (strcmp(seen, lists[i].elements) != 0) test_failed(lists[i].list, (int)i, seen);
    CHECK(!lw_http_next_element(&rest, &element));
  }
}

#define BROKEN (-1)

static const struct {
  const char *fields;
  int framing; /* of a request, or BROKEN */
  uint64_t length;
} bodies[] = {
    {"", LW_HTTP_NO_BODY, 0},
    {"Content-Length: 0\r\n", LW_HTTP_LENGTH, 0},
    {"Content-Length: 42\r\n", LW_HTTP_LENGTH, 42},
    {"content-length:\t042 \r\n", LW_HTTP_LENGTH, 42},
    {"Content-Length: 42, 42\r\n", LW_HTTP_LENGTH, 42},
    {"Content-Length: 42\r\nContent-Length: 42\r\n", LW_HTTP_LENGTH, 42},
    {"Content-Length: 9007199254740992\r\n", LW_HTTP_LENGTH, 9007199254740992},
    {"Content-Length: 9007199254740993\r\n", BROKEN, 0},
    {"Content-Length: 99999999999999999999999999999999\r\n", BROKEN, 0},
    {"Content-Length: 18446744073709551617\r\n", BROKEN, 0},
    {"Content-Length:\r\n", BROKEN, 0},
    {"Content-Length: ,\r\n", BROKEN, 0},
    {"Content-Length: 42,\r\n", BROKEN, 0},
    {"Content-Length: ,42\r\n", BROKEN, 0},
    {"Content-Length: 42, 43\r\n", BROKEN, 0},
    {"Content-Length: 42\r\nContent-Length: 43\r\n", BROKEN, 0},
    {"Content-Length: 42\r\nContent-Length:\r\n", BROKEN, 0},
    {"Content-Length: +42\r\n", BROKEN, 0},
    {"Content-Length: -1\r\n", BROKEN, 0},
    {"Content-Length: 0x2a\r\n", BROKEN, 0},
    {"Content-Length: 4 2\r\n", BROKEN, 0},
    {"Content-Length: 42.0\r\n", BROKEN, 0},
    {"Content-Length: \"42\"\r\n", BROKEN, 0},
    {"Transfer-Encoding: chunked\r\n", LW_HTTP_CHUNKED, 0},
    {"transfer-encoding: CHUNKED\r\n", LW_HTTP_CHUNKED, 0},
    {"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n", BROKEN, 0},
    {"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: chunked, chunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: gzip, chunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: chunked, gzip\r\n", BROKEN, 0},
    {"Transfer-Encoding: identity\r\n", BROKEN, 0},
    {"Transfer-Encoding: xchunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: chunked;q=1\r\n", BROKEN, 0},
    {"Transfer-Encoding: ,chunked\r\n", BROKEN, 0},
    {"Transfer-Encoding: \"chunked\"\r\n", BROKEN, 0},
    {"Transfer-Encoding:\r\n", BROKEN, 0},
};

static void check_body(size_t i, const char *line, bool is_request, int framing) {
  char text[512];
  lw_http_head head;
  lw_http_framing found;
  uint64_t length;
  strcat(strcat(strcat(strcpy(text, line), "\r\nHost: x\r\n"), bodies[i].fields), "\r\n");
  CHECK_INT(parse_text(&head, text, is_request), LW_OK);
  lw_error error = lw_http_body(&head, is_request, &found, &length);
  CHECK_INT(error, framing == BROKEN ? LW_E_HTTP_BODY_LENGTH : LW_OK);
  if (error == LW_OK &&
      ((int)found != framing || (found == LW_HTTP_LENGTH && length != bodies[i].length))) {
    test_failed(bodies[i].fields, (int)i, line);
  }
  test_guarded_free();
}

TEST(frames_bodies) {
  for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
    int framing = bodies[i].framing;
    check_body(i, "POST / HTTP/1.1", true, framing);
    check_body(i, "POST / HTTP/1.0", true, framing == LW_HTTP_CHUNKED ? BROKEN : framing);
    check_body(i, "HTTP/1.1 200 OK", false,
               framing == LW_HTTP_NO_BODY ? LW_HTTP_UNTIL_END : framing);
    check_body(i, "HTTP/1.1 101 OK", false, LW_HTTP_NO_BODY);
    check_body(i, "HTTP/1.1 199 OK", false, LW_HTTP_NO_BODY);
    check_body(i, "HTTP/1.1 204 OK", false, LW_HTTP_NO_BODY);
    check_body(i, "HTTP/1.1 304 OK", false, LW_HTTP_NO_BODY);
  }
}

TEST(names_statuses) {
  CHECK(strcmp(lw_http_reason(404), "Not Found") == 0);
  CHECK(strcmp(lw_http_reason(101), "Switching Protocols") == 0);
  CHECK(strcmp(lw_http_reason(505), "HTTP Version Not Supported") == 0);
  CHECK(strcmp(lw_http_reason(299), "Unknown") == 0);
  CHECK(strcmp(lw_http_reason(-1), "Unknown") == 0);
}

int main(void) {
  RUN(cuts_a_request);
  RUN(passes_over_one_empty_line);
  RUN(knows_the_forms_of_a_target);
  RUN(wants_one_valid_host);
  RUN(cuts_an_answer);
  RUN(survives_what_is_no_head);
  RUN(refuses_too_many_fields_without_a_scan);
  RUN(finds_fields);
  RUN(looks_for_tokens_in_all_lines);
  RUN(walks_lists);
  RUN(frames_bodies);
  RUN(names_statuses);
  return test_end();
}
