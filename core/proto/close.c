#include "close.h"

#include <string.h>

#include "utf8.h"

bool lw_close_code_valid(unsigned code) {
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014) ||
         (code >= 3000 && code <= 4999);
}

static uint16_t read_code(const uint8_t *payload) {
  return (uint16_t)(payload[0] << 8 | payload[1]);
}

lw_error lw_close_check(const uint8_t *payload, size_t size, bool complete) {
  if (size == 0) return LW_OK;
  if (size == 1) return complete ? LW_E_CLOSE_PAYLOAD : LW_OK;
  if (!lw_close_code_valid(read_code(payload))) return LW_E_CLOSE_CODE;
  lw_utf8 state = 0;
  if (!lw_utf8_check(&state, payload + 2, size - 2)) return LW_E_CLOSE_UTF8;
  return complete && state != 0 ? LW_E_CLOSE_UTF8 : LW_OK;
}

lw_error lw_close_decode(uint16_t *code, lw_slice *reason, const uint8_t *payload, size_t size) {
  lw_error error = lw_close_check(payload, size, true);
  if (error != LW_OK) return error;
  *code = size == 0 ? LW_CLOSE_NO_STATUS : read_code(payload);
  *reason = size == 0 ? LW_SLICE("") : (lw_slice){(const char *)payload + 2, size - 2};
  return LW_OK;
}

static bool begins_character(char byte) {
  return ((unsigned char)byte & 0xc0) != 0x80;
}

/* The size of the longest beginning that fits and does not cut a character. */
static size_t fitting_size(lw_slice reason) {
  if (reason.size <= LW_CLOSE_REASON_MAX) return reason.size;
  size_t size = LW_CLOSE_REASON_MAX;
  while (size > 0 && !begins_character(reason.data[size])) size--;
  return size;
}

size_t lw_close_encode(uint8_t payload[LW_CONTROL_MAX], uint16_t code, lw_slice reason) {
  if (code == LW_CLOSE_NO_STATUS) return 0;
  payload[0] = (uint8_t)(code >> 8);
  payload[1] = (uint8_t)code;
  size_t size = fitting_size(reason);
  if (size > 0) memcpy(payload + 2, reason.data, size);
  return 2 + size;
}
