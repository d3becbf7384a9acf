/* A reference and the URL that it was found in become one URL (RFC 3986 section 5.2). */
#include <string.h>

#include "chars.h"
#include "url.h"

/* The parts of a reference. A part that is not there has no data. */
typedef struct reference {
  lw_slice scheme, authority, path, query; /* the authority with its "//", the query with its "?" */
} reference;

/* Cuts off what stands before the first of the stops. */
static lw_slice take_until(lw_slice *rest, const char *stops) {
  size_t size = 0;
  while (size < rest->size && strchr(stops, rest->data[size]) == NULL) size++;
  lw_slice taken = {rest->data, size};
  *rest = (lw_slice){rest->data + size, rest->size - size};
  return taken;
}

/* Section 3.1: a letter, then letters, digits and + - . up to the colon. */
static bool take_scheme(lw_slice *rest, lw_slice *scheme) {
  lw_slice text = *rest;
  lw_slice taken = take_until(&text, ":/?");
  if (text.size == 0 || *text.data != ':' || taken.size == 0) return false;
  if (lw__char_is(*taken.data, LW__DIGIT) || !lw__slice_is_all(taken, LW__TOKEN)) return false;
  *scheme = taken;
  *rest = (lw_slice){text.data + 1, text.size - 1};
  return true;
}

static bool begins_authority(lw_slice text) {
  return text.size >= 2 && memcmp(text.data, "//", 2) == 0;
}

/* The fragment is for whoever shows a page, and is left out. */
static reference parse(lw_slice text) {
  reference r = {{NULL, 0}, {NULL, 0}, {NULL, 0}, {NULL, 0}};
  lw_slice rest = take_until(&text, "#");
  take_scheme(&rest, &r.scheme);
  if (begins_authority(rest)) {
    lw_slice behind = {rest.data + 2, rest.size - 2};
    r.authority = (lw_slice){rest.data, 2 + take_until(&behind, "/?").size};
    rest = behind;
  }
  r.path = take_until(&rest, "?");
  if (rest.size > 0) r.query = rest;
  return r;
}

/* Forgets the last segment of what was written since `from`, with the slash before it. */
static void drop_segment(lw_buf *out, size_t from) {
  while (out->size > from && out->data[--out->size] != '/') continue;
}

/* Appends a path without its "." and ".." segments (section 5.2.4). */
static bool put_path(lw_buf *out, lw_slice path, size_t from) {
  while (path.size > 0) {
    size_t slash = *path.data == '/';
    lw_slice rest = {path.data + slash, path.size - slash};
    lw_slice segment = take_until(&rest, "/");
    bool is_dot = lw_slice_equal(segment, LW_SLICE("."));
    bool is_up = lw_slice_equal(segment, LW_SLICE(".."));
    if (is_up) drop_segment(out, from);
    bool is_last = rest.size == 0;
    lw_slice written = {path.data, slash + segment.size};
    if (is_dot || is_up) written = is_last ? LW_SLICE("/") : (lw_slice){NULL, 0};
    if (!lw_buf_append_slice(out, written)) return false;
    path = rest;
  }
  return true;
}

/* The base's path up to its last slash: what a relative path begins with (section 5.2.3). */
static bool put_merged(lw_buf *out, lw_slice base, lw_slice path) {
  lw_buf merged = {0};
  size_t from = out->size, kept = base.size;
  while (kept > 0 && base.data[kept - 1] != '/') kept--;
  lw_slice front = kept > 0 ? (lw_slice){base.data, kept} : LW_SLICE("/");
  bool put = lw_buf_append_slice(&merged, front) && lw_buf_append_slice(&merged, path) &&
             put_path(out, (lw_slice){(const char *)merged.data, merged.size}, from);
  lw_buf_free(&merged);
  return put;
}

/* Path and query of a reference that has neither scheme nor authority. */
static bool put_relative(lw_buf *out, const lw_url *base, const reference *r) {
  if (r->path.size == 0) {
    lw_slice query = r->query.data != NULL ? r->query : base->query;
    return lw_buf_append_slice(out, base->path) && lw_buf_append_slice(out, query);
  }
  bool put = *r->path.data == '/' ? put_path(out, r->path, out->size)
                                  : put_merged(out, base->path, r->path);
  return put && lw_buf_append_slice(out, r->query);
}

/* What the base has before its path. For a unix socket the colon behind its file belongs to it. */
static bool put_front(lw_buf *out, lw_slice text, const lw_url *base) {
  lw_slice front = lw__slice_between(text.data, base->path.data);
  if (!lw_buf_append_slice(out, front)) return false;
  bool has_colon = !base->is_unix || front.data[front.size - 1] == ':';
  return has_colon || lw_buf_append(out, ":", 1);
}

lw_error lw_url_resolve(lw_buf *out, lw_slice text, lw_slice relative) {
  lw_url base;
  lw_error error = lw_url_parse(&base, text.data, text.size);
  if (error != LW_OK) return error;
  if (relative.size > LW_URL_MAX) return LW_E_URL_TOO_LONG;
  reference r = parse(relative);
  size_t before = out->size;
  bool put;
  if (r.scheme.data != NULL || r.authority.data != NULL) {
    lw_slice scheme = r.scheme.data != NULL ? r.scheme : base.scheme;
    put = lw_buf_append_slice(out, scheme) && lw_buf_append(out, ":", 1) &&
          lw_buf_append_slice(out, r.authority);
    put = put && put_path(out, r.path, out->size) && lw_buf_append_slice(out, r.query);
  } else {
    put = put_front(out, text, &base) && put_relative(out, &base, &r);
  }
  if (put) return LW_OK;
  out->size = before;
  return LW_E_NOMEM;
}
