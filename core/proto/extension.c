#include "extension.h"

#include "chars.h"

void lw_extension_read(lw_extension_reader *r, lw_slice value) {
  r->at = value.size > 0 ? value.data : NULL;
  r->end = value.size > 0 ? value.data + value.size : NULL;
  r->in_extension = false;
  r->broken = false;
}

static bool fail(lw_extension_reader *r) {
  r->broken = true;
  r->in_extension = false;
  r->at = r->end;
  return false;
}

/* RFC 6455 takes its grammar from RFC 2616, where white space may stand between any two parts. */
static void skip_space(lw_extension_reader *r) {
  r->at = lw__char_skip_space(r->at, r->end);
}

static bool take(lw_extension_reader *r, char c) {
  if (r->at == r->end || *r->at != c) return false;
  r->at++;
  return true;
}

static bool take_token(lw_extension_reader *r, lw_slice *token) {
  const char *start = r->at;
  r->at = lw__char_skip(start, r->end, LW__TOKEN);
  *token = lw__slice_between(start, r->at);
  return token->size > 0;
}

/* The rest of a quoted string that has a backslash, from the opening quote's next character on. */
static bool take_escaped(lw_extension_reader *r, lw_slice *value) {
  size_t size = 0;
  while (r->at < r->end && *r->at != '"') {
    if (*r->at == '\\') r->at++;
    if (r->at == r->end || !lw__char_is(*r->at, LW__TOKEN)) return false;
    if (size == sizeof r->unescaped) return false;
    r->unescaped[size++] = *r->at++;
  }
  *value = (lw_slice){r->unescaped, size};
  return size > 0;
}

/* A quoted string is only another way to write a token: "the value after quoted-string unescaping
 * MUST conform to the 'token' ABNF". */
static bool take_quoted(lw_extension_reader *r, lw_slice *value) {
  const char *start = r->at;
  if (!take_token(r, value) || (r->at < r->end && *r->at == '\\')) {
    r->at = start;
    if (!take_escaped(r, value)) return false;
  }
  return take(r, '"');
}

bool lw_extension_next_parameter(lw_extension_reader *r, lw_extension_parameter *parameter) {
  if (!r->in_extension) return false;
  skip_space(r);
  if (r->at == r->end || *r->at == ',') {
    r->in_extension = false;
    return false;
  }
  if (!take(r, ';')) return fail(r);
  skip_space(r);
  if (!take_token(r, &parameter->name)) return fail(r);
  skip_space(r);
  parameter->value = (lw_slice){NULL, 0};
  parameter->has_value = take(r, '=');
  if (!parameter->has_value) return true;
  skip_space(r);
  bool valid = take(r, '"') ? take_quoted(r, &parameter->value) : take_token(r, &parameter->value);
  return valid || fail(r);
}

bool lw_extension_next(lw_extension_reader *r, lw_slice *name) {
  lw_extension_parameter skipped;
  while (lw_extension_next_parameter(r, &skipped)) continue;
  while (r->at < r->end && (*r->at == ',' || *r->at == ' ' || *r->at == '\t')) r->at++;
  if (r->at == r->end) return false;
  r->in_extension = true;
  return take_token(r, name) || fail(r);
}

bool lw_extension_check(lw_slice value, size_t *count) {
  lw_extension_reader r;
  lw_slice name;
  lw_extension_read(&r, value);
  while (lw_extension_next(&r, &name)) ++*count;
  return !r.broken;
}
