#include "ip.h"

#include <string.h>

#include "chars.h"

bool lw__ip4_parse(uint8_t bytes[4], lw_slice text) {
  const char *at = text.data, *end = text.data + text.size;
  for (int part = 0; part < 4; part++) {
    if (part > 0 && (at == end || *at++ != '.')) return false;
    const char *start = at;
    int number = 0;
    while (at < end && at - start < 3 && lw__char_is(*at, LW__DIGIT)) {
      number = number * 10 + (*at++ - '0');
    }
    if (at == start || number > 255 || (*start == '0' && at - start > 1)) return false;
    bytes[part] = (uint8_t)number;
  }
  return at == end;
}

/* One to four hexadecimal digits. */
static bool take_group(uint8_t bytes[2], lw_slice digits) {
  unsigned number = 0;
  if (digits.size == 0 || digits.size > 4) return false;
  for (size_t i = 0; i < digits.size; i++) {
    number = number * 16 + (unsigned)lw__char_hex(digits.data[i]);
  }
  bytes[0] = (uint8_t)(number >> 8);
  bytes[1] = (uint8_t)number;
  return true;
}

/* The "::" that stands for one or more groups of zeros. */
static bool take_gap(const char **at, const char *end) {
  if (end - *at < 2 || (*at)[0] != ':' || (*at)[1] != ':') return false;
  *at += 2;
  return true;
}

/* Moves what is behind the gap to the end. */
static void close_gap(uint8_t bytes[16], int gap, int size) {
  memmove(bytes + 16 - (size - gap), bytes + gap, (size_t)(size - gap));
  memset(bytes + gap, 0, (size_t)(16 - size));
}

/* Eight groups, or fewer and one gap; the last two may be an IPv4 address. */
bool lw__ip6_parse(uint8_t bytes[16], lw_slice text) {
  const char *at = text.data, *end = text.data + text.size;
  int size = 0, gap = take_gap(&at, end) ? 0 : -1;
  while (at < end && size < 16) {
    const char *start = at;
    at = lw__char_skip(at, end, LW__HEX);
    if (at < end && *at == '.') {
      if (size > 12 || !lw__ip4_parse(bytes + size, lw__slice_between(start, end))) return false;
      size += 4;
      at = end;
      break;
    }
    if (!take_group(bytes + size, lw__slice_between(start, at))) return false;
    size += 2;
    if (at == end) break;
    if (take_gap(&at, end)) {
      if (gap >= 0) return false;
      gap = size;
    } else if (*at++ != ':' || at == end) {
      return false;
    }
  }
  if (at < end || (gap < 0 ? size < 16 : size == 16)) return false;
  if (gap >= 0) close_gap(bytes, gap, size);
  return true;
}
