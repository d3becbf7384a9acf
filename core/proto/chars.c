#include "chars.h"

#include <string.h>

/* The classes are worked out by the compiler, so the rules can be read and the table costs
 * nothing. */
#define IN(c, first, last) ((c) >= (first) && (c) <= (last))
#define ALPHA(c) (IN(c, 'a', 'z') || IN(c, 'A', 'Z'))
#define DIGIT(c) IN(c, '0', '9')
#define VISIBLE(c) IN(c, 0x21, 0x7e)
#define CONTROL(c) ((c) < 0x20 || (c) == 0x7f)

#define SUB_DELIM(c) ((c) == '!' || IN(c, '$', '$') || IN(c, '&', ',') || (c) == ';' || (c) == '=')
#define UNRESERVED(c) (ALPHA(c) || DIGIT(c) || IN(c, '-', '.') || (c) == '_' || (c) == '~')

#define TOKEN(c)                                                                                   \
  (ALPHA(c) || DIGIT(c) || (c) == '!' || IN(c, '#', '\'') || (c) == '*' || (c) == '+' ||           \
   IN(c, '-', '.') || IN(c, '^', '`') || (c) == '|' || (c) == '~')
#define VALUE(c) ((c) == '\t' || ((c) >= 0x20 && (c) != 0x7f))
/* Wider than RFC 3986: browsers send [ ] ^ { | } and others as they are. */
#define TARGET(c) (VISIBLE(c) && (c) != '"' && (c) != '#' && (c) != '<' && (c) != '>')
#define URL(c)                                                                                     \
  (UNRESERVED(c) || SUB_DELIM(c) || (c) == '%' || (c) == '/' || (c) == ':' || IN(c, '?', '@') ||   \
   (c) == '[' || (c) == ']')
#define HEX(c) (DIGIT(c) || IN(c, 'a', 'f') || IN(c, 'A', 'F'))

#define CLASSES(c)                                                                                 \
  ((TOKEN(c) ? LW__TOKEN : 0) | (VALUE(c) ? LW__VALUE : 0) | (TARGET(c) ? LW__TARGET : 0) |        \
   (URL(c) ? LW__URL : 0) | (UNRESERVED(c) || SUB_DELIM(c) ? LW__NAME : 0) |                       \
   (CONTROL(c) ? LW__CONTROL : 0) | (DIGIT(c) ? LW__DIGIT : 0) | (HEX(c) ? LW__HEX : 0))

#define FOUR(c) CLASSES(c), CLASSES((c) + 1), CLASSES((c) + 2), CLASSES((c) + 3)
#define ROW(c) FOUR(c), FOUR((c) + 4), FOUR((c) + 8), FOUR((c) + 12)

const uint8_t lw__char_classes[256] = {
    ROW(0x00), ROW(0x10), ROW(0x20), ROW(0x30), ROW(0x40), ROW(0x50), ROW(0x60), ROW(0x70),
    ROW(0x80), ROW(0x90), ROW(0xa0), ROW(0xb0), ROW(0xc0), ROW(0xd0), ROW(0xe0), ROW(0xf0)};

lw_slice lw__slice_trim(lw_slice text) {
  while (text.size > 0 && (*text.data == ' ' || *text.data == '\t')) {
    text.data++;
    text.size--;
  }
  while (text.size > 0 && (text.data[text.size - 1] == ' ' || text.data[text.size - 1] == '\t')) {
    text.size--;
  }
  return text;
}

bool lw__slice_is_all(lw_slice text, int classes) {
  if (text.size == 0) return false;
  const char *end = text.data + text.size;
  return lw__char_skip(text.data, end, classes) == end;
}

bool lw__slice_percent_ok(lw_slice text) {
  if (text.size == 0) return true;
  const char *at = text.data, *end = text.data + text.size;
  while ((at = memchr(at, '%', (size_t)(end - at))) != NULL) {
    if (end - at < 3 || !lw__char_is(at[1], LW__HEX) || !lw__char_is(at[2], LW__HEX)) return false;
    at += 3;
  }
  return true;
}
