#include "url.h"

#include <string.h>

#include "chars.h"
#include "ip.h"

typedef struct scheme {
  lw_slice name;
  uint16_t port;
  bool secure;
  bool is_unix;
} scheme;

static const scheme schemes[] = {
    {{"ws", 2}, 80, false, false},     {{"wss", 3}, 443, true, false},
    {{"http", 4}, 80, false, false},   {{"https", 5}, 443, true, false},
    {{"ws+unix", 7}, 80, false, true},
};

/* Cuts the scheme and "://" off. NULL when it is not one of ours. */
static const scheme *take_scheme(lw_url *url, lw_slice *rest) {
  const char *colon = rest->size == 0 ? NULL : memchr(rest->data, ':', rest->size);
  if (colon == NULL) return NULL;
  const char *end = rest->data + rest->size;
  if (end - colon < 3 || memcmp(colon, "://", 3) != 0) return NULL;
  url->scheme = lw__slice_between(rest->data, colon);
  *rest = lw__slice_between(colon + 3, end);
  for (size_t i = 0; i < sizeof schemes / sizeof *schemes; i++) {
    if (lw_slice_equal_nocase(url->scheme, schemes[i].name)) return &schemes[i];
  }
  return NULL;
}

/* Everything behind the scheme, so that the parts need not look again. */
static lw_error check_characters(lw_slice text) {
  const char *end = text.data + text.size;
  const char *at = lw__char_skip(text.data, end, LW__URL);
  if (at < end) return *at == '#' ? LW_E_URL_FRAGMENT : LW_E_URL_CHARACTER;
  return lw__slice_percent_ok(text) ? LW_OK : LW_E_URL_CHARACTER;
}

static bool is_ipv4(lw_slice text) {
  uint8_t bytes[4];
  return lw__ip4_parse(bytes, text);
}

/* Zone identifiers (RFC 6874) are not for URLs that go to other machines. */
static bool is_ipv6(lw_slice text) {
  uint8_t bytes[16];
  return lw__ip6_parse(bytes, text);
}

static bool is_host_name(lw_slice text) {
  bool number = true;
  for (size_t i = 0; i < text.size; i++) {
    char c = text.data[i];
    if (!lw__char_is(c, LW__NAME) && c != '%') return false;
    if (!lw__char_is(c, LW__DIGIT) && c != '.') number = false;
  }
  if (text.size == 0) return false;
  return number ? is_ipv4(text) : lw__slice_percent_ok(text);
}

/* The digits behind the colon; none means the default (RFC 3986 section 3.2.3). */
static lw_error parse_port(uint16_t *port, lw_slice text) {
  if (text.size == 0) return LW_OK;
  if (text.size > 5 || !lw__slice_is_all(text, LW__DIGIT)) return LW_E_URL_PORT;
  unsigned number = 0;
  for (size_t i = 0; i < text.size; i++) number = number * 10 + (unsigned)(text.data[i] - '0');
  if (number == 0 || number > 65535) return LW_E_URL_PORT;
  *port = (uint16_t)number;
  return LW_OK;
}

lw_error lw_url_parse_authority(lw_authority *authority, lw_slice text) {
  *authority = (lw_authority){.port = 0};
  if (text.size == 0) return LW_E_URL_HOST;
  const char *at, *end = text.data + text.size;
  if (*text.data == '[') {
    const char *bracket = memchr(text.data, ']', text.size);
    if (bracket == NULL) return LW_E_URL_HOST;
    authority->is_ipv6 = true;
    authority->host = lw__slice_between(text.data + 1, bracket);
    if (!is_ipv6(authority->host)) return LW_E_URL_HOST;
    at = bracket + 1;
  } else {
    at = memchr(text.data, ':', text.size);
    if (at == NULL) at = end;
    authority->host = lw__slice_between(text.data, at);
    if (!is_host_name(authority->host)) return LW_E_URL_HOST;
  }
  if (at == end) return LW_OK;
  if (*at != ':') return LW_E_URL_HOST;
  return parse_port(&authority->port, lw__slice_between(at + 1, end));
}

/* Cuts "user:password@" off an authority. */
static lw_error take_user(lw_url *url, lw_slice *authority) {
  if (authority->size == 0) return LW_OK;
  const char *end = authority->data + authority->size;
  const char *at = memchr(authority->data, '@', authority->size);
  if (at == NULL) return LW_OK;
  url->user = lw__slice_between(authority->data, at);
  *authority = lw__slice_between(at + 1, end);
  for (size_t i = 0; i < url->user.size; i++) {
    char c = url->user.data[i];
    if (!lw__char_is(c, LW__NAME) && c != ':' && c != '%') return LW_E_URL_CHARACTER;
  }
  return LW_OK;
}

/* Where the authority ends: at the path, the query, or the end of the text. */
static const char *end_of(const char *at, const char *end, const char *stops) {
  while (at < end && strchr(stops, *at) == NULL) at++;
  return at;
}

static lw_error take_authority(lw_url *url, lw_slice *rest) {
  const char *end = rest->data + rest->size;
  const char *stop = end_of(rest->data, end, "/?");
  lw_slice text = lw__slice_between(rest->data, stop);
  *rest = lw__slice_between(stop, end);
  lw_error error = take_user(url, &text);
  if (error != LW_OK) return error;
  lw_authority authority;
  error = lw_url_parse_authority(&authority, text);
  if (error != LW_OK) return error;
  url->host = authority.host;
  url->is_ipv6 = authority.is_ipv6;
  url->authority = text;
  if (authority.port != 0 && authority.port != url->port) {
    url->port = authority.port;
  } else { /* Nothing behind the host, a lone colon, or the default port. */
    url->authority.size = url->host.size + (url->is_ipv6 ? 2 : 0);
  }
  return LW_OK;
}

/* "/path.sock", and the ":" that parts it from the target. */
static lw_error take_unix_path(lw_url *url, lw_slice *rest) {
  const char *end = rest->data + rest->size;
  if (rest->size < 2 || *rest->data != '/') return LW_E_URL_HOST;
  const char *stop = end_of(rest->data, end, ":?");
  url->is_unix = true;
  url->unix_path = lw__slice_between(rest->data, stop);
  url->host = url->authority = LW_SLICE("localhost");
  if (url->unix_path.size < 2) return LW_E_URL_HOST;
  if (stop < end && *stop == ':') stop++;
  *rest = lw__slice_between(stop, end);
  /* A second colon before the target, or a name that only looks like a port. */
  if (stop < end && *stop != '/' && *stop != '?') return LW_E_URL_CHARACTER;
  return LW_OK;
}

lw_error lw_url_parse(lw_url *url, const char *text, size_t size) {
  *url = (lw_url){.port = 0};
  if (size > LW_URL_MAX) return LW_E_URL_TOO_LONG;
  lw_slice rest = {text, size};
  const scheme *found = take_scheme(url, &rest);
  if (found == NULL) return LW_E_URL_SCHEME;
  url->secure = found->secure;
  url->port = found->port;
  lw_error error = check_characters(rest);
  if (error != LW_OK) return error;
  error = found->is_unix ? take_unix_path(url, &rest) : take_authority(url, &rest);
  if (error != LW_OK) return error;
  const char *end = rest.data + rest.size;
  const char *mark = end_of(rest.data, end, "?");
  url->path = lw__slice_between(rest.data, mark);
  url->query = lw__slice_between(mark, end);
  return LW_OK;
}

bool lw_url_decode(char *to, size_t *written, const char *from, size_t size) {
  if (!lw__slice_percent_ok((lw_slice){from, size})) return false;
  size_t length = 0;
  for (size_t i = 0; i < size; i++) {
    char c = from[i];
    if (c == '%') {
      c = (char)(lw__char_hex(from[i + 1]) << 4 | lw__char_hex(from[i + 2]));
      i += 2;
    }
    to[length++] = c;
  }
  *written = length;
  return true;
}
