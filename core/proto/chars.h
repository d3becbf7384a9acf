/* What each byte may be in HTTP heads and URLs: one table of classes for both.
 *
 * Inside core/proto only. A class says where a byte is legal, not what it means there. */
#ifndef LW_PROTO_CHARS_H
#define LW_PROTO_CHARS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"

enum {
  LW__TOKEN = 1,  /* tchar, RFC 9110 section 5.6.2 */
  LW__VALUE = 2,  /* in a field value: tab, space, visible, and 0x80 up (obs-text) */
  LW__TARGET = 4, /* in a request target: visible ASCII but " # < > */
  LW__URL = 8,    /* in a URL behind its scheme, # not among them */
  LW__NAME = 16,  /* unreserved and sub-delims, RFC 3986 section 2: in a host name */
  LW__CONTROL = 32,
  LW__DIGIT = 64,
  LW__HEX = 128
};

extern const uint8_t lw__char_classes[256];

static inline bool lw__char_is(char c, int classes) {
  return (lw__char_classes[(uint8_t)c] & classes) != 0;
}

/* The value of a hexadecimal digit (a byte of LW__HEX). */
static inline int lw__char_hex(char c) {
  return lw__char_is(c, LW__DIGIT) ? c - '0' : (c | 0x20) - 'a' + 10;
}

/* The first byte of [at, end) that is in none of the classes, or end. */
static inline const char *lw__char_skip(const char *at, const char *end, int classes) {
  while (at < end && lw__char_is(*at, classes)) at++;
  return at;
}

/* The same for space and tab (OWS, RFC 9110 section 5.6.3). */
static inline const char *lw__char_skip_space(const char *at, const char *end) {
  while (at < end && (*at == ' ' || *at == '\t')) at++;
  return at;
}

static inline lw_slice lw__slice_between(const char *from, const char *to) {
  return (lw_slice){from, (size_t)(to - from)};
}

/* The text without space and tab around it. */
lw_slice lw__slice_trim(lw_slice text);

/* True when the text is not empty and all of it is in the classes. */
bool lw__slice_is_all(lw_slice text, int classes);

/* True when each % in the text is followed by two hexadecimal digits. */
bool lw__slice_percent_ok(lw_slice text);

#endif
