/* HTTP/1.x heads: the request or status line and the header fields (RFC 9112 sections 2 to 5).
 *
 * Two steps. lw_http_scan finds the end of a head in bytes that come in any pieces, in linear
 * time, and fails at the first byte that no head can have. lw_http_parse then cuts the whole
 * head, which is contiguous by then, into slices. Strict: CRLF only, no folding, no white space
 * before a colon. */
#ifndef LW_PROTO_HTTP_H
#define LW_PROTO_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define LW_HTTP_HEAD_MAX (16 * 1024) /* bytes, with the final empty line */
#define LW_HTTP_FIELDS_MAX 100

/* All zero at the start of each head. */
typedef struct lw_http_scanner {
  uint32_t size;   /* bytes of the head so far */
  uint16_t fields; /* header lines so far */
  uint8_t state;   /* http_scan.c */
  uint8_t error;   /* lw_error; not 0: broken for good */
} lw_http_scanner;

/* Scans the next piece and sets *used: how many of its bytes belong to the head. LW_DONE: the head
 * is complete (its last byte is data[*used - 1]); the rest is body or frames. LW_MORE: all of it is
 * head. LW_BROKEN: scanner->error tells why, and data[*used] is the byte that no head can have
 * there. One empty line before a request line is skipped over (RFC 9112 section 2.2) and counts as
 * part of the head. What cannot be HTTP at all (say a TLS ClientHello) is LW_E_HTTP_NOT_HTTP at its
 * first byte. */
lw_result lw_http_scan(lw_http_scanner *scanner, size_t *used, const uint8_t *data, size_t size);

/* Makes a zeroed scanner begin behind the first line: for trailers, which are field lines and an
 * empty line (RFC 9112 section 7.1.2). */
void lw_http_scan_fields(lw_http_scanner *scanner);

typedef struct lw_http_field {
  lw_slice name;  /* as sent; compare with lw_slice_equal_nocase */
  lw_slice value; /* without white space around it */
} lw_http_field;

/* Slices point into the head that was parsed. */
typedef struct lw_http_head {
  lw_slice method; /* requests */
  lw_slice target; /* requests: as sent */
  lw_slice host;   /* requests: host[:port] of an absolute target, else of the Host field (RFC 9112
                      section 3.3); empty when there is none */
  lw_slice path;   /* requests: of the target, not empty */
  lw_slice query;  /* requests: of the target, with its "?"; or empty */
  int status;      /* answers: 100 to 599 */
  lw_slice reason; /* answers: may be empty */
  int minor;       /* HTTP/1.minor */
  uint32_t names;  /* the lw__http_name_bit of each field: most look-ups are for fields that are
                      not there, and end here */
  size_t field_count;
  lw_http_field fields[LW_HTTP_FIELDS_MAX];
} lw_http_head;

/* What little of a field's name tells most names apart, in any case of letters. */
static inline uint32_t lw__http_name_bit(lw_slice name) {
  return UINT32_C(1) << ((name.size + ((uint8_t)*name.data | 0x20)) % 32);
}

/* Parse a head that lw_http_scan found complete. LW_OK, or the rule it breaks. A request must have
 * exactly one valid Host under HTTP/1.1 (at most one under 1.0); its target must be in origin form
 * ("/..."), absolute form (http, https, ws, wss; no userinfo) or, with OPTIONS only, "*", without
 * control characters, spaces or a fragment. */
lw_error lw_http_parse_request(lw_http_head *head, const char *data, size_t size);
lw_error lw_http_parse_response(lw_http_head *head, const char *data, size_t size);

/* The value of the field of that name, ASCII case folded. *count (may be NULL) is how many there
 * are; the slice is the first one's value, and empty with NULL data when there is none. */
lw_slice lw_http_find(const lw_http_head *head, lw_slice name, size_t *count);

/* True when a comma-separated list field (all its lines together) has the token, ASCII case
 * folded. */
bool lw_http_has_token(const lw_http_head *head, lw_slice name, lw_slice token);

/* Walks a comma-separated list: *rest is the value at first; false at the end. Empty elements
 * are skipped, as RFC 9110 section 5.6.1 asks of receivers. Commas inside quoted strings do not
 * part. */
bool lw_http_next_element(lw_slice *rest, lw_slice *element);

/* True when the text is a token (RFC 9110 section 5.6.2), may be a field value (no control
 * character but tab), may be a request target (visible ASCII without " # < >; not empty). */
bool lw_http_is_token(lw_slice text);
bool lw_http_is_value(lw_slice text);
bool lw_http_is_target(lw_slice text);

/* True for a status whose answer has no body, whatever its fields say (RFC 9112 section 6.3). */
bool lw_http_is_bodiless(int status);

/* "Not Found" for 404; "Unknown" where there is no registered phrase. Static. */
const char *lw_http_reason(int status);

/* How long the body that follows a head is. */
typedef enum lw_http_framing {
  LW_HTTP_NO_BODY,
  LW_HTTP_LENGTH, /* *length bytes, maybe 0 */
  LW_HTTP_CHUNKED,
  LW_HTTP_UNTIL_END /* answers only: until the peer closes */
} lw_http_framing;

/* Decides it for a request or an answer (is_request false; RFC 9112 section 6.3). LW_OK, or
 * LW_E_HTTP_BODY_LENGTH: both Transfer-Encoding and Content-Length, lengths that differ or are not
 * digits, a length over 2^53, a transfer coding other than a single final "chunked", any under
 * HTTP/1.0. That the answer to HEAD has no body, and to CONNECT neither, only the caller knows. */
lw_error lw_http_body(const lw_http_head *head, bool is_request, lw_http_framing *framing,
                      uint64_t *length);

#endif
