/* Cuts a whole head into slices, and applies the rules that need all of it: target and Host. */
#include "http.h"

#include <string.h>

#include "chars.h"
#include "url.h"

/* What is left of the head. */
typedef struct reader {
  const char *at;
  const char *end;
} reader;

/* Cuts off the next line, without its CRLF. False when there is none. */
static bool take_line(reader *r, lw_slice *line) {
  if (r->at == r->end) return false;
  const char *cr = memchr(r->at, '\r', (size_t)(r->end - r->at));
  if (cr == NULL || r->end - cr < 2 || cr[1] != '\n') return false;
  *line = lw__slice_between(r->at, cr);
  r->at = cr + 2;
  return true;
}

/* Cuts off what stands before the next space, and the space. False when there is none. */
static bool take_word(lw_slice *line, lw_slice *word) {
  if (line->size == 0) return false;
  const char *end = line->data + line->size;
  const char *space = memchr(line->data, ' ', line->size);
  if (space == NULL) return false;
  *word = lw__slice_between(line->data, space);
  *line = lw__slice_between(space + 1, end);
  return true;
}

/* "HTTP/1.x", case-sensitive (RFC 9112 section 2.3). */
static bool parse_version(int *minor, lw_slice text) {
  if (text.size != 8 || memcmp(text.data, "HTTP/1.", 7) != 0) return false;
  if (!lw__char_is(text.data[7], LW__DIGIT)) return false;
  *minor = text.data[7] - '0';
  return true;
}

static lw_error parse_field(lw_http_field *field, lw_slice line) {
  const char *colon = memchr(line.data, ':', line.size);
  if (colon == NULL || colon == line.data) return LW_E_HTTP_FIELD_NAME;
  field->name = lw__slice_between(line.data, colon);
  field->value = lw__slice_trim(lw__slice_between(colon + 1, line.data + line.size));
  return LW_OK;
}

/* The lines up to the empty one, which must be the last. */
static lw_error parse_fields(lw_http_head *head, reader *r) {
  lw_slice line;
  while (take_line(r, &line)) {
    if (line.size == 0) return r->at == r->end ? LW_OK : LW_E_HTTP_SYNTAX;
    if (head->field_count == LW_HTTP_FIELDS_MAX) return LW_E_HTTP_TOO_MANY_FIELDS;
    lw_http_field *field = &head->fields[head->field_count++];
    lw_error error = parse_field(field, line);
    if (error != LW_OK) return error;
    head->names |= lw__http_name_bit(field->name);
  }
  return LW_E_HTTP_SYNTAX;
}

/* All but the fields, of which only the first field_count ever hold anything. */
static void clear(lw_http_head *head) {
  head->method = head->target = head->host = head->path = head->query = (lw_slice){NULL, 0};
  head->reason = (lw_slice){NULL, 0};
  head->status = head->minor = 0;
  head->names = 0;
  head->field_count = 0;
}

/* "/path?query" (RFC 9112 section 3.2.1). */
static void cut_query(lw_http_head *head) {
  const char *end = head->target.data + head->target.size;
  const char *mark = memchr(head->target.data, '?', head->target.size);
  if (mark == NULL) mark = end;
  head->path = lw__slice_between(head->target.data, mark);
  head->query = lw__slice_between(mark, end);
}

/* What a client sends to a proxy, and may send to us (RFC 9112 section 3.2.2). Userinfo in it is a
 * way to disguise the host (RFC 9110 section 4.2.4). */
static lw_error parse_absolute_target(lw_http_head *head) {
  lw_url url;
  lw_error error = lw_url_parse(&url, head->target.data, head->target.size);
  if (error != LW_OK || url.is_unix || url.user.data != NULL) return LW_E_HTTP_TARGET;
  head->host = url.authority;
  head->path = url.path.size > 0 ? url.path : LW_SLICE("/");
  head->query = url.query;
  return LW_OK;
}

static lw_error parse_target(lw_http_head *head) {
  if (!lw_http_is_target(head->target)) return LW_E_HTTP_TARGET;
  if (*head->target.data == '/') {
    cut_query(head);
    return LW_OK;
  }
  if (lw_slice_equal(head->target, LW_SLICE("*"))) {
    head->path = head->target;
    return lw_slice_equal(head->method, LW_SLICE("OPTIONS")) ? LW_OK : LW_E_HTTP_TARGET;
  }
  return parse_absolute_target(head);
}

/* RFC 9112 section 3.2: exactly one Host, and valid, though an absolute target overrides it. */
static lw_error check_host(lw_http_head *head) {
  size_t count;
  lw_slice host = lw_http_find(head, LW_SLICE("Host"), &count);
  if (count == 0 && head->minor == 0) return LW_OK;
  if (count != 1) return LW_E_HTTP_HOST;
  lw_authority authority;
  if (lw_url_parse_authority(&authority, host) != LW_OK) return LW_E_HTTP_HOST;
  if (head->host.size == 0) head->host = host;
  return LW_OK;
}

lw_error lw_http_parse_request(lw_http_head *head, const char *data, size_t size) {
  clear(head);
  reader r = {data, data + size};
  lw_slice line;
  if (!take_line(&r, &line)) return LW_E_HTTP_SYNTAX;
  /* The one empty line that lw_http_scan lets pass. */
  if (line.size == 0 && !take_line(&r, &line)) return LW_E_HTTP_SYNTAX;
  if (!take_word(&line, &head->method)) return LW_E_HTTP_SYNTAX;
  if (!lw_http_is_token(head->method)) return LW_E_HTTP_METHOD;
  if (!take_word(&line, &head->target)) return LW_E_HTTP_SYNTAX;
  if (!parse_version(&head->minor, line)) return LW_E_HTTP_VERSION;
  lw_error error = parse_target(head);
  if (error != LW_OK) return error;
  error = parse_fields(head, &r);
  return error != LW_OK ? error : check_host(head);
}

/* Three digits, of a class that exists (RFC 9110 section 15). */
static bool parse_status(int *status, lw_slice text) {
  if (text.size != 3 || !lw__slice_is_all(text, LW__DIGIT)) return false;
  *status = (text.data[0] - '0') * 100 + (text.data[1] - '0') * 10 + (text.data[2] - '0');
  return *status >= 100 && *status <= 599;
}

lw_error lw_http_parse_response(lw_http_head *head, const char *data, size_t size) {
  clear(head);
  reader r = {data, data + size};
  lw_slice line, word;
  if (!take_line(&r, &line) || !take_word(&line, &word)) return LW_E_HTTP_STATUS_LINE;
  if (!parse_version(&head->minor, word)) return LW_E_HTTP_STATUS_LINE;
  if (!take_word(&line, &word) || !parse_status(&head->status, word)) return LW_E_HTTP_STATUS_LINE;
  head->reason = line;
  return parse_fields(head, &r);
}
