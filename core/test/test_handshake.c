#include "test.h"

#include <string.h>

#include "../proto/handshake.h"

#define KEY "dGhlIHNhbXBsZSBub25jZQ=="
#define ACCEPT "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
#define GET "GET /chat HTTP/1.1\r\nHost: example.org\r\n"
#define UPGRADE "Upgrade: websocket\r\nConnection: Upgrade\r\n"
#define VERSION "Sec-WebSocket-Version: 13\r\n"
#define KEY_FIELD "Sec-WebSocket-Key: " KEY "\r\n"
#define REQUEST GET UPGRADE VERSION KEY_FIELD
#define ANSWER "HTTP/1.1 101 Switching Protocols\r\n" UPGRADE
#define ACCEPT_FIELD "Sec-WebSocket-Accept: " ACCEPT "\r\n"

/* Parses the lines and an empty one, in memory that ends at a guard page. */
static lw_error parse(lw_http_head *head, const char *lines, bool is_request) {
  size_t size = strlen(lines);
  char *copy = (char *)test_guarded(size + 2);
  memcpy(copy, lines, size);
  memcpy(copy + size, "\r\n", 2);
  return is_request ? lw_http_parse_request(head, copy, size + 2)
                    : lw_http_parse_response(head, copy, size + 2);
}

static bool is(lw_slice slice, const char *text) {
  return lw_slice_equal(slice, lw_slice_of(text));
}

static const struct {
  const char *lines;
  lw_error error;
} requests[] = {
    {REQUEST, LW_OK},
    {GET "upgrade: WebSocket\r\nCONNECTION: keep-alive, UPGRADE\r\n" VERSION KEY_FIELD, LW_OK},
    {GET "Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n" VERSION KEY_FIELD, LW_OK},
    {GET "Upgrade: h2c\r\nUpgrade: websocket\r\nConnection: x\r\nConnection: upgrade\r\n" VERSION
         KEY_FIELD,
     LW_OK},
    {"GET / HTTP/1.2\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_OK},
    {"GET http://x/ HTTP/1.1\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_OK},
    {GET VERSION KEY_FIELD, LW_E_UPGRADE_REQUIRED},
    {GET "Upgrade: h2c\r\nConnection: Upgrade\r\n" VERSION KEY_FIELD, LW_E_UPGRADE_REQUIRED},
    {GET "Upgrade: websocket/13\r\nConnection: Upgrade\r\n" VERSION KEY_FIELD,
     LW_E_UPGRADE_REQUIRED},
    {GET "Upgrade: websockets\r\nConnection: Upgrade\r\n" VERSION KEY_FIELD, LW_E_UPGRADE_REQUIRED},
    {"POST / HTTP/1.1\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_E_UPGRADE_METHOD},
    {"get / HTTP/1.1\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_E_UPGRADE_METHOD},
    {"HEAD / HTTP/1.1\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_E_UPGRADE_METHOD},
    {"GET / HTTP/1.0\r\nHost: x\r\n" UPGRADE VERSION KEY_FIELD, LW_E_UPGRADE_HTTP_VERSION},
    {GET "Upgrade: websocket\r\n" VERSION KEY_FIELD, LW_E_UPGRADE_CONNECTION},
    {GET "Upgrade: websocket\r\nConnection: keep-alive\r\n" VERSION KEY_FIELD,
     LW_E_UPGRADE_CONNECTION},
    {GET "Upgrade: websocket\r\nConnection: upgrade x\r\n" VERSION KEY_FIELD,
     LW_E_UPGRADE_CONNECTION},
    {GET UPGRADE KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE VERSION VERSION KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE "Sec-WebSocket-Version: 8\r\n" KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE "Sec-WebSocket-Version: 013\r\n" KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE "Sec-WebSocket-Version: 13, 8\r\n" KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE "Sec-WebSocket-Version:\r\n" KEY_FIELD, LW_E_UPGRADE_VERSION},
    {GET UPGRADE VERSION, LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION KEY_FIELD KEY_FIELD, LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION "Sec-WebSocket-Key:\r\n", LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION "Sec-WebSocket-Key: AAAA\r\n", LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZR==\r\n", LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ\r\n", LW_E_UPGRADE_KEY},
    {GET UPGRADE VERSION "Sec-WebSocket-Key: \"" KEY "\"\r\n", LW_E_UPGRADE_KEY},
    {REQUEST "Content-Length: 0\r\n", LW_OK},
    {REQUEST "Content-Length: 1\r\n", LW_E_UPGRADE_BODY},
    {REQUEST "Transfer-Encoding: chunked\r\n", LW_E_UPGRADE_BODY},
    {REQUEST "Content-Length: x\r\n", LW_E_HTTP_BODY_LENGTH},
    {REQUEST "Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", LW_E_HTTP_BODY_LENGTH},
    {REQUEST "Sec-WebSocket-Protocol: chat\r\n", LW_OK},
    {REQUEST "Sec-WebSocket-Protocol: ,chat,, superchat ,\r\nsec-websocket-protocol: Chat\r\n",
     LW_OK},
    {REQUEST "Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: chat\r\n", LW_OK},
    {REQUEST "Sec-WebSocket-Protocol:\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: , ,\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: a b\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: a/b\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: \"a\"\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: \xc3\xa4\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: a, b, a\r\n", LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Protocol: a, b\r\nSec-WebSocket-Protocol: b\r\n",
     LW_E_UPGRADE_PROTOCOL},
    {REQUEST "Sec-WebSocket-Extensions: foo; a=1; b=\"2\", bar\r\n", LW_OK},
    {REQUEST "Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions:\r\n", LW_OK},
    {REQUEST "Sec-WebSocket-Extensions:\r\n", LW_E_UPGRADE_EXTENSION},
    {REQUEST "Sec-WebSocket-Extensions: foo;\r\n", LW_E_UPGRADE_EXTENSION},
    {REQUEST "Sec-WebSocket-Extensions: foo\r\nSec-WebSocket-Extensions: a b\r\n",
     LW_E_UPGRADE_EXTENSION},
};

TEST(checks_each_rule_of_a_request) {
  for (size_t i = 0; i < sizeof requests / sizeof *requests; i++) {
    lw_http_head head;
    lw_slice key;
    CHECK_INT(parse(&head, requests[i].lines, true), LW_OK);
    lw_error error = lw_handshake_check_request(&head, &key);
    if (error != requests[i].error) test_failed(requests[i].lines, (int)i, lw_error_name(error));
    CHECK(error != LW_OK || is(key, KEY));
    CHECK_INT(lw_handshake_is_upgrade(&head), error != LW_E_UPGRADE_REQUIRED);
    test_guarded_free();
  }
}

TEST(walks_the_offered_protocols) {
  lw_http_head head;
  lw_slice protocol;
  size_t position = 0;
  CHECK_INT(parse(&head,
                  REQUEST "Sec-WebSocket-Protocol:\r\nSec-WebSocket-Protocol: a,,b ,\r\n"
                          "X: y\r\nsec-websocket-protocol: c\r\n",
                  true),
            LW_OK);
  CHECK(lw_handshake_next_protocol(&head, &position, &protocol) && is(protocol, "a"));
  CHECK(lw_handshake_next_protocol(&head, &position, &protocol) && is(protocol, "b"));
  CHECK(lw_handshake_next_protocol(&head, &position, &protocol) && is(protocol, "c"));
  CHECK(!lw_handshake_next_protocol(&head, &position, &protocol));
  CHECK(!lw_handshake_next_protocol(&head, &position, &protocol));
  position = 0;
  CHECK_INT(parse(&head, REQUEST, true), LW_OK);
  CHECK(!lw_handshake_next_protocol(&head, &position, &protocol));
}

/* A list of so many different subprotocols. */
static lw_error check_protocols(int count) {
  char lines[1024] = REQUEST "Sec-WebSocket-Protocol: ";
  for (int i = 0; i < count; i++) {
    const char protocol[] = {'p', (char)('a' + i / 26), (char)('a' + i % 26), ',', 0};
    strcat(lines, protocol);
  }
  lw_http_head head;
  lw_slice key;
  lw_error error = parse(&head, strcat(lines, "\r\n"), true);
  return error != LW_OK ? error : lw_handshake_check_request(&head, &key);
}

TEST(limits_the_number_of_protocols) {
  CHECK_INT(check_protocols(LW_HANDSHAKE_PROTOCOLS_MAX), LW_OK);
  CHECK_INT(check_protocols(LW_HANDSHAKE_PROTOCOLS_MAX + 1), LW_E_UPGRADE_PROTOCOL);
}

static const struct {
  const char *host, *origin;
  bool same;
} origins[] = {
    {"h", "http://h", true},
    {"h", "https://h", true},
    {"H.example", "HTTP://h.EXAMPLE", true},
    {"h:80", "http://h", true},
    {"h:443", "https://h", true},
    {"h", "http://h:80", true},
    {"h", "https://h:443", true},
    {"h:", "http://h", true},
    {"h:8080", "http://h:8080", true},
    {"h:8080", "https://h:8080", true},
    {"[::1]:9", "http://[::1]:9", true},
    {"[::1]", "http://[::2]", false},
    {"[::1]", "http://::1", false},
    {"h:443", "http://h", false},
    {"h:80", "https://h", false},
    {"h:8080", "http://h", false},
    {"h", "http://h:8080", false},
    {"h:8080", "http://h:8081", false},
    {"h", "http://g", false},
    {"h", "http://h.g", false},
    {"h.g", "http://h", false},
    {"h", "null", false},
    {"null", "null", false},
    {"h", "", false},
    {"h", "h", false},
    {"h", "http:", false},
    {"h", "http://", false},
    {"h", "https://", false},
    {"h", "https:/h", false},
    {"h", "http://h/", false},
    {"h", "http://u@h", false},
    {"h", "http://h http://h", false},
    {"h", "ftp://h", false},
    {"h", "file://h", false},
    {"h", "chrome-extension://h", false},
    {"h", "http://h:0", false},
    {"h", "http://h#", false},
};

TEST(compares_origins) {
  for (size_t i = 0; i < sizeof origins / sizeof *origins; i++) {
    char lines[256] = "GET / HTTP/1.1\r\nHost: ";
    strcat(strcat(strcat(strcat(lines, origins[i].host), "\r\nOrigin: "), origins[i].origin),
           "\r\n");
    lw_http_head head;
    CHECK_INT(parse(&head, lines, true), LW_OK);
    if (lw_handshake_same_origin(&head) != origins[i].same) {
      test_failed(origins[i].host, (int)i, origins[i].origin);
    }
    test_guarded_free();
  }
}

TEST(compares_origins_with_the_host_asked_for) {
  lw_http_head head;
  CHECK_INT(parse(&head, "GET / HTTP/1.1\r\nHost: h\r\n", true), LW_OK);
  CHECK(lw_handshake_same_origin(&head));
  const char *two = "GET / HTTP/1.1\r\nHost: h\r\nOrigin: http://h\r\nOrigin: http://h\r\n";
  CHECK_INT(parse(&head, two, true), LW_OK);
  CHECK(!lw_handshake_same_origin(&head));
  CHECK_INT(parse(&head, "GET http://h/ HTTP/1.1\r\nHost: g\r\nOrigin: http://g\r\n", true), LW_OK);
  CHECK(!lw_handshake_same_origin(&head));
  CHECK_INT(parse(&head, "GET http://h/ HTTP/1.1\r\nHost: g\r\nOrigin: http://h\r\n", true), LW_OK);
  CHECK(lw_handshake_same_origin(&head));
  CHECK_INT(parse(&head, "GET / HTTP/1.0\r\nOrigin: http://h\r\n", true), LW_OK);
  CHECK(!lw_handshake_same_origin(&head));
}

TEST(computes_the_accept_value_of_rfc_6455) {
  char accept[LW_HANDSHAKE_ACCEPT_SIZE];
  CHECK(lw_handshake_accept(accept, LW_SLICE(KEY)));
  CHECK(is((lw_slice){accept, sizeof accept}, ACCEPT));
  CHECK(!lw_handshake_accept(accept, LW_SLICE(KEY "=")));
  CHECK(!lw_handshake_accept(accept, LW_SLICE("")));
}

TEST(makes_a_key) {
  char key[LW_HANDSHAKE_KEY_SIZE];
  lw_handshake_key(key, (const uint8_t *)"the sample nonce");
  CHECK(is((lw_slice){key, sizeof key}, KEY));
}

static const struct {
  const char *lines, *protocols, *extensions; /* the last two: what was offered */
  lw_error error;
} answers[] = {
    {ANSWER ACCEPT_FIELD, "", "", LW_OK},
    {ANSWER ACCEPT_FIELD, "a", "foo", LW_OK},
    {"HTTP/1.1 101 \r\nupgrade: WEBSOCKET\r\nconnection: x, UPGRADE\r\n" ACCEPT_FIELD, "", "",
     LW_OK},
    {ANSWER ACCEPT_FIELD "Content-Length: 0\r\nX: y\r\n", "", "", LW_OK},
    {"HTTP/1.1 200 OK\r\n" UPGRADE ACCEPT_FIELD, "", "", LW_E_HTTP_STATUS},
    {"HTTP/1.1 100 OK\r\n" UPGRADE ACCEPT_FIELD, "", "", LW_E_HTTP_STATUS},
    {"HTTP/1.1 301 Moved\r\n", "", "", LW_E_HTTP_STATUS},
    {"HTTP/1.0 101 OK\r\n" UPGRADE ACCEPT_FIELD, "", "", LW_E_ACCEPT_UPGRADE},
    {"HTTP/1.1 101 OK\r\nConnection: Upgrade\r\n" ACCEPT_FIELD, "", "", LW_E_ACCEPT_UPGRADE},
    {"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\n" ACCEPT_FIELD, "", "", LW_E_ACCEPT_UPGRADE},
    {"HTTP/1.1 101 OK\r\nUpgrade: websocket, x\r\nConnection: Upgrade\r\n" ACCEPT_FIELD, "", "",
     LW_E_ACCEPT_UPGRADE},
    {ANSWER "Upgrade: websocket\r\n" ACCEPT_FIELD, "", "", LW_E_ACCEPT_UPGRADE},
    {"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: close\r\n" ACCEPT_FIELD, "", "",
     LW_E_ACCEPT_UPGRADE},
    {ANSWER, "", "", LW_E_ACCEPT_KEY},
    {ANSWER ACCEPT_FIELD ACCEPT_FIELD, "", "", LW_E_ACCEPT_KEY},
    {ANSWER "Sec-WebSocket-Accept:\r\n", "", "", LW_E_ACCEPT_KEY},
    {ANSWER "Sec-WebSocket-Accept: S3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n", "", "", LW_E_ACCEPT_KEY},
    {ANSWER "Sec-WebSocket-Accept: " KEY "\r\n", "", "", LW_E_ACCEPT_KEY},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol: b\r\n", "a, b", "", LW_OK},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol: b\r\n", "", "", LW_E_ACCEPT_PROTOCOL},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol: B\r\n", "a, b", "", LW_E_ACCEPT_PROTOCOL},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol: a, b\r\n", "a, b", "", LW_E_ACCEPT_PROTOCOL},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol:\r\n", "a, b", "", LW_E_ACCEPT_PROTOCOL},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Protocol: a\r\nSec-WebSocket-Protocol: a\r\n", "a", "",
     LW_E_ACCEPT_PROTOCOL},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions: foo; x=1\r\n", "", "bar; y, foo; z", LW_OK},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions: foo\r\n", "", "", LW_E_ACCEPT_EXTENSION},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions: foo, bar\r\n", "", "foo",
     LW_E_ACCEPT_EXTENSION},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions: foo;\r\n", "", "foo", LW_E_ACCEPT_EXTENSION},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions:\r\n", "", "foo", LW_E_ACCEPT_EXTENSION},
    {ANSWER ACCEPT_FIELD "Sec-WebSocket-Extensions: a\r\nSec-WebSocket-Extensions: a\r\n", "", "a",
     LW_E_ACCEPT_EXTENSION},
};

TEST(checks_each_rule_of_an_answer) {
  for (size_t i = 0; i < sizeof answers / sizeof *answers; i++) {
    lw_http_head head;
    lw_slice protocol, extensions;
    lw_handshake_offer offer = {.key = LW_SLICE(KEY),
                                .protocols = lw_slice_of(answers[i].protocols),
                                .extensions = lw_slice_of(answers[i].extensions)};
    CHECK_INT(parse(&head, answers[i].lines, false), LW_OK);
    lw_error error = lw_handshake_check_answer(&head, &offer, &protocol, &extensions);
    if (error != answers[i].error) test_failed(answers[i].lines, (int)i, lw_error_name(error));
    if (error == LW_OK) {
      CHECK(
          lw_slice_equal(protocol, lw_http_find(&head, LW_SLICE("Sec-WebSocket-Protocol"), NULL)));
      CHECK(lw_slice_equal(extensions,
                           lw_http_find(&head, LW_SLICE("Sec-WebSocket-Extensions"), NULL)));
    }
    test_guarded_free();
  }
}

TEST(needs_a_whole_key_to_check_an_answer) {
  lw_http_head head;
  lw_slice protocol, extensions;
  lw_handshake_offer offer = {.key = LW_SLICE("x")};
  CHECK_INT(parse(&head, ANSWER ACCEPT_FIELD, false), LW_OK);
  CHECK_INT(lw_handshake_check_answer(&head, &offer, &protocol, &extensions), LW_E_NOMEM);
}

TEST(reserves_its_own_fields) {
  CHECK(lw_handshake_is_reserved(LW_SLICE("sec-websocket-KEY")));
  CHECK(lw_handshake_is_reserved(LW_SLICE("Content-Length")));
  CHECK(!lw_handshake_is_reserved(LW_SLICE("Sec-WebSocket-Keys")));
  CHECK(!lw_handshake_is_reserved(LW_SLICE("Origin")));
  CHECK(!lw_handshake_is_reserved(LW_SLICE("")));
}

int main(void) {
  RUN(checks_each_rule_of_a_request);
  RUN(walks_the_offered_protocols);
  RUN(limits_the_number_of_protocols);
  RUN(compares_origins);
  RUN(compares_origins_with_the_host_asked_for);
  RUN(computes_the_accept_value_of_rfc_6455);
  RUN(makes_a_key);
  RUN(checks_each_rule_of_an_answer);
  RUN(needs_a_whole_key_to_check_an_answer);
  RUN(reserves_its_own_fields);
  return test_end();
}
