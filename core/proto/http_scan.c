/* Finds the end of a head and the first byte that no head can have (RFC 9112 sections 2 to 5).
 *
 * A state says what may come next. Runs of bytes that leave the state as it is are skipped in a
 * tight loop; step() decides on each byte that ends one. The scanner does not know whether it reads
 * a request or an answer: a request whose method begins with "HTTP" tells itself from a status line
 * at the byte behind that. */
#include "http.h"

#include <string.h>

#include "chars.h"

static const char version[] = "HTTP/1.";
enum { VERSION_SIZE = sizeof version - 1 };

enum {
  START,
  EMPTY_LINE_LF, /* behind the CR of an empty line before the start line */
  METHOD_START,
  METHOD,
  TARGET_START,
  TARGET,
  REQUEST_VERSION, /* plus the number of characters of `version` that were seen */
  REQUEST_MINOR = REQUEST_VERSION + VERSION_SIZE,
  REQUEST_CR,
  STATUS_VERSION, /* the same; up to 4 of them may still be a method */
  STATUS_MINOR = STATUS_VERSION + VERSION_SIZE,
  STATUS_SPACE,
  STATUS_CODE, /* plus the number of digits that were seen */
  STATUS_CODE_SPACE = STATUS_CODE + 3,
  REASON,
  LINE_LF,
  LINE_START,
  FIELD_NAME,
  FIELD_VALUE,
  HEAD_LF,
  HEAD_DONE,
  STATES
};

/* The bytes that leave a state as it is. */
static const uint8_t run_classes[STATES] = {
    [METHOD] = LW__TOKEN,     [TARGET] = LW__TARGET,     [REASON] = LW__VALUE,
    [FIELD_NAME] = LW__TOKEN, [FIELD_VALUE] = LW__VALUE,
};

static bool is(uint8_t c, int classes) {
  return lw__char_is((char)c, classes);
}

/* The rule that a byte breaks wherever it stands, or else the rule of its place. */
static lw_error illegal(uint8_t c, lw_error otherwise) {
  if (c == '\n') return LW_E_HTTP_BARE_LF;
  if (c == '\r') return otherwise;
  return is(c, LW__CONTROL) ? LW_E_HTTP_CONTROL_CHAR : otherwise;
}

static lw_error expect(uint8_t *state, uint8_t c, uint8_t expected, uint8_t next, lw_error error) {
  if (c != expected) return illegal(c, error);
  *state = next;
  return LW_OK;
}

static lw_error expect_digit(uint8_t *state, uint8_t c, uint8_t next, lw_error error) {
  if (!is(c, LW__DIGIT)) return illegal(c, error);
  *state = next;
  return LW_OK;
}

/* The LF behind a CR. */
static lw_error expect_lf(uint8_t *state, uint8_t c, uint8_t next) {
  if (c != '\n') return LW_E_HTTP_BARE_CR;
  *state = next;
  return LW_OK;
}

/* The first byte of all, or the first behind one empty line. */
static lw_error step_start(uint8_t *state, uint8_t c) {
  if (c == '\r' && *state == START) {
    *state = EMPTY_LINE_LF;
    return LW_OK;
  }
  if (c == '\r' || c == ' ' || c == '\t') return LW_E_HTTP_SYNTAX;
  if (c == '\n') return LW_E_HTTP_BARE_LF;
  if (!is(c, LW__TOKEN)) return LW_E_HTTP_NOT_HTTP;
  *state = c == 'H' ? STATUS_VERSION + 1 : METHOD;
  return LW_OK;
}

/* A byte that ends the method. */
static lw_error step_method(uint8_t *state, uint8_t c) {
  return expect(state, c, ' ', TARGET_START, LW_E_HTTP_METHOD);
}

static lw_error step_target(uint8_t *state, uint8_t c) {
  if (*state == TARGET_START) {
    if (!is(c, LW__TARGET)) return illegal(c, LW_E_HTTP_TARGET);
    *state = TARGET;
    return LW_OK;
  }
  /* CR here is HTTP/0.9, or a space that is missing. */
  return expect(state, c, ' ', REQUEST_VERSION, c == '\r' ? LW_E_HTTP_SYNTAX : LW_E_HTTP_TARGET);
}

/* A byte of "HTTP/1.": another digit before the dot is another version, all else is not HTTP. */
static lw_error step_version(uint8_t *state, uint8_t c, uint8_t first, lw_error error) {
  uint8_t seen = (uint8_t)(*state - first);
  if (version[seen] == '1' && is(c, LW__DIGIT) && c != '1') error = LW_E_HTTP_VERSION;
  return expect(state, c, (uint8_t)version[seen], (uint8_t)(*state + 1), error);
}

static lw_error step_request_line(uint8_t *state, uint8_t c) {
  if (*state == METHOD) return step_method(state, c);
  if (*state <= TARGET) return step_target(state, c);
  if (*state < REQUEST_MINOR) return step_version(state, c, REQUEST_VERSION, LW_E_HTTP_SYNTAX);
  if (*state == REQUEST_MINOR) return expect_digit(state, c, REQUEST_CR, LW_E_HTTP_SYNTAX);
  return expect(state, c, '\r', LINE_LF, LW_E_HTTP_SYNTAX);
}

static lw_error step_status_version(uint8_t *state, uint8_t c) {
  int seen = *state - STATUS_VERSION;
  if (seen <= 4 && c != (uint8_t)version[seen]) { /* A method such as HEAD after all. */
    if (!is(c, LW__TOKEN)) return step_method(state, c);
    *state = METHOD;
    return LW_OK;
  }
  return step_version(state, c, STATUS_VERSION, LW_E_HTTP_STATUS_LINE);
}

static lw_error step_status_line(uint8_t *state, uint8_t c) {
  if (*state < STATUS_MINOR) return step_status_version(state, c);
  if (*state == STATUS_MINOR) return expect_digit(state, c, STATUS_SPACE, LW_E_HTTP_STATUS_LINE);
  if (*state == STATUS_SPACE) return expect(state, c, ' ', STATUS_CODE, LW_E_HTTP_STATUS_LINE);
  if (*state == STATUS_CODE && (c == '0' || (c >= '6' && c <= '9'))) return LW_E_HTTP_STATUS_LINE;
  if (*state < STATUS_CODE_SPACE) {
    return expect_digit(state, c, (uint8_t)(*state + 1), LW_E_HTTP_STATUS_LINE);
  }
  if (*state == STATUS_CODE_SPACE) return expect(state, c, ' ', REASON, LW_E_HTTP_STATUS_LINE);
  return expect(state, c, '\r', LINE_LF, LW_E_HTTP_STATUS_LINE);
}

static lw_error step_line_start(lw_http_scanner *s, uint8_t c) {
  if (c == '\r') {
    s->state = HEAD_LF;
    return LW_OK;
  }
  if (c == ' ' || c == '\t') return LW_E_HTTP_OBS_FOLD;
  if (!is(c, LW__TOKEN)) return illegal(c, LW_E_HTTP_FIELD_NAME);
  if (s->fields == LW_HTTP_FIELDS_MAX) return LW_E_HTTP_TOO_MANY_FIELDS;
  s->fields++;
  s->state = FIELD_NAME;
  return LW_OK;
}

static lw_error step_field(lw_http_scanner *s, uint8_t c) {
  switch (s->state) {
  case LINE_LF:
    return expect_lf(&s->state, c, LINE_START);
  case LINE_START:
    return step_line_start(s, c);
  case FIELD_NAME:
    if (c == ' ' || c == '\t') return LW_E_HTTP_FIELD_SPACE;
    return expect(&s->state, c, ':', FIELD_VALUE, LW_E_HTTP_FIELD_NAME);
  case FIELD_VALUE: /* Only control characters end the run. */
    return expect(&s->state, c, '\r', LINE_LF, LW_E_HTTP_CONTROL_CHAR);
  default:
    return expect_lf(&s->state, c, HEAD_DONE);
  }
}

static lw_error step(lw_http_scanner *s, uint8_t c) {
  if (s->state >= LINE_LF) return step_field(s, c);
  if (s->state == START || s->state == METHOD_START) return step_start(&s->state, c);
  if (s->state == EMPTY_LINE_LF) return expect_lf(&s->state, c, METHOD_START);
  if (s->state < STATUS_VERSION) return step_request_line(&s->state, c);
  return step_status_line(&s->state, c);
}

/* The first byte in [at, end) that the state does not simply pass over. */
static const uint8_t *skip_run(const uint8_t *at, const uint8_t *end, uint8_t classes) {
  while (end - at >= 4) { /* Four at a time: field values are most of a head. */
    if (!(lw__char_classes[at[0]] & classes)) return at;
    if (!(lw__char_classes[at[1]] & classes)) return at + 1;
    if (!(lw__char_classes[at[2]] & classes)) return at + 2;
    if (!(lw__char_classes[at[3]] & classes)) return at + 3;
    at += 4;
  }
  while (at < end && (lw__char_classes[*at] & classes)) at++;
  return at;
}

#define EACH_BYTE(x) (UINT64_C(0x0101010101010101) * (x))

/* Whether one of eight bytes is a control character: below a space, or DEL. */
static bool has_control(const uint8_t *bytes) {
  uint64_t word;
  memcpy(&word, bytes, sizeof word);
  uint64_t is_zero_for_del = word ^ EACH_BYTE(0x7f);
  uint64_t below_space = (word - EACH_BYTE(' ')) & ~word;
  uint64_t is_del = (is_zero_for_del - EACH_BYTE(1)) & ~is_zero_for_del;
  return ((below_space | is_del) & EACH_BYTE(0x80)) != 0;
}

/* Whole field lines, as long as they are as nearly all are: step() decides on others, from their
 * beginning. Returns where the first of those begins. */
static const uint8_t *skip_lines(lw_http_scanner *s, const uint8_t *at, const uint8_t *end) {
  while (s->fields < LW_HTTP_FIELDS_MAX) {
    const uint8_t *colon = skip_run(at, end, LW__TOKEN);
    if (colon == at || colon == end || *colon != ':') break;
    const uint8_t *cr = colon + 1;
    while (end - cr >= 8 && !has_control(cr)) cr += 8;
    cr = skip_run(cr, end, LW__VALUE);
    if (end - cr < 2 || cr[0] != '\r' || cr[1] != '\n') break;
    s->fields++;
    at = cr + 2;
  }
  return at;
}

/* The end of nearly every request line. Returns where it ends, or `at`: step() decides on others.
 */
static const uint8_t *skip_version(lw_http_scanner *s, const uint8_t *at, const uint8_t *end) {
  static const char usual[] = "HTTP/1.1\r\n";
  const size_t size = sizeof usual - 1;
  if ((size_t)(end - at) <= size || memcmp(at, usual, size) != 0) return at;
  s->state = LINE_START;
  return at + size;
}

/* Scans until the head ends, a byte is illegal (sets s->error) or the input does. */
static const uint8_t *scan(lw_http_scanner *s, const uint8_t *at, const uint8_t *end) {
  while (at < end && s->state != HEAD_DONE) {
    uint8_t classes = run_classes[s->state];
    if (classes != 0) {
      at = skip_run(at, end, classes);
      if (at == end) break;
    } else if (s->state == REQUEST_VERSION) {
      at = skip_version(s, at, end);
    } else if (s->state == LINE_START) {
      at = skip_lines(s, at, end);
      if (at == end) break;
    }
    s->error = (uint8_t)step(s, *at);
    if (s->error != LW_OK) break;
    at++;
  }
  return at;
}

lw_result lw_http_scan(lw_http_scanner *s, size_t *used, const uint8_t *data, size_t size) {
  *used = 0;
  if (s->error != LW_OK) return LW_BROKEN;
  size_t room = LW_HTTP_HEAD_MAX - s->size;
  size_t allowed = size < room ? size : room;
  if (allowed > 0) *used = (size_t)(scan(s, data, data + allowed) - data);
  s->size += (uint32_t)*used;
  if (s->error != LW_OK) return LW_BROKEN;
  if (s->state == HEAD_DONE) return LW_DONE;
  if (size <= room) return LW_MORE;
  s->error = LW_E_HTTP_TOO_LARGE;
  return LW_BROKEN;
}

void lw_http_scan_fields(lw_http_scanner *s) {
  s->state = LINE_START;
}
