#include "../proto/socks.h"

#include <string.h>

#include "test.h"

static lw_socks socks;
static lw_buf out;

static const lw_socks_request to_name = {
    .type = LW_SOCKS_NAME, .address = {"h.example", 9}, .port = 443};
static const lw_socks_request to_ipv4 = {
    .type = LW_SOCKS_IPV4, .address = {"\x7f\0\0\1", 4}, .port = 80};
static const lw_socks_request with_login = {.type = LW_SOCKS_IPV6,
                                            .address = {"0123456789abcdef", 16},
                                            .port = 0x1234,
                                            .has_login = true,
                                            .user = {"me", 2},
                                            .password = {"pass", 4}};

static bool said(const char *bytes, size_t size) {
  bool same = out.size == size && memcmp(out.data, bytes, size) == 0;
  out.size = 0;
  return same;
}
#define SAID(literal) said(literal, sizeof literal - 1)

/* Feeds a reply byte by byte: all but the last must ask for more. */
static lw_result feed(const char *bytes, size_t size) {
  size_t used;
  for (size_t i = 0; i + 1 < size; i++) {
    lw_result result = lw_socks_input(&socks, &used, (const uint8_t *)bytes + i, 1, &out);
    if (result != LW_MORE || used != 1) return LW_BROKEN;
  }
  return lw_socks_input(&socks, &used, (const uint8_t *)bytes + size - 1, 1, &out);
}
#define FEED(literal) feed(literal, sizeof literal - 1)

TEST(connects_to_a_name) {
  CHECK(lw_socks_start(&socks, &to_name, &out));
  CHECK(SAID("\5\1\0"));
  CHECK_INT(FEED("\5\0"), LW_MORE);
  CHECK(SAID("\5\1\0\3\x09h.example\1\xbb"));
  CHECK_INT(FEED("\5\0\0\3\3abc\0\0"), LW_DONE);
  CHECK(SAID(""));
}

TEST(connects_to_an_address) {
  CHECK(lw_socks_start(&socks, &to_ipv4, &out));
  CHECK(SAID("\5\1\0"));
  CHECK_INT(FEED("\5\0"), LW_MORE);
  CHECK(SAID("\5\1\0\1\x7f\0\0\1\0\x50"));
  CHECK_INT(FEED("\5\0\0\1\1\2\3\4\0\0"), LW_DONE);
}

TEST(logs_in) {
  CHECK(lw_socks_start(&socks, &with_login, &out));
  CHECK(SAID("\5\2\0\2"));
  CHECK_INT(FEED("\5\2"), LW_MORE);
  CHECK(SAID("\1\2me\4pass"));
  CHECK_INT(FEED("\1\0"), LW_MORE);
  CHECK(SAID("\5\1\0\4"
             "0123456789abcdef\x12\x34"));
  CHECK_INT(FEED("\5\0\0\4xxxxxxxxxxxxxxxx\0\0"), LW_DONE);
}

TEST(need_not_log_in) {
  CHECK(lw_socks_start(&socks, &with_login, &out));
  out.size = 0;
  CHECK_INT(FEED("\5\0"), LW_MORE);
  CHECK_INT(out.data[0], 5);
  out.size = 0;
}

TEST(leaves_what_is_behind) {
  size_t used;
  CHECK(lw_socks_start(&socks, &to_ipv4, &out));
  CHECK_INT(FEED("\5\0"), LW_MORE);
  const uint8_t reply[] = "\5\0\0\3\0\0\0HTTP";
  CHECK_INT(lw_socks_input(&socks, &used, reply, sizeof reply - 1, &out), LW_DONE);
  CHECK_INT(used, 7);
  CHECK_INT(lw_socks_input(&socks, &used, reply, sizeof reply - 1, &out), LW_DONE);
  CHECK_INT(used, 0);
}

static bool complains(const char *text) {
  return socks.complaint != NULL && strstr(socks.complaint, text) != NULL;
}

TEST(refuses_a_wrong_method) {
  struct {
    const lw_socks_request *request;
    const char *reply, *complaint;
    bool refused_login;
  } cases[] = {
      {&to_name, "\4\0", "does not speak SOCKS 5", false},
      {&to_name, "H\0", "does not speak SOCKS 5", false},
      {&to_name, "\5\2", "not offered", false},
      {&with_login, "\5\1", "not offered", false},
      {&to_name, "\5\xff", "asks for a user name", true},
      {&with_login, "\5\xff", "takes no user name", true},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    size_t used;
    const uint8_t *reply = (const uint8_t *)cases[i].reply;
    CHECK(lw_socks_start(&socks, cases[i].request, &out));
    CHECK_INT(lw_socks_input(&socks, &used, reply, 2, &out), LW_BROKEN);
    CHECK(complains(cases[i].complaint));
    CHECK_INT(socks.refused_login, cases[i].refused_login);
    CHECK_INT(lw_socks_input(&socks, &used, reply, 2, &out), LW_BROKEN);
    CHECK_INT(used, 0);
  }
}

TEST(tells_that_the_login_is_wrong) {
  CHECK(lw_socks_start(&socks, &with_login, &out));
  CHECK_INT(FEED("\5\2"), LW_MORE);
  CHECK_INT(FEED("\1\1"), LW_BROKEN);
  CHECK(complains("refused the user name"));
  CHECK(socks.refused_login);
}

/* The reply may end behind the code. */
TEST(tells_why_it_was_refused) {
  static const char *const complaints[] = {"failed",
                                           "does not allow",
                                           "network unreachable",
                                           "server unreachable",
                                           "server refused",
                                           "in time",
                                           "command",
                                           "type of address",
                                           "no name"};
  for (unsigned code = 1; code <= sizeof complaints / sizeof *complaints; code++) {
    char reply[] = {5, (char)code};
    CHECK(lw_socks_start(&socks, &to_name, &out));
    CHECK_INT(FEED("\5\0"), LW_MORE);
    CHECK_INT(feed(reply, 2), LW_BROKEN);
    CHECK(complains(complaints[code - 1]));
    CHECK(!socks.refused_login);
  }
  CHECK(lw_socks_start(&socks, &to_name, &out));
  CHECK_INT(FEED("\5\0"), LW_MORE);
  CHECK_INT(FEED("\5\0\0\2\0"), LW_BROKEN);
  CHECK(complains("unknown type"));
}

TEST(refuses_what_does_not_fit) {
  static char text[256];
  lw_socks_request request = {.type = LW_SOCKS_NAME, .address = {text, 256}};
  out.size = 0;
  CHECK(!lw_socks_start(&socks, &request, &out));
  CHECK(complains("host names"));
  request.address.size = 255;
  CHECK(lw_socks_start(&socks, &request, &out));
  request.has_login = true;
  request.password = (lw_slice){text, 256};
  CHECK(!lw_socks_start(&socks, &request, &out));
  CHECK(complains("user names"));
}

TEST(survives_without_memory) {
  lw_buf_free(&out);
  test_fail_allocation(1);
  CHECK(!lw_socks_start(&socks, &to_name, &out));
  CHECK(complains("memory"));
}

int main(void) {
  RUN(connects_to_a_name);
  RUN(connects_to_an_address);
  RUN(logs_in);
  RUN(need_not_log_in);
  RUN(leaves_what_is_behind);
  RUN(refuses_a_wrong_method);
  RUN(tells_that_the_login_is_wrong);
  RUN(tells_why_it_was_refused);
  RUN(refuses_what_does_not_fit);
  RUN(survives_without_memory);
  lw_buf_free(&out);
  return test_end();
}
