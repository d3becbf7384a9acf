#include "test.h"

#include <string.h>

#include "../proto/extension.h"

/* Writes a field value as the reader sees it: "name{parameter=value;parameter}name", and "?" where
 * it is broken. */
static const char *walk(const char *text) {
  static char out[512];
  size_t size = strlen(text);
  char *copy = (char *)test_guarded(size);
  memcpy(copy, text, size);
  lw_buf seen = {0};
  lw_extension_reader reader;
  lw_extension_parameter parameter;
  lw_slice name;
  lw_extension_read(&reader, (lw_slice){copy, size});
  while (lw_extension_next(&reader, &name)) {
    lw_buf_append_slice(&seen, name);
    lw_buf_append(&seen, "{", 1);
    while (lw_extension_next_parameter(&reader, &parameter)) {
      lw_buf_append_slice(&seen, parameter.name);
      if (parameter.has_value) lw_buf_append(&seen, "=", 1);
      lw_buf_append_slice(&seen, parameter.value);
      lw_buf_append(&seen, ";", 1);
    }
    lw_buf_append(&seen, "}", 1);
  }
  if (reader.broken) lw_buf_append(&seen, "?", 1);
  lw_buf_append(&seen, "", 1);
  memcpy(out, seen.data, seen.size < sizeof out ? seen.size : sizeof out);
  lw_buf_free(&seen);
  test_guarded_free();
  return out;
}

static const struct {
  const char *text, *seen;
} cases[] = {
    {"", ""},
    {" \t ", ""},
    {",, ,", ""},
    {"foo", "foo{}"},
    {"foo, bar", "foo{}bar{}"},
    {",foo,,bar ,", "foo{}bar{}"},
    {"foo;a", "foo{a;}"},
    {"foo; a; b=1", "foo{a;b=1;}"},
    {"foo ;\ta = 1 ; b , bar", "foo{a=1;b;}bar{}"},
    {"permessage-deflate; client_max_window_bits; server_max_window_bits=10",
     "permessage-deflate{client_max_window_bits;server_max_window_bits=10;}"},
    {"foo; a=\"10\"", "foo{a=10;}"},
    {"foo; a=\"1\\0\"", "foo{a=10;}"},
    {"foo; a=\"\\1\\0\"; b", "foo{a=10;b;}"},
    {"foo; a=\"10\" , bar; c", "foo{a=10;}bar{c;}"},
    {"!#$%&'*+-.^_`|~; 0=9", "!#$%&'*+-.^_`|~{0=9;}"},
    {"foo; a=1; a=2", "foo{a=1;a=2;}"}, /* grammar only: doubles are for the extension to refuse */
    {"foo bar", "foo{}?"},
    {"foo;", "foo{}?"},
    {"foo; ;a", "foo{}?"},
    {"foo; a=", "foo{}?"},
    {"foo; =1", "foo{}?"},
    {"foo; a=,", "foo{}?"},
    {"foo; a b", "foo{a;}?"},
    {"foo; a=1 2", "foo{a=1;}?"},
    {"foo; a=\"", "foo{}?"},
    {"foo; a=\"\"", "foo{}?"},
    {"foo; a=\"1", "foo{}?"},
    {"foo; a=\"1 0\"", "foo{}?"},
    {"foo; a=\"1,0\"", "foo{}?"},
    {"foo; a=\"1\\ 0\"", "foo{}?"},
    {"foo; a=\"1\\\"", "foo{}?"},
    {"foo; a=\"1\\", "foo{}?"},
    {"foo; a=\"1\"2", "foo{a=1;}?"},
    {"foo; a=1\"2\"", "foo{a=1;}?"},
    {"foo; a=\"1\\2\"3", "foo{a=12;}?"},
    {"foo, ;a", "foo{}?"},
    {";", "?"},
    {"=", "?"},
    {"\"foo\"", "?"},
    {"foo/1", "foo{}?"},
    {"f\xc3\xb6", "f{}?"},
    {"foo; a=\x7f", "foo{}?"},
    {"foo\r\n", "foo{}?"},
};
enum { CASES = sizeof cases / sizeof *cases };

TEST(walks_names_and_parameters) {
  for (size_t i = 0; i < CASES; i++) {
    const char *seen = walk(cases[i].text);
    if (strcmp(seen, cases[i].seen) != 0) test_failed(cases[i].text, (int)i, seen);
  }
}

TEST(check_agrees_with_the_walk) {
  for (size_t i = 0; i < CASES; i++) {
    size_t count = 0, expected = 0;
    for (const char *at = cases[i].seen; *at != 0; at++) expected += *at == '{';
    bool valid = strchr(cases[i].seen, '?') == NULL;
    CHECK_INT(lw_extension_check(lw_slice_of(cases[i].text), &count), valid);
    CHECK(!valid || count == expected);
  }
}

TEST(next_skips_parameters_and_still_checks_them) {
  lw_extension_reader reader;
  lw_slice name;
  lw_extension_read(&reader, LW_SLICE("a; x=1; y, b; z=\"2\", c; \"bad\", d"));
  CHECK(lw_extension_next(&reader, &name) && lw_slice_equal(name, LW_SLICE("a")));
  CHECK(lw_extension_next(&reader, &name) && lw_slice_equal(name, LW_SLICE("b")));
  CHECK(lw_extension_next(&reader, &name) && lw_slice_equal(name, LW_SLICE("c")));
  CHECK(!reader.broken);
  CHECK(!lw_extension_next(&reader, &name));
  CHECK(reader.broken);
}

TEST(stays_at_its_end_and_stays_broken) {
  lw_extension_reader reader;
  lw_extension_parameter parameter;
  lw_slice name;
  lw_extension_read(&reader, LW_SLICE("a"));
  CHECK(!lw_extension_next_parameter(&reader, &parameter)); /* before the first extension */
  CHECK(lw_extension_next(&reader, &name));
  for (int i = 0; i < 3; i++) {
    CHECK(!lw_extension_next_parameter(&reader, &parameter));
    CHECK(!lw_extension_next(&reader, &name));
    CHECK(!reader.broken);
  }
  lw_extension_read(&reader, LW_SLICE("a b, c"));
  CHECK(lw_extension_next(&reader, &name));
  for (int i = 0; i < 3; i++) {
    CHECK(!lw_extension_next_parameter(&reader, &parameter));
    CHECK(!lw_extension_next(&reader, &name));
    CHECK(reader.broken);
  }
}

/* "a; b=\"\\xxx\"" with so many x. */
static bool quoted_is_valid(size_t length, bool escaped) {
  lw_buf text = {0};
  size_t count = 0;
  lw_buf_append(&text, "a; b=\"\\", escaped ? 7 : 6);
  for (size_t i = 0; i < length; i++) lw_buf_append(&text, "x", 1);
  lw_buf_append(&text, "\"", 1);
  bool valid = lw_extension_check((lw_slice){(char *)text.data, text.size}, &count);
  lw_buf_free(&text);
  return valid;
}

TEST(limits_only_values_with_backslashes) {
  CHECK(quoted_is_valid(LW_EXTENSION_ESCAPED_MAX, true));
  CHECK(!quoted_is_valid(LW_EXTENSION_ESCAPED_MAX + 1, true));
  CHECK(quoted_is_valid(10000, false));
}

int main(void) {
  RUN(walks_names_and_parameters);
  RUN(check_agrees_with_the_walk);
  RUN(next_skips_parameters_and_still_checks_them);
  RUN(stays_at_its_end_and_stays_broken);
  RUN(limits_only_values_with_backslashes);
  return test_end();
}
