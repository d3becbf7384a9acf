/* References and their bases; the examples of RFC 3986 section 5.4 among them. */
#include <stdio.h>
#include <string.h>

#include "../proto/url.h"
#include "test.h"

static lw_buf out;

static bool resolves(const char *base, const char *reference, const char *expected) {
  out.size = 0;
  lw_error error = lw_url_resolve(&out, lw_slice_of(base), lw_slice_of(reference));
  lw_slice got = {(const char *)out.data, out.size};
  if (error == LW_OK && lw_slice_equal(got, lw_slice_of(expected))) return true;
  printf("%s + %s = %.*s\n", base, reference, (int)got.size, got.data);
  return false;
}

TEST(follows_the_examples_of_the_rfc) {
  static const char *const cases[][2] = {
      {"ws:h", "ws:h"},
      {"g", "ws://a/b/c/g"},
      {"./g", "ws://a/b/c/g"},
      {"g/", "ws://a/b/c/g/"},
      {"/g", "ws://a/g"},
      {"//g", "ws://g"},
      {"?y", "ws://a/b/c/d;p?y"},
      {"g?y", "ws://a/b/c/g?y"},
      {"#s", "ws://a/b/c/d;p?q"},
      {"g#s", "ws://a/b/c/g"},
      {"g?y#s", "ws://a/b/c/g?y"},
      {";x", "ws://a/b/c/;x"},
      {"g;x", "ws://a/b/c/g;x"},
      {"", "ws://a/b/c/d;p?q"},
      {".", "ws://a/b/c/"},
      {"./", "ws://a/b/c/"},
      {"..", "ws://a/b/"},
      {"../", "ws://a/b/"},
      {"../g", "ws://a/b/g"},
      {"../..", "ws://a/"},
      {"../../", "ws://a/"},
      {"../../g", "ws://a/g"},
      {"../../../g", "ws://a/g"},
      {"../../../../g", "ws://a/g"},
      {"/./g", "ws://a/g"},
      {"/../g", "ws://a/g"},
      {"g.", "ws://a/b/c/g."},
      {".g", "ws://a/b/c/.g"},
      {"g..", "ws://a/b/c/g.."},
      {"..g", "ws://a/b/c/..g"},
      {"./../g", "ws://a/b/g"},
      {"./g/.", "ws://a/b/c/g/"},
      {"g/./h", "ws://a/b/c/g/h"},
      {"g/../h", "ws://a/b/c/h"},
      {"g;x=1/./y", "ws://a/b/c/g;x=1/y"},
      {"g;x=1/../y", "ws://a/b/c/y"},
      {"g?y/./x", "ws://a/b/c/g?y/./x"},
      {"g?y/../x", "ws://a/b/c/g?y/../x"},
      {"g#s/../x", "ws://a/b/c/g"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    CHECK(resolves("ws://a/b/c/d;p?q", cases[i][0], cases[i][1]));
  }
}

TEST(keeps_whole_urls) {
  const char *base = "wss://a:81/b";
  CHECK(resolves(base, "https://c.example:82/x/../y?z#f", "https://c.example:82/y?z"));
  CHECK(resolves(base, "WSS://[::1]", "WSS://[::1]"));
  CHECK(resolves(base, "//c.example/x", "wss://c.example/x"));
  CHECK(resolves(base, "//c.example?x", "wss://c.example?x"));
  CHECK(resolves(base, "mailto:x@y", "mailto:x@y"));
}

TEST(starts_from_a_base_without_a_path) {
  CHECK(resolves("ws://a", "g", "ws://a/g"));
  CHECK(resolves("ws://a?q", "", "ws://a?q"));
  CHECK(resolves("ws://a:81", "?y", "ws://a:81?y"));
  CHECK(resolves("ws://a:81/b", "1:2", "ws://a:81/1:2")); /* no scheme begins with a digit */
  CHECK(resolves("ws://a/b", "x/y:z", "ws://a/x/y:z"));
}

TEST(stays_at_a_unix_socket) {
  CHECK(resolves("ws+unix:///t/x.sock:/a/b", "c", "ws+unix:///t/x.sock:/a/c"));
  CHECK(resolves("ws+unix:///t/x.sock:/a/b", "/../../c", "ws+unix:///t/x.sock:/c"));
  CHECK(resolves("ws+unix:///t/x.sock", "c", "ws+unix:///t/x.sock:/c"));
}

TEST(refuses_what_it_cannot_read) {
  static char text[LW_URL_MAX + 2];
  memset(text, 'x', sizeof text - 1);
  out.size = 0;
  CHECK_INT(lw_url_resolve(&out, LW_SLICE("x"), LW_SLICE("y")), LW_E_URL_SCHEME);
  CHECK_INT(lw_url_resolve(&out, LW_SLICE("ws://a"), lw_slice_of(text)), LW_E_URL_TOO_LONG);
  CHECK_INT(out.size, 0);
}

TEST(survives_failing_allocations) {
  static const char *const references[] = {"g", "/g", "ws://b/c", "?x"};
  for (size_t i = 0; i < sizeof references / sizeof *references; i++) {
    lw_error error = LW_E_NOMEM;
    for (unsigned n = 1; error == LW_E_NOMEM; n++) {
      lw_buf_free(&out);
      test_fail_allocation(n);
      error = lw_url_resolve(&out, LW_SLICE("ws://a/b?c"), lw_slice_of(references[i]));
      if (error != LW_OK) CHECK_INT(out.size, 0);
      CHECK(error == LW_OK || test_allocation_failed());
    }
    test_fail_allocation(0);
    CHECK_INT(error, LW_OK);
  }
}

int main(void) {
  RUN(follows_the_examples_of_the_rfc);
  RUN(keeps_whole_urls);
  RUN(starts_from_a_base_without_a_path);
  RUN(stays_at_a_unix_socket);
  RUN(refuses_what_it_cannot_read);
  RUN(survives_failing_allocations);
  lw_buf_free(&out);
  return test_end();
}
