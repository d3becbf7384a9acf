#include "../proto/ip.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "test.h"

/* As the system reads it, except where that is laxer. */
static void compare(const char *text, int family, size_t bytes_size) {
  uint8_t expected[16], *bytes = test_guarded(bytes_size);
  size_t size = strlen(text);
  char *copy = (char *)test_guarded(size);
  memcpy(copy, text, size);
  lw_slice slice = {copy, size};
  bool is_valid = family == AF_INET ? lw__ip4_parse(bytes, slice) : lw__ip6_parse(bytes, slice);
  bool is_expected = inet_pton(family, text, expected) == 1;
  if (is_valid != is_expected) test_failed(__FILE__, __LINE__, text);
  if (is_valid && memcmp(bytes, expected, bytes_size) != 0) test_failed(__FILE__, __LINE__, text);
  test_guarded_free();
}

TEST(reads_ip4) {
  static const char *const texts[] = {"0.0.0.0",   "1.2.3.4",  "255.255.255.255", "127.0.0.1",
                                      "256.1.1.1", "1.2.3",    "1.2.3.4.5",       "",
                                      "1..2.3",    ".1.2.3",   "1.2.3.",          "01.2.3.4",
                                      "1.2.3.00",  "1.2.3.4 ", " 1.2.3.4",        "1.2.3.4a",
                                      "0x1.2.3.4", "1.2.3.-4", "1.2.3.4444",      "999.1.1.1",
                                      "::1"};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) compare(texts[i], AF_INET, 4);
}

TEST(reads_ip6) {
  static const char *const texts[] = {"::",
                                      "::1",
                                      "1::",
                                      "1:2:3:4:5:6:7:8",
                                      "1:2:3:4:5:6:7::",
                                      "::2:3:4:5:6:7:8",
                                      "1::8",
                                      "fe80::1:ABCD:abcd",
                                      "::ffff:1.2.3.4",
                                      "1:2:3:4:5:6:1.2.3.4",
                                      "1::1.2.3.4",
                                      "::1.2.3.256",
                                      "1:2:3:4:5:6:7:1.2.3.4",
                                      "1:2:3:4:5:6:7",
                                      "1:2:3:4:5:6:7:8:9",
                                      "1:2:3:4:5:6:7:8:",
                                      "1:2:3:4:5:6:7:8::",
                                      "::1:2:3:4:5:6:7:8",
                                      "1:2:3:4::5:6:7:8",
                                      "1::2::3",
                                      ":::",
                                      ":",
                                      "",
                                      ":1",
                                      "1:",
                                      "1:::2",
                                      "12345::",
                                      "g::",
                                      "::1%lo",
                                      "[::1]",
                                      "1.2.3.4",
                                      "::1.2.3.4:5",
                                      "::1 "};
  for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) compare(texts[i], AF_INET6, 16);
}

/* Every number of groups on both sides of a gap, or without one. */
TEST(reads_every_gap) {
  for (int front = 0; front <= 9; front++) {
    for (int back = -1; back <= 9; back++) { /* -1: no gap */
      char text[128] = "";
      for (int i = 0; i < front; i++) {
        snprintf(text + strlen(text), 8, "%s%x", i > 0 ? ":" : "", i * 4099);
      }
      if (back >= 0) strcat(text, "::");
      for (int i = 0; i < back; i++) {
        snprintf(text + strlen(text), 8, "%s%x", i > 0 ? ":" : "", 65535 - i);
      }
      compare(text, AF_INET6, 16);
    }
  }
}

int main(void) {
  RUN(reads_ip4);
  RUN(reads_ip6);
  RUN(reads_every_gap);
  return test_end();
}
