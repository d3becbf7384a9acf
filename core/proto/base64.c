#include "base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* The last one or two bytes: what is missing to three counts as zero and is shown by padding. */
static void encode_rest(char *to, const uint8_t *data, size_t size) {
  unsigned bits = (unsigned)data[0] << 16;
  if (size == 2) bits |= (unsigned)data[1] << 8;
  to[0] = digits[bits >> 18];
  to[1] = digits[bits >> 12 & 63];
  to[2] = size == 2 ? digits[bits >> 6 & 63] : '=';
  to[3] = '=';
}

void lw_base64_encode(char *to, const uint8_t *data, size_t size) {
  while (size >= 3) {
    unsigned bits = (unsigned)data[0] << 16 | (unsigned)data[1] << 8 | data[2];
    to[0] = digits[bits >> 18];
    to[1] = digits[bits >> 12 & 63];
    to[2] = digits[bits >> 6 & 63];
    to[3] = digits[bits & 63];
    to += 4;
    data += 3;
    size -= 3;
  }
  if (size > 0) encode_rest(to, data, size);
}

/* The six bits that a character stands for, or -1. */
static int value_of(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  if (c == '/') return 63;
  return -1;
}

bool lw_base64_is_encoding_of(size_t bytes, const char *text, size_t size) {
  /* Compared in groups of four, because LW_BASE64_SIZE could overflow. */
  if (size % 4 != 0 || size / 4 != bytes / 3 + (bytes % 3 != 0)) return false;
  if (size == 0) return true;
  size_t padding = bytes % 3 == 0 ? 0 : 3 - bytes % 3;
  int value = 0;
  for (size_t i = 0; i < size - padding; i++) {
    value = value_of(text[i]);
    if (value < 0) return false;
  }
  for (size_t i = size - padding; i < size; i++) {
    if (text[i] != '=') return false;
  }
  int unused = padding == 0 ? 0 : padding == 1 ? 3 : 15;
  return (value & unused) == 0;
}
