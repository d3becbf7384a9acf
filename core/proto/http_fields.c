/* Reading header fields, and what they say about the body. */
#include "http.h"

#include <string.h>

#include "chars.h"

/* The next field of that name at or behind *index, which is then behind it; NULL: none. */
static const lw_http_field *next_field(const lw_http_head *head, lw_slice name, size_t *index) {
  if ((head->names & lw__http_name_bit(name)) == 0) return NULL;
  while (*index < head->field_count) {
    const lw_http_field *field = &head->fields[(*index)++];
    if (field->name.size == name.size && lw_slice_equal_nocase(field->name, name)) return field;
  }
  return NULL;
}

lw_slice lw_http_find(const lw_http_head *head, lw_slice name, size_t *count) {
  lw_slice found = {NULL, 0};
  const lw_http_field *field;
  size_t n = 0, index = 0;
  while ((field = next_field(head, name, &index)) != NULL) {
    if (n++ == 0) found = field->value;
  }
  if (count != NULL) *count = n;
  return found;
}

/* Where a quoted string ends that begins at `at`: behind its closing quote, or at the end. */
static const char *skip_quoted(const char *at, const char *end) {
  for (at++; at < end; at++) {
    if (*at == '"') return at + 1;
    if (*at == '\\' && at + 1 < end) at++;
  }
  return at;
}

bool lw_http_next_element(lw_slice *rest, lw_slice *element) {
  if (rest->size == 0) return false;
  const char *at = rest->data, *end = rest->data + rest->size;
  while (at < end && (*at == ',' || *at == ' ' || *at == '\t')) at++;
  const char *start = at;
  while (at < end && *at != ',') at = *at == '"' ? skip_quoted(at, end) : at + 1;
  *element = lw__slice_trim(lw__slice_between(start, at));
  *rest = lw__slice_between(at, end);
  return element->size > 0;
}

bool lw_http_has_token(const lw_http_head *head, lw_slice name, lw_slice token) {
  lw_slice element;
  const lw_http_field *field;
  size_t index = 0;
  while ((field = next_field(head, name, &index)) != NULL) {
    lw_slice rest = field->value;
    if (rest.size == token.size && lw_slice_equal_nocase(rest, token)) return true; /* mostly */
    while (lw_http_next_element(&rest, &element)) {
      if (lw_slice_equal_nocase(element, token)) return true;
    }
  }
  return false;
}

bool lw_http_is_token(lw_slice text) {
  return lw__slice_is_all(text, LW__TOKEN);
}

bool lw_http_is_value(lw_slice text) {
  return text.size == 0 || lw__slice_is_all(text, LW__VALUE);
}

bool lw_http_is_target(lw_slice text) {
  return lw__slice_is_all(text, LW__TARGET);
}

/* Adds one decimal number of a Content-Length. Another one must be the same (RFC 9110 section
 * 8.6). */
static bool add_length(uint64_t *length, bool *known, lw_slice text) {
  const uint64_t max = UINT64_C(1) << 53; /* Exact in a Lua number of any version. */
  if (!lw__slice_is_all(text, LW__DIGIT)) return false;
  uint64_t number = 0;
  for (size_t i = 0; i < text.size; i++) {
    number = number * 10 + (uint64_t)(text.data[i] - '0');
    if (number > max) return false;
  }
  if (*known && *length != number) return false;
  *known = true;
  *length = number;
  return true;
}

/* A value such as "42", or "42, 42" from a list that someone joined. Empty elements are refused:
 * others read them in different ways. */
static bool add_lengths(uint64_t *length, bool *known, lw_slice value) {
  for (;;) {
    const char *comma = value.size == 0 ? NULL : memchr(value.data, ',', value.size);
    if (comma == NULL) return add_length(length, known, lw__slice_trim(value));
    if (!add_length(length, known, lw__slice_trim(lw__slice_between(value.data, comma)))) {
      return false;
    }
    value = lw__slice_between(comma + 1, value.data + value.size);
  }
}

bool lw_http_is_bodiless(int status) {
  return status < 200 || status == 204 || status == 304;
}

lw_error lw_http_body(const lw_http_head *head, bool is_request, lw_http_framing *framing,
                      uint64_t *length) {
  *framing = LW_HTTP_NO_BODY;
  *length = 0;
  if (!is_request && lw_http_is_bodiless(head->status)) return LW_OK;
  size_t codings, lengths;
  lw_slice coding = lw_http_find(head, LW_SLICE("Transfer-Encoding"), &codings);
  (void)lw_http_find(head, LW_SLICE("Content-Length"), &lengths);
  if (codings > 0) {
    if (codings > 1 || lengths > 0 || head->minor == 0) return LW_E_HTTP_BODY_LENGTH;
    /* Other codings are neither asked for nor understood, and there is one way to write this one.
     */
    if (!lw_slice_equal_nocase(coding, LW_SLICE("chunked"))) return LW_E_HTTP_BODY_LENGTH;
    *framing = LW_HTTP_CHUNKED;
    return LW_OK;
  }
  bool known = false;
  for (size_t i = 0; lengths > 0 && i < head->field_count; i++) {
    if (!lw_slice_equal_nocase(head->fields[i].name, LW_SLICE("Content-Length"))) continue;
    if (!add_lengths(length, &known, head->fields[i].value)) return LW_E_HTTP_BODY_LENGTH;
  }
  if (known) {
    *framing = LW_HTTP_LENGTH;
  } else if (!is_request) {
    *framing = LW_HTTP_UNTIL_END;
  }
  return LW_OK;
}
