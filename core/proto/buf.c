#include "buf.h"

#include <stdlib.h>
#include <string.h>

/* The first allocation: a typical small message without growing twice. */
#define FIRST_CAPACITY 64

lw_slice lw_slice_of(const char *text) {
  return (lw_slice){text, text == NULL ? 0 : strlen(text)};
}

bool lw_slice_equal(lw_slice a, lw_slice b) {
  return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

/* Not tolower(): that one follows the locale of the script. */
static char fold(char c) {
  return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

bool lw_slice_equal_nocase(lw_slice a, lw_slice b) {
  if (lw_slice_equal(a, b)) return true; /* most names come in the usual case */
  if (a.size != b.size) return false;
  for (size_t i = 0; i < a.size; i++) {
    if (fold(a.data[i]) != fold(b.data[i])) return false;
  }
  return true;
}

/* Doubles, so that n bytes that come one by one are copied O(n) times in all. */
static size_t grown_capacity(size_t capacity, size_t needed, size_t limit) {
  size_t grown = capacity < FIRST_CAPACITY / 2 ? FIRST_CAPACITY
                 : capacity > limit / 2        ? limit
                                               : capacity * 2;
  if (grown < needed) grown = needed;
  return grown < limit ? grown : limit;
}

bool lw_buf_reserve(lw_buf *buf, size_t extra, size_t limit) {
  if (buf->size > limit || extra > limit - buf->size) return false;
  size_t needed = buf->size + extra;
  if (needed <= buf->capacity) return true;
  size_t capacity = grown_capacity(buf->capacity, needed, limit);
  uint8_t *data = realloc(buf->data, capacity);
  if (data == NULL) return false;
  buf->data = data;
  buf->capacity = capacity;
  return true;
}

bool lw_buf_append(lw_buf *buf, const void *data, size_t size) {
  if (size == 0) return true; /* `data` may be NULL, which memcpy must not see */
  if (!lw_buf_reserve(buf, size, SIZE_MAX)) return false;
  memcpy(buf->data + buf->size, data, size);
  buf->size += size;
  return true;
}

bool lw_buf_append_slice(lw_buf *buf, lw_slice slice) {
  return lw_buf_append(buf, slice.data, slice.size);
}

void lw_buf_drop(lw_buf *buf, size_t size) {
  if (size == 0) return;
  buf->size -= size;
  memmove(buf->data, buf->data + size, buf->size);
}

void lw_buf_free(lw_buf *buf) {
  free(buf->data);
  *buf = (lw_buf){0};
}
