#include "../proto/proxy_protocol.h"

#include <string.h>

#include "test.h"

/* --- how to look at an answer --- */

/* Parses every beginning of the bytes, each in front of a page that faults, and checks that all but
 * the whole want more, and that what stands behind the whole changes nothing. */
static lw_result parse(lw_proxy_header *header, const void *data, size_t size) {
  static uint8_t longer[LW_PROXY_HEADER_MAX + 9];
  for (size_t part = 0; part < size; part++) {
    uint8_t *copy = test_guarded(part);
    if (part > 0) memcpy(copy, data, part);
    lw_result result = lw_proxy_parse(header, copy, part);
    test_guarded_free();
    if (result == LW_BROKEN) return result;
    if (result != LW_MORE) test_failed_int(__FILE__, __LINE__, "early", (long long)part, 0);
  }
  memcpy(longer, data, size);
  memcpy(longer + size, "\nPROXY\r\n ", 9);
  lw_result result = lw_proxy_parse(header, longer, size + 9);
  if (result == LW_DONE && header->size != size) {
    test_failed_int(__FILE__, __LINE__, "size", (long long)header->size, (long long)size);
  }
  uint8_t *copy = test_guarded(size); /* not freed: a path points into it */
  memcpy(copy, data, size);
  if (lw_proxy_parse(header, copy, size) != result) test_failed(__FILE__, __LINE__, "behind");
  return result;
}

static lw_result parse_text(lw_proxy_header *header, const char *line) {
  return parse(header, line, strlen(line));
}

static bool is_ip4(const lw_proxy_header *header, const char *address, unsigned port) {
  return header->family == LW_PROXY_IP4 && memcmp(header->address, address, 4) == 0 &&
         header->port == port;
}

static bool is_ip6(const lw_proxy_header *header, const char *address, unsigned port) {
  return header->family == LW_PROXY_IP6 && memcmp(header->address, address, 16) == 0 &&
         header->port == port;
}

/* --- version 1 --- */

TEST(reads_lines) {
  lw_proxy_header header;
  CHECK_INT(parse_text(&header, "PROXY TCP4 1.2.3.4 5.6.7.8 4321 80\r\n"), LW_DONE);
  CHECK(is_ip4(&header, "\1\2\3\4", 4321));
  CHECK_INT(parse_text(&header, "PROXY TCP4 0.0.0.0 0.0.0.0 0 65535\r\n"), LW_DONE);
  CHECK(is_ip4(&header, "\0\0\0\0", 0));
  CHECK_INT(parse_text(&header, "PROXY TCP6 2001:DB8::1 ::1 65535 0\r\n"), LW_DONE);
  CHECK(is_ip6(&header, "\x20\1\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\1", 65535));
  CHECK_INT(parse_text(&header, "PROXY TCP6 ::ffff:1.2.3.4 ::ffff:5.6.7.8 1 2\r\n"), LW_DONE);
  CHECK(is_ip4(&header, "\1\2\3\4", 1));
  const char *longest = "PROXY TCP6 ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff "
                        "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff 65535 65535\r\n";
  CHECK(strlen(longest) <= LW_PROXY_LINE_MAX);
  CHECK_INT(parse_text(&header, longest), LW_DONE);
  CHECK(is_ip6(&header, "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", 65535));
}

TEST(reads_lines_without_an_address) {
  lw_proxy_header header;
  CHECK_INT(parse_text(&header, "PROXY UNKNOWN\r\n"), LW_DONE);
  CHECK_INT(header.family, LW_PROXY_NONE);
  CHECK_INT(parse_text(&header, "PROXY UNKNOWN ffff::1 \x01 what ever\xff\r\n"), LW_DONE);
  CHECK_INT(header.family, LW_PROXY_NONE);
}

TEST(refuses_lines) {
  static const char *const lines[] = {
      "GET / HTTP/1.1\r\n",
      "P\r\n",
      "PROXY\r\n",
      "PROXY \r\n",
      "proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY  TCP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP4\r\n",
      "PROXY TCP4 \r\n",
      "PROXY TCP4 1.2.3.4\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 \r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2 3\r\n",
      "PROXY TCP4 1.2.3.4  5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\r\n",
      "PROXY TCP4 1.2.3.4\t5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 00\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 1 99999\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n",
      "PROXY TCP4 1.2.3.04 5.6.7.8 1 2\r\n",
      "PROXY TCP4 1.2.3.4 5.6.7 1 2\r\n",
      "PROXY TCP4 ::1 ::1 1 2\r\n",
      "PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP6 ::1 1.2.3.4 1 2\r\n",
      "PROXY TCP6 [::1] ::1 1 2\r\n",
      "PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY TCP 1.2.3.4 5.6.7.8 1 2\r\n",
      "PROXY UNKNOWNS\r\n",
      "PROXY UNKNOWN\n",
  };
  lw_proxy_header header;
  for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
    if (parse_text(&header, lines[i]) != LW_BROKEN) test_failed(__FILE__, __LINE__, lines[i]);
    test_guarded_free();
  }
}

TEST(bounds_lines) {
  lw_proxy_header header;
  char line[LW_PROXY_LINE_MAX + 2] = "PROXY UNKNOWN ";
  size_t size = strlen(line);
  memset(line + size, 'x', sizeof line - size);
  memcpy(line + LW_PROXY_LINE_MAX - 2, "\r\n", 2);
  CHECK_INT(parse(&header, line, LW_PROXY_LINE_MAX), LW_DONE);
  memcpy(line + LW_PROXY_LINE_MAX - 2, "x\r\n", 3);
  CHECK_INT(lw_proxy_parse(&header, (uint8_t *)line, LW_PROXY_LINE_MAX - 1), LW_MORE);
  CHECK_INT(lw_proxy_parse(&header, (uint8_t *)line, LW_PROXY_LINE_MAX), LW_BROKEN);
  CHECK_INT(lw_proxy_parse(&header, (uint8_t *)line, LW_PROXY_LINE_MAX + 1), LW_BROKEN);
}

/* --- version 2 --- */

#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
enum { FIXED = 16, IP4_BLOCK = 12, IP6_BLOCK = 36, UNIX_BLOCK = 216 };

static uint8_t bytes[FIXED + 65536];

/* Writes a header with `length` bytes behind its fixed part, in which each byte is its own number.
 */
static size_t write_header(uint8_t command, uint8_t family, size_t length) {
  memcpy(bytes, SIGNATURE, 12);
  bytes[12] = command;
  bytes[13] = family;
  bytes[14] = (uint8_t)(length >> 8);
  bytes[15] = (uint8_t)length;
  for (size_t i = 0; i < length; i++) bytes[FIXED + i] = (uint8_t)(i + 1);
  return FIXED + length;
}

static lw_result parse_header(lw_proxy_header *header, uint8_t command, uint8_t family,
                              size_t length) {
  return parse(header, bytes, write_header(command, family, length));
}

TEST(reads_addresses) {
  lw_proxy_header header;
  for (int transport = 1; transport <= 2; transport++) { /* stream, datagram */
    CHECK_INT(parse_header(&header, 0x21, (uint8_t)(0x10 + transport), IP4_BLOCK), LW_DONE);
    CHECK(is_ip4(&header, "\1\2\3\4", 0x090a));
    CHECK_INT(parse_header(&header, 0x21, (uint8_t)(0x20 + transport), IP6_BLOCK), LW_DONE);
    CHECK(is_ip6(&header, "\1\2\3\4\5\6\7\10\11\12\13\14\15\16\17\20", 0x2122));
  }
  size_t size = write_header(0x21, 0x21, IP6_BLOCK);
  memcpy(bytes + FIXED, "\0\0\0\0\0\0\0\0\0\0\xff\xff\11\10\7\6", 16);
  CHECK_INT(parse(&header, bytes, size), LW_DONE);
  CHECK(is_ip4(&header, "\11\10\7\6", 0x2122));
}

TEST(reads_paths) {
  lw_proxy_header header;
  size_t size = write_header(0x21, 0x31, UNIX_BLOCK); /* 108 bytes without a zero */
  CHECK_INT(parse(&header, bytes, size), LW_DONE);
  CHECK_INT(header.family, LW_PROXY_UNIX);
  CHECK_INT(header.path.size, 108);
  CHECK(memcmp(header.path.data, bytes + FIXED, 108) == 0);
  memset(bytes + FIXED, 0, 108);
  memcpy(bytes + FIXED, "/run/x", 6);
  CHECK_INT(parse(&header, bytes, size), LW_DONE);
  CHECK(lw_slice_equal(header.path, LW_SLICE("/run/x")));
  CHECK_INT(header.port, 0);
  memset(bytes + FIXED, 0, 108);
  CHECK_INT(parse(&header, bytes, size), LW_DONE);
  CHECK_INT(header.path.size, 0);
}

TEST(reads_headers_without_an_address) {
  lw_proxy_header header;
  for (int family = 0; family < 256; family++) { /* of LOCAL nothing counts */
    CHECK_INT(parse_header(&header, 0x20, (uint8_t)family, (size_t)family), LW_DONE);
    CHECK_INT(header.family, LW_PROXY_NONE);
    test_guarded_free();
  }
  CHECK_INT(parse_header(&header, 0x21, 0x00, 0), LW_DONE);
  CHECK_INT(header.family, LW_PROXY_NONE);
  CHECK_INT(parse_header(&header, 0x21, 0x00, 100), LW_DONE);
  CHECK_INT(header.family, LW_PROXY_NONE);
}

TEST(refuses_other_versions_commands_and_families) {
  lw_proxy_header header;
  for (int command = 0; command < 256; command++) {
    lw_result expected = command == 0x20 || command == 0x21 ? LW_DONE : LW_BROKEN;
    CHECK_INT(parse_header(&header, (uint8_t)command, 0x11, IP4_BLOCK), expected);
    test_guarded_free();
  }
  for (int family = 0; family < 256; family++) {
    int high = family >> 4, low = family & 15;
    bool is_known = family == 0 || (high >= 1 && high <= 3 && (low == 1 || low == 2));
    lw_result result = parse_header(&header, 0x21, (uint8_t)family, UNIX_BLOCK);
    if (high == 3 || !is_known) CHECK_INT(result, is_known ? LW_DONE : LW_BROKEN);
    test_guarded_free();
  }
  for (size_t at = 0; at < 12; at++) {
    size_t size = write_header(0x21, 0x11, IP4_BLOCK);
    bytes[at] ^= 1;
    CHECK_INT(lw_proxy_parse(&header, bytes, at + 1), LW_BROKEN);
    CHECK_INT(lw_proxy_parse(&header, bytes, size), LW_BROKEN);
  }
}

TEST(bounds_headers) {
  lw_proxy_header header;
  const size_t most = LW_PROXY_HEADER_MAX - FIXED;
  CHECK_INT(parse_header(&header, 0x21, 0x11, IP4_BLOCK - 1), LW_BROKEN);
  CHECK_INT(parse_header(&header, 0x21, 0x21, IP6_BLOCK - 1), LW_BROKEN);
  CHECK_INT(parse_header(&header, 0x21, 0x31, UNIX_BLOCK - 1), LW_BROKEN);
  CHECK_INT(parse_header(&header, 0x20, 0, most), LW_DONE);
  write_header(0x20, 0, most + 1);
  CHECK_INT(lw_proxy_parse(&header, bytes, FIXED), LW_BROKEN); /* before it came */
  write_header(0x20, 0, 65535);
  CHECK_INT(lw_proxy_parse(&header, bytes, FIXED), LW_BROKEN);
}

/* Puts type, length and value behind the addresses. */
static size_t add(size_t size, uint8_t type, size_t length, const void *value) {
  bytes[size] = type;
  bytes[size + 1] = (uint8_t)(length >> 8);
  bytes[size + 2] = (uint8_t)length;
  memcpy(bytes + size + 3, value, length);
  size += 3 + length;
  bytes[14] = (uint8_t)((size - FIXED) >> 8);
  bytes[15] = (uint8_t)(size - FIXED);
  return size;
}

TEST(skips_what_else_is_told) {
  lw_proxy_header header;
  static char long_value[1000];
  size_t size = write_header(0x21, 0x11, IP4_BLOCK);
  size = add(size, 0x04, 0, "");            /* padding */
  size = add(size, 0x01, 8, "http/1.1");    /* ALPN */
  size = add(size, 0xea, 1000, long_value); /* somebody's own */
  CHECK_INT(parse(&header, bytes, size), LW_DONE);
  CHECK(is_ip4(&header, "\1\2\3\4", 0x090a));
  for (size_t cut = 1; cut < 1003; cut++) { /* a value that is longer than the header */
    bytes[14] = (uint8_t)((size - FIXED - cut) >> 8);
    bytes[15] = (uint8_t)(size - FIXED - cut);
    CHECK_INT(lw_proxy_parse(&header, bytes, size - cut), LW_BROKEN);
  }
}

/* As haproxy 2.6 sent it, with proxy-v2-options crc32c,unique-id. */
TEST(checks_the_checksum) {
  static const char sent[] = SIGNATURE "\x21\x11\0\x16\x7f\0\0\1\x7f\0\0\1\xcd\xf2\x4d\x9f"
                                       "\3\0\4\x0a\xa5\xd5\x2c\5\0\0";
  const size_t sent_size = sizeof sent - 1;
  lw_proxy_header header;
  uint8_t changed[sizeof sent];
  CHECK_INT(parse(&header, sent, sent_size), LW_DONE);
  CHECK(is_ip4(&header, "\177\0\0\1", 52722));
  for (size_t at = FIXED; at < sent_size; at++) { /* a length of 5 as well */
    memcpy(changed, sent, sent_size);
    changed[at] ^= 1;
    bool is_type = at == FIXED + IP4_BLOCK;
    CHECK_INT(lw_proxy_parse(&header, changed, sent_size), is_type ? LW_DONE : LW_BROKEN);
  }
  size_t size = write_header(0x21, 0x11, IP4_BLOCK);
  CHECK_INT(parse(&header, bytes, add(size, 0x03, 3, "abc")), LW_BROKEN);
}

/* --- both --- */

TEST(tells_what_resembles_a_header) {
  CHECK(lw_proxy_resembles((const uint8_t *)"PROXY TCP4 1", 12));
  CHECK(lw_proxy_resembles((const uint8_t *)"PROXY ", 6));
  CHECK(!lw_proxy_resembles((const uint8_t *)"PROXY", 5));
  CHECK(!lw_proxy_resembles((const uint8_t *)"PROXYS", 6));
  CHECK(lw_proxy_resembles((const uint8_t *)SIGNATURE, 12));
  CHECK(lw_proxy_resembles((const uint8_t *)"\r\n\r", 3));
  CHECK(!lw_proxy_resembles((const uint8_t *)"\r\n", 2));
  CHECK(!lw_proxy_resembles((const uint8_t *)"\r\nG", 3));
  CHECK(!lw_proxy_resembles(NULL, 0));
}

int main(void) {
  RUN(reads_lines);
  RUN(reads_lines_without_an_address);
  RUN(refuses_lines);
  RUN(bounds_lines);
  RUN(reads_addresses);
  RUN(reads_paths);
  RUN(reads_headers_without_an_address);
  RUN(refuses_other_versions_commands_and_families);
  RUN(bounds_headers);
  RUN(skips_what_else_is_told);
  RUN(checks_the_checksum);
  RUN(tells_what_resembles_a_header);
  test_guarded_free();
  return test_end();
}
