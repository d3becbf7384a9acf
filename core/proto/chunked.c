#include "chunked.h"

#include <string.h>

#include "chars.h"

enum {
  SIZE,      /* a digit must come */
  MORE_SIZE, /* another may */
  SPACE,     /* behind the size, before a ";" */
  EXTENSION,
  SIZE_LF,
  DATA,
  DATA_CR, /* behind the chunk's last byte */
  DATA_LF,
  TRAILERS, /* behind the chunk of size 0 */
  DONE
};

static int digit_value(uint8_t c) {
  if (c <= '9') return c - '0';
  return (c | 0x20) - 'a' + 10;
}

/* A size that fits into 53 bits, in at most 16 digits: leading zeros are an old way to make two
 * readers disagree. */
static lw_error add_digit(lw_chunked *c, uint8_t byte) {
  if (c->digits == 16 || c->left >> 49 != 0) return LW_E_HTTP_CHUNK;
  c->digits++;
  c->left = c->left << 4 | (unsigned)digit_value(byte);
  c->state = MORE_SIZE;
  return LW_OK;
}

static lw_error expect(lw_chunked *c, uint8_t byte, uint8_t expected, uint8_t next) {
  if (byte != expected) return LW_E_HTTP_CHUNK;
  c->state = next;
  return LW_OK;
}

static lw_error step_size(lw_chunked *c, uint8_t byte) {
  if (lw__char_is((char)byte, LW__HEX)) return add_digit(c, byte);
  if (c->state == SIZE) return LW_E_HTTP_CHUNK;
  if (byte == ' ' || byte == '\t') {
    c->state = SPACE;
  } else if (byte == ';') {
    c->state = EXTENSION;
  } else {
    return expect(c, byte, '\r', SIZE_LF);
  }
  return LW_OK;
}

static lw_error step_extension(lw_chunked *c, uint8_t byte) {
  if (++c->extra > LW_CHUNKED_EXTRA_MAX + c->size) return LW_E_HTTP_CHUNK_EXTRA;
  if (c->state == SPACE) {
    return byte == ' ' || byte == '\t' ? LW_OK : expect(c, byte, ';', EXTENSION);
  }
  if (lw__char_is((char)byte, LW__VALUE)) return LW_OK;
  return expect(c, byte, '\r', SIZE_LF);
}

static lw_error end_size(lw_chunked *c, uint8_t byte) {
  if (byte != '\n') return LW_E_HTTP_CHUNK;
  c->digits = 0;
  c->state = c->left > 0 ? DATA : TRAILERS;
  if (c->state == TRAILERS) lw_http_scan_fields(&c->trailers);
  return LW_OK;
}

static lw_error step(lw_chunked *c, uint8_t byte) {
  switch (c->state) {
  case SIZE:
  case MORE_SIZE:
    return step_size(c, byte);
  case SPACE:
  case EXTENSION:
    return step_extension(c, byte);
  case SIZE_LF:
    return end_size(c, byte);
  case DATA_CR:
    return expect(c, byte, '\r', DATA_LF);
  default:
    return expect(c, byte, '\n', SIZE);
  }
}

/* Moves what is there of the chunk to data + *got, and returns how much that is. */
static size_t take_data(lw_chunked *c, uint8_t *data, size_t at, size_t size, size_t *got) {
  size_t part = size - at < c->left ? size - at : (size_t)c->left;
  memmove(data + *got, data + at, part);
  *got += part;
  c->size += part;
  c->left -= part;
  if (c->left == 0) c->state = DATA_CR;
  return part;
}

static size_t take_trailers(lw_chunked *c, const uint8_t *data, size_t size) {
  size_t used;
  lw_result result = lw_http_scan(&c->trailers, &used, data, size);
  if (result == LW_DONE) c->state = DONE;
  if (result == LW_BROKEN) c->error = c->trailers.error;
  return used;
}

lw_result lw_chunked_decode(lw_chunked *c, uint8_t *data, size_t size, size_t *used, size_t *got) {
  size_t at = 0;
  *got = 0;
  while (at < size && c->state != DONE && c->error == LW_OK) {
    if (c->state == DATA) {
      at += take_data(c, data, at, size, got);
    } else if (c->state == TRAILERS) {
      at += take_trailers(c, data + at, size - at);
    } else {
      c->error = (uint8_t)step(c, data[at++]);
    }
  }
  *used = at;
  if (c->error != LW_OK) return LW_BROKEN;
  return c->state == DONE ? LW_DONE : LW_MORE;
}

size_t lw_chunked_head(char head[LW_CHUNK_HEAD_MAX], uint64_t size) {
  static const char digits[] = "0123456789abcdef";
  unsigned shift = 0;
  size_t at = 0;
  while (shift < 60 && size >> shift >> 4 != 0) shift += 4;
  for (;; shift -= 4) {
    head[at++] = digits[size >> shift & 15];
    if (shift == 0) break;
  }
  head[at++] = '\r';
  head[at++] = '\n';
  return at;
}
