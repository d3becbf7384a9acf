#include "frame.h"

#include <string.h>

#define BIT_FIN 0x80
#define BIT_RSV1 0x40
#define BITS_RSV2_RSV3 0x30
#define BITS_OPCODE 0x0f
#define BIT_MASK 0x80
#define BITS_LENGTH 0x7f

/* Values of the seven length bits that announce a longer length field. */
#define LENGTH_16 126
#define LENGTH_64 127

static bool opcode_is_known(uint8_t opcode) {
  return opcode <= LW_OP_BINARY || (opcode >= LW_OP_CLOSE && opcode <= LW_OP_PONG);
}

/* RSV1 marks the first frame of a message only (RFC 7692 section 6). */
static bool reserved_bit(uint8_t first, uint8_t opcode, const lw_frame_rules *rules) {
  if ((first & BITS_RSV2_RSV3) != 0) return true;
  if ((first & BIT_RSV1) == 0) return false;
  return !rules->allow_rsv1 || opcode == LW_OP_CONTINUATION || lw_opcode_is_control(opcode);
}

static lw_error first_byte_error(uint8_t first, const lw_frame_rules *rules) {
  uint8_t opcode = first & BITS_OPCODE;
  if (!opcode_is_known(opcode)) return LW_E_RESERVED_OPCODE;
  if (reserved_bit(first, opcode, rules)) return LW_E_RESERVED_BIT;
  if (lw_opcode_is_control(opcode)) {
    return (first & BIT_FIN) != 0 ? LW_OK : LW_E_FRAGMENTED_CONTROL;
  }
  if (opcode == LW_OP_CONTINUATION) {
    return rules->in_message ? LW_OK : LW_E_UNEXPECTED_CONTINUATION;
  }
  return rules->in_message ? LW_E_EXPECTED_CONTINUATION : LW_OK;
}

static lw_error second_byte_error(uint8_t first, uint8_t second, const lw_frame_rules *rules) {
  bool masked = (second & BIT_MASK) != 0;
  if (masked != rules->from_client) return masked ? LW_E_MASKED : LW_E_UNMASKED;
  uint8_t opcode = first & BITS_OPCODE;
  if (!lw_opcode_is_control(opcode)) return LW_OK;
  uint8_t length = second & BITS_LENGTH;
  if (length > LW_CONTROL_MAX) return LW_E_LONG_CONTROL;
  return opcode == LW_OP_CLOSE && length == 1 ? LW_E_CLOSE_PAYLOAD : LW_OK;
}

/* How many bytes of length follow the second byte. */
static size_t length_size(uint8_t second) {
  switch (second & BITS_LENGTH) {
  case LENGTH_16:
    return 2;
  case LENGTH_64:
    return 8;
  default:
    return 0;
  }
}

static uint64_t read_big_endian(const uint8_t *data, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; i++) value = value << 8 | data[i];
  return value;
}

/* Looks at the first `have` of the `size` bytes of a length field. A 64-bit length is too small for
 * its form as soon as six of its bytes are zero. */
static lw_error length_error(const uint8_t *length, size_t size, size_t have) {
  if (size == 2) {
    return have >= 2 && read_big_endian(length, 2) < LENGTH_16 ? LW_E_LENGTH_NOT_MINIMAL : LW_OK;
  }
  if (have >= 1 && length[0] > 0x7f) return LW_E_LENGTH_TOP_BIT;
  return have >= 6 && read_big_endian(length, 6) == 0 ? LW_E_LENGTH_NOT_MINIMAL : LW_OK;
}

static lw_error head_error(const uint8_t *data, size_t size, const lw_frame_rules *rules) {
  lw_error error = first_byte_error(data[0], rules);
  if (error != LW_OK || size < 2) return error;
  error = second_byte_error(data[0], data[1], rules);
  if (error != LW_OK) return error;
  size_t bytes = length_size(data[1]);
  return bytes == 0 ? LW_OK : length_error(data + 2, bytes, size - 2);
}

/* Fills *frame from a complete and legal head. */
static void read_head(lw_frame *frame, const uint8_t *data, size_t length_bytes) {
  uint8_t first = data[0], second = data[1];
  frame->fin = (first & BIT_FIN) != 0;
  frame->rsv1 = (first & BIT_RSV1) != 0;
  frame->opcode = first & BITS_OPCODE;
  frame->masked = (second & BIT_MASK) != 0;
  frame->length =
      length_bytes == 0 ? second & BITS_LENGTH : read_big_endian(data + 2, length_bytes);
  if (frame->masked) {
    memcpy(frame->key, data + 2 + length_bytes, sizeof frame->key);
  } else {
    memset(frame->key, 0, sizeof frame->key);
  }
}

lw_result lw_frame_decode(lw_frame *frame, size_t *used, const uint8_t *data, size_t size,
                          const lw_frame_rules *rules, lw_error *error) {
  if (size == 0) return LW_MORE;
  *error = head_error(data, size, rules);
  if (*error != LW_OK) return LW_BROKEN;
  if (size < 2) return LW_MORE;
  size_t length_bytes = length_size(data[1]);
  size_t head = 2 + length_bytes + (rules->from_client ? sizeof frame->key : 0);
  if (size < head) return LW_MORE;
  read_head(frame, data, length_bytes);
  *used = head;
  return LW_DONE;
}

size_t lw_frame_decode_whole(lw_frame *frame, const uint8_t *data, size_t size, bool from_client) {
  if (size < 2) return 0;
  uint8_t opcode = data[0] ^ BIT_FIN, length = data[1] ^ (from_client ? BIT_MASK : 0);
  if ((opcode != LW_OP_TEXT && opcode != LW_OP_BINARY) || length > LENGTH_16) return 0;
  size_t length_bytes = length_size(length);
  size_t head = 2 + length_bytes + (from_client ? sizeof frame->key : 0);
  if (size < head) return 0;
  read_head(frame, data, length_bytes);
  bool is_minimal = length_bytes == 0 || frame->length >= LENGTH_16;
  return is_minimal && size - head >= frame->length ? head : 0;
}

static void write_big_endian(uint8_t *to, uint64_t value, size_t size) {
  for (size_t i = size; i-- > 0; value >>= 8) to[i] = (uint8_t)value;
}

/* Writes the length after the first byte of the head and returns the size of both. */
static size_t write_length(uint8_t *head, uint64_t length) {
  if (length < LENGTH_16) {
    head[1] = (uint8_t)length;
    return 2;
  }
  size_t bytes = length <= UINT16_MAX ? 2 : 8;
  head[1] = bytes == 2 ? LENGTH_16 : LENGTH_64;
  write_big_endian(head + 2, length, bytes);
  return 2 + bytes;
}

size_t lw_frame_encode(uint8_t head[LW_FRAME_HEAD_MAX], const lw_frame *frame) {
  head[0] = (uint8_t)((frame->fin ? BIT_FIN : 0) | (frame->rsv1 ? BIT_RSV1 : 0) | frame->opcode);
  size_t size = write_length(head, frame->length);
  if (!frame->masked) return size;
  head[1] |= BIT_MASK;
  memcpy(head + size, frame->key, sizeof frame->key);
  return size + sizeof frame->key;
}
