/* Text as a URL, as an authority, and percent-decoded. */
#include "../proto/url.h"
#include "fuzz.h"

static void append(lw_buf *out, lw_slice slice) {
  MUST(lw_buf_append_slice(out, slice));
}

/* The URL again, from its parts. */
static void rewrite(lw_buf *out, const lw_url *url) {
  append(out, url->scheme);
  append(out, LW_SLICE("://"));
  if (url->is_unix) {
    append(out, url->unix_path);
    append(out, LW_SLICE(":"));
  } else {
    append(out, url->user);
    if (url->user.size > 0) append(out, LW_SLICE("@"));
    append(out, url->authority);
  }
  append(out, url->path);
  append(out, url->query);
}

static void compare(const lw_url *a, const lw_url *b) {
  MUST(a->secure == b->secure && a->is_unix == b->is_unix && a->is_ipv6 == b->is_ipv6);
  MUST(a->port == b->port && a->port > 0);
  MUST(lw_slice_equal(a->scheme, b->scheme) && lw_slice_equal(a->user, b->user));
  MUST(lw_slice_equal(a->host, b->host) && lw_slice_equal(a->authority, b->authority));
  MUST(lw_slice_equal(a->path, b->path) && lw_slice_equal(a->query, b->query));
  MUST(lw_slice_equal(a->unix_path, b->unix_path));
}

static void check_url(const lw_url *url, lw_slice text) {
  const lw_slice parts[] = {url->scheme, url->user, url->path, url->query, url->unix_path};
  for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) MUST(fuzz_inside(parts[i], text));
  MUST(url->host.size > 0 && (url->is_unix || fuzz_inside(url->host, text)));
  MUST(url->is_unix || fuzz_inside(url->authority, text));
  MUST(url->path.size == 0 || *url->path.data == '/');
  MUST(url->query.size == 0 || *url->query.data == '?');
  MUST(!url->is_unix || *url->unix_path.data == '/');
  for (size_t i = 0; i < text.size; i++) {
    MUST(text.data[i] > ' ' && text.data[i] < 0x7f && text.data[i] != '#');
  }
  lw_buf out = {0};
  lw_url again;
  rewrite(&out, url);
  lw_slice whole = fuzz_slice(&out);
  MUST(lw_url_parse(&again, whole.data, whole.size) == LW_OK);
  compare(url, &again);
  lw_buf_free(&out);
}

static void check_authority(lw_slice text) {
  lw_authority authority;
  if (lw_url_parse_authority(&authority, text) != LW_OK) return;
  MUST(authority.host.size > 0 && fuzz_inside(authority.host, text));
  for (size_t i = 0; i < text.size; i++) {
    MUST(text.data[i] != '/' && text.data[i] != '@' && text.data[i] != '?' && text.data[i] > ' ');
  }
}

static void check_decode(lw_slice text) {
  lw_buf out = {0};
  size_t written;
  MUST(lw_buf_reserve(&out, text.size, text.size));
  if (lw_url_decode((char *)out.data, &written, text.data, text.size)) {
    size_t percents = 0;
    for (size_t i = 0; i < text.size; i++) percents += text.data[i] == '%';
    MUST(written == text.size - 2 * percents);
  }
  lw_buf_free(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lw_url url;
  lw_slice text = {(const char *)data, size};
  if (size == 0) return 0;
  if (lw_url_parse(&url, text.data, text.size) == LW_OK) check_url(&url, text);
  check_authority(text);
  check_decode(text);
  return 0;
}
