/* A base and, behind a line feed, a reference that was found there. */
#include <string.h>

#include "../proto/url.h"
#include "fuzz.h"

static bool starts(lw_slice text, lw_slice with) {
  return text.size >= with.size && lw_slice_equal((lw_slice){text.data, with.size}, with);
}

/* Has neither a scheme nor an authority, for certain. */
static bool is_relative(lw_slice reference) {
  if (reference.size == 0 || *reference.data == '?' || *reference.data == '#') return true;
  return *reference.data == '/' && !starts(reference, LW_SLICE("//"));
}

/* No reference leads from one server to another unless it names one. */
static void check_server(const lw_url *base, const lw_url *found) {
  MUST(found->secure == base->secure && found->is_unix == base->is_unix);
  MUST(found->port == base->port && lw_slice_equal(found->host, base->host));
  MUST(lw_slice_equal(found->user, base->user));
  MUST(lw_slice_equal(found->unix_path, base->unix_path));
}

/* Dot segments, which a server might take for a way out of its directory. */
static void check_path(lw_slice path) {
  for (size_t i = 0; i < path.size; i++) {
    if (path.data[i] != '/') continue;
    lw_slice rest = {path.data + i, path.size - i};
    size_t size = 1;
    while (size < rest.size && rest.data[size] != '/') size++;
    rest.size = size;
    MUST(!lw_slice_equal(rest, LW_SLICE("/.")) && !lw_slice_equal(rest, LW_SLICE("/..")));
  }
}

static void check(const lw_url *base, lw_slice reference, lw_slice text) {
  lw_url found;
  MUST(memchr(text.data, '#', text.size) == NULL);
  bool is_url = lw_url_parse(&found, text.data, text.size) == LW_OK;
  if (!is_url) return;
  if (is_relative(reference)) check_server(base, &found);
  if (starts(reference, LW_SLICE("//"))) MUST(lw_slice_equal(found.scheme, base->scheme));
  if (starts(reference, LW_SLICE("/"))) check_path(found.path);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  const uint8_t *feed = size > 0 ? memchr(data, '\n', size) : NULL;
  if (feed == NULL) return 0;
  lw_slice text = {(const char *)data, (size_t)(feed - data)};
  lw_slice reference = {(const char *)feed + 1, size - text.size - 1};
  lw_buf out = {0};
  lw_url base;
  MUST(lw_buf_append(&out, "before", 6));
  lw_error error = lw_url_resolve(&out, text, reference);
  if (error != LW_OK) {
    MUST(out.size == 6);
  } else {
    MUST(lw_url_parse(&base, text.data, text.size) == LW_OK);
    MUST(out.size <= 6 + text.size + reference.size + 2);
    check(&base, reference, (lw_slice){(const char *)out.data + 6, out.size - 6});
  }
  lw_buf_free(&out);
  return 0;
}
