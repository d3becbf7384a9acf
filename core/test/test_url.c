#include "test.h"

#include <stdlib.h>
#include <string.h>

#include "../proto/url.h"

/* Parses a copy that ends at a guard page. The slices are dead after test_guarded_free. */
static lw_error parse(lw_url *url, const char *text) {
  size_t size = strlen(text);
  char *copy = (char *)test_guarded(size);
  memcpy(copy, text, size);
  return lw_url_parse(url, copy, size);
}

static bool is(lw_slice slice, const char *text) {
  return lw_slice_equal(slice, lw_slice_of(text));
}

static const struct {
  const char *text, *host, *authority, *path, *query, *user;
  uint16_t port;
  bool secure, is_ipv6;
} valid[] = {
    {"ws://h", "h", "h", "", "", "", 80, false, false},
    {"wss://h", "h", "h", "", "", "", 443, true, false},
    {"http://h", "h", "h", "", "", "", 80, false, false},
    {"https://h", "h", "h", "", "", "", 443, true, false},
    {"WSS://Example.COM/", "Example.COM", "Example.COM", "/", "", "", 443, true, false},
    {"ws://h:8080/a/b?c=d&e", "h", "h:8080", "/a/b", "?c=d&e", "", 8080, false, false},
    {"ws://h:80/", "h", "h", "/", "", "", 80, false, false},
    {"ws://h:443/", "h", "h:443", "/", "", "", 443, false, false},
    {"wss://h:443/", "h", "h", "/", "", "", 443, true, false},
    {"wss://h:80", "h", "h:80", "", "", "", 80, true, false},
    {"ws://h:/x", "h", "h", "/x", "", "", 80, false, false},
    {"ws://h:1", "h", "h:1", "", "", "", 1, false, false},
    {"ws://h:65535", "h", "h:65535", "", "", "", 65535, false, false},
    {"ws://h:00080", "h", "h", "", "", "", 80, false, false},
    {"ws://h?q", "h", "h", "", "?q", "", 80, false, false},
    {"ws://h?q/?x", "h", "h", "", "?q/?x", "", 80, false, false},
    {"ws://h/?", "h", "h", "/", "?", "", 80, false, false},
    {"ws://u:p@h:81/", "h", "h:81", "/", "", "u:p", 81, false, false},
    {"ws://u%40:@h", "h", "h", "", "", "u%40:", 80, false, false},
    {"ws://@h", "h", "h", "", "", "", 80, false, false},
    {"ws://h/@:/", "h", "h", "/@:/", "", "", 80, false, false},
    {"ws://h?@", "h", "h", "", "?@", "", 80, false, false},
    {"ws://127.0.0.1:9001", "127.0.0.1", "127.0.0.1:9001", "", "", "", 9001, false, false},
    {"ws://255.249.199.10", "255.249.199.10", "255.249.199.10", "", "", "", 80, false, false},
    {"ws://[::1]:9/p", "::1", "[::1]:9", "/p", "", "", 9, false, true},
    {"wss://[::]", "::", "[::]", "", "", "", 443, true, true},
    {"wss://[::]:443", "::", "[::]", "", "", "", 443, true, true},
    {"ws://a-b_c.d~!$&'()*+,;=", "a-b_c.d~!$&'()*+,;=", "a-b_c.d~!$&'()*+,;=", "", "", "", 80,
     false, false},
    {"ws://h%41.x", "h%41.x", "h%41.x", "", "", "", 80, false, false},
    {"ws://web.1", "web.1", "web.1", "", "", "", 80, false, false},
    {"ws://1a", "1a", "1a", "", "", "", 80, false, false},
    {"ws://h/%20%fF[0]", "h", "h", "/%20%fF[0]", "", "", 80, false, false},
    {"ws://h//x", "h", "h", "//x", "", "", 80, false, false},
};

TEST(parses_valid_urls) {
  for (size_t i = 0; i < sizeof valid / sizeof *valid; i++) {
    lw_url url;
    CHECK_INT(parse(&url, valid[i].text), LW_OK);
    if (!is(url.host, valid[i].host) || !is(url.authority, valid[i].authority) ||
        !is(url.path, valid[i].path) || !is(url.query, valid[i].query) ||
        !is(url.user, valid[i].user)) {
      test_failed(valid[i].text, (int)i, "a part is wrong");
    }
    CHECK_INT(url.port, valid[i].port);
    CHECK_INT(url.secure, valid[i].secure);
    CHECK_INT(url.is_ipv6, valid[i].is_ipv6);
    CHECK(!url.is_unix && url.unix_path.size == 0);
    CHECK(strncmp(valid[i].text, url.scheme.data, url.scheme.size) == 0);
    test_guarded_free();
  }
}

static const struct {
  const char *text, *unix_path, *path, *query;
} unix_urls[] = {
    {"ws+unix:///run/x.sock", "/run/x.sock", "", ""},
    {"WS+UNIX:///run/x.sock:/chat?a:b", "/run/x.sock", "/chat", "?a:b"},
    {"ws+unix:///x:", "/x", "", ""},
    {"ws+unix:///x:?q", "/x", "", "?q"},
    {"ws+unix:///x?q", "/x", "", "?q"},
    {"ws+unix:///a%3Ab:/", "/a%3Ab", "/", ""},
};

TEST(parses_unix_urls) {
  for (size_t i = 0; i < sizeof unix_urls / sizeof *unix_urls; i++) {
    lw_url url;
    CHECK_INT(parse(&url, unix_urls[i].text), LW_OK);
    CHECK(url.is_unix && !url.secure);
    CHECK(is(url.host, "localhost") && is(url.authority, "localhost"));
    CHECK(is(url.unix_path, unix_urls[i].unix_path));
    CHECK(is(url.path, unix_urls[i].path) && is(url.query, unix_urls[i].query));
    test_guarded_free();
  }
}

static const struct {
  const char *text;
  lw_error error;
} invalid[] = {
    {"", LW_E_URL_SCHEME},
    {"ws", LW_E_URL_SCHEME},
    {"ws:", LW_E_URL_SCHEME},
    {"ws:/", LW_E_URL_SCHEME},
    {"ws:/h", LW_E_URL_SCHEME},
    {"ws:h", LW_E_URL_SCHEME},
    {"://h", LW_E_URL_SCHEME},
    {"h:80", LW_E_URL_SCHEME},
    {"//h/", LW_E_URL_SCHEME},
    {"ftp://h/", LW_E_URL_SCHEME},
    {" ws://h/", LW_E_URL_SCHEME},
    {"wss+unix:///x", LW_E_URL_SCHEME},
    {"ws://", LW_E_URL_HOST},
    {"ws:///", LW_E_URL_HOST},
    {"ws://?q", LW_E_URL_HOST},
    {"ws://:80", LW_E_URL_HOST},
    {"ws://u@", LW_E_URL_HOST},
    {"ws://u@:80", LW_E_URL_HOST},
    {"ws://a@b@c", LW_E_URL_HOST},
    {"ws://[::1", LW_E_URL_HOST},
    {"ws://[]", LW_E_URL_HOST},
    {"ws://[::1]x", LW_E_URL_HOST},
    {"ws://[::1]80", LW_E_URL_HOST},
    {"ws://[v1.x]", LW_E_URL_HOST},
    {"ws://[fe80::1%25eth0]", LW_E_URL_HOST},
    {"ws://::1", LW_E_URL_HOST},
    {"ws://a:2:3", LW_E_URL_PORT},
    {"ws://x[y]", LW_E_URL_HOST},
    {"ws://256.1.1.1", LW_E_URL_HOST},
    {"ws://1.2.3", LW_E_URL_HOST},
    {"ws://1.2.3.4.", LW_E_URL_HOST},
    {"ws://1.2.3.4.5", LW_E_URL_HOST},
    {"ws://01.2.3.4", LW_E_URL_HOST},
    {"ws://1..3.4", LW_E_URL_HOST},
    {"ws://2130706433", LW_E_URL_HOST},
    {"ws://.", LW_E_URL_HOST},
    {"ws://h:0", LW_E_URL_PORT},
    {"ws://h:65536", LW_E_URL_PORT},
    {"ws://h:99999", LW_E_URL_PORT},
    {"ws://h:000080", LW_E_URL_PORT},
    {"ws://h:80x", LW_E_URL_PORT},
    {"ws://h:-1", LW_E_URL_PORT},
    {"ws://h:+1", LW_E_URL_PORT},
    {"ws://h:80:80", LW_E_URL_PORT},
    {"ws://[::1]:x", LW_E_URL_PORT},
    {"ws://h/#", LW_E_URL_FRAGMENT},
    {"ws://h#x", LW_E_URL_FRAGMENT},
    {"wss://h/?q#x", LW_E_URL_FRAGMENT},
    {"ws+unix:///x:/#", LW_E_URL_FRAGMENT},
    {"ws://h/%", LW_E_URL_CHARACTER},
    {"ws://h/%4", LW_E_URL_CHARACTER},
    {"ws://h/%4g", LW_E_URL_CHARACTER},
    {"ws://h%zz/", LW_E_URL_CHARACTER},
    {"ws://u[@h", LW_E_URL_CHARACTER},
    {"ws+unix://", LW_E_URL_HOST},
    {"ws+unix:///", LW_E_URL_HOST},
    {"ws+unix://:/x", LW_E_URL_HOST},
    {"ws+unix:///:/x", LW_E_URL_HOST},
    {"ws+unix://h/x", LW_E_URL_HOST},
    {"ws+unix:///x:80", LW_E_URL_CHARACTER},
    {"ws+unix:///x::/", LW_E_URL_CHARACTER},
};

TEST(refuses_invalid_urls) {
  for (size_t i = 0; i < sizeof invalid / sizeof *invalid; i++) {
    lw_url url;
    lw_error error = parse(&url, invalid[i].text);
    if (error != invalid[i].error) test_failed(invalid[i].text, (int)i, lw_error_name(error));
    test_guarded_free();
  }
}

TEST(refuses_characters_that_must_be_encoded) {
  const char *allowed = "-._~!$&'()*+,;=:@/?[]";
  for (int c = 0; c < 256; c++) {
    char text[] = "ws://h/x?y";
    text[c % 2 == 0 ? 7 : 9] = (char)c;
    bool legal = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                 (c != 0 && strchr(allowed, c) != NULL);
    lw_url url;
    lw_error expected = legal ? LW_OK : c == '#' ? LW_E_URL_FRAGMENT : LW_E_URL_CHARACTER;
    CHECK_INT(lw_url_parse(&url, text, sizeof text - 1), expected);
  }
}

TEST(limits_the_length) {
  char *text = malloc(LW_URL_MAX + 1);
  lw_url url;
  CHECK(text != NULL);
  memset(text, 'a', LW_URL_MAX + 1);
  memcpy(text, "ws://h/", 7);
  lw_error longest = lw_url_parse(&url, text, LW_URL_MAX);
  lw_error longer = lw_url_parse(&url, text, LW_URL_MAX + 1);
  free(text);
  CHECK_INT(longest, LW_OK);
  CHECK_INT(longer, LW_E_URL_TOO_LONG);
}

static lw_error parse_ipv6(const char *address) {
  lw_authority authority;
  char text[80] = "[";
  strcat(strcat(text, address), "]");
  char *copy = (char *)test_guarded(strlen(text));
  memcpy(copy, text, strlen(text));
  lw_error error = lw_url_parse_authority(&authority, (lw_slice){copy, strlen(text)});
  test_guarded_free();
  return error;
}

TEST(validates_ipv6_addresses) {
  const char *const good[] = {"::",
                              "::1",
                              "1::",
                              "1:2:3:4:5:6:7:8",
                              "1::8",
                              "1:2:3:4:5::8",
                              "::2:3:4:5:6:7:8",
                              "1:2:3:4:5:6:7::",
                              "abcd::EF",
                              "::1.2.3.4",
                              "::ffff:1.2.3.4",
                              "1:2:3:4:5:6:1.2.3.4",
                              "1::1.2.3.4",
                              "0000::0000"};
  const char *const bad[] = {"",
                             ":",
                             ":::",
                             "1",
                             "1:",
                             ":1",
                             "1:2:3:4:5:6:7",
                             "1:2:3:4:5:6:7:8:9",
                             "1::2::3",
                             "::1::",
                             "12345::",
                             "g::",
                             "1:2:3:4::5:6:7:8",
                             "::1:2:3:4:5:6:7:8",
                             "1:2:3:4:5:6:7:1.2.3.4",
                             "1:2:3:4:5:6:7:",
                             "1.2.3.4",
                             "::1.2.3",
                             "::1.2.3.256",
                             "::1.2.3.4:5",
                             "::1%",
                             "1:::2",
                             "::01.2.3.4",
                             "::1.2.3.4::"};
  for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
    if (parse_ipv6(good[i]) != LW_OK) test_failed(good[i], (int)i, "refused");
  }
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    if (parse_ipv6(bad[i]) != LW_E_URL_HOST) test_failed(bad[i], (int)i, "accepted");
  }
}

TEST(parses_an_authority) {
  lw_authority authority;
  CHECK_INT(lw_url_parse_authority(&authority, LW_SLICE("h")), LW_OK);
  CHECK_INT(authority.port, 0);
  CHECK_INT(lw_url_parse_authority(&authority, LW_SLICE("[::1]:80")), LW_OK);
  CHECK(authority.is_ipv6 && is(authority.host, "::1"));
  CHECK_INT(authority.port, 80);
  const char *const bad[] = {"",    "u@h", "h/",    "h ",  "h\t",     "h%",
                             "h%4", "h,h", "h:80,", "h\\", "\xc3\xa4"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    bool fine = lw_url_parse_authority(&authority, lw_slice_of(bad[i])) == LW_OK;
    CHECK_INT(fine, strcmp(bad[i], "h,h") == 0); /* a comma is a sub-delim */
  }
  CHECK_INT(lw_url_parse_authority(&authority, (lw_slice){"h\0i", 3}), LW_E_URL_HOST);
}

TEST(decodes_percent_encoding) {
  char text[] = "a%20b%2Fc%C3%a4%00";
  size_t written;
  CHECK(lw_url_decode(text, &written, text, strlen(text))); /* in place */
  CHECK_INT(written, 8);
  CHECK(memcmp(text, "a b/c\xc3\xa4\0", 8) == 0);
  const char *const bad[] = {"%", "%1", "%g0", "%0g", "a%%41", "%-1", "% 1"};
  for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
    size_t size = strlen(bad[i]);
    char *copy = (char *)test_guarded(size);
    memcpy(copy, bad[i], size);
    CHECK(!lw_url_decode(copy, &written, copy, size));
  }
  CHECK(lw_url_decode(text, &written, "", 0));
  CHECK_INT(written, 0);
}

int main(void) {
  RUN(parses_valid_urls);
  RUN(parses_unix_urls);
  RUN(refuses_invalid_urls);
  RUN(refuses_characters_that_must_be_encoded);
  RUN(limits_the_length);
  RUN(validates_ipv6_addresses);
  RUN(parses_an_authority);
  RUN(decodes_percent_encoding);
  return test_end();
}
