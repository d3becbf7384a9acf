/* Close codes and the payload of close frames (RFC 6455 sections 5.5.1 and 7.4). */
#ifndef LW_PROTO_CLOSE_H
#define LW_PROTO_CLOSE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"
#include "frame.h"

typedef enum lw_close_code {
  LW_CLOSE_NORMAL = 1000,
  LW_CLOSE_GOING_AWAY = 1001,
  LW_CLOSE_PROTOCOL_ERROR = 1002,
  LW_CLOSE_UNSUPPORTED_DATA = 1003,
  LW_CLOSE_NO_STATUS = 1005, /* never sent: the peer's close frame had no code */
  LW_CLOSE_ABNORMAL = 1006,  /* never sent: the connection ended without a close frame */
  LW_CLOSE_INVALID_DATA = 1007,
  LW_CLOSE_POLICY_VIOLATION = 1008,
  LW_CLOSE_TOO_BIG = 1009,
  LW_CLOSE_EXTENSION_REQUIRED = 1010,
  LW_CLOSE_INTERNAL_ERROR = 1011,
  LW_CLOSE_SERVICE_RESTART = 1012,
  LW_CLOSE_TRY_AGAIN_LATER = 1013
} lw_close_code;

#define LW_CLOSE_REASON_MAX (LW_CONTROL_MAX - 2) /* bytes */

/* True when the code may stand in a close frame: 1000 to 1003, 1007 to 1014 and 3000 to 4999. */
bool lw_close_code_valid(unsigned code);

/* Reads a close frame's whole payload (at most 125 bytes): *code is LW_CLOSE_NO_STATUS when it is
 * empty, and *reason points into the payload. Returns LW_OK, or the rule that it breaks. */
lw_error lw_close_decode(uint16_t *code, lw_slice *reason, const uint8_t *payload, size_t size);

/* Applies the same rules to the beginning of a payload that is still arriving (complete false):
 * tells at the first byte that no legal payload could have there. */
lw_error lw_close_check(const uint8_t *payload, size_t size, bool complete);

/* Writes the payload and returns its size. LW_CLOSE_NO_STATUS gives an empty payload; a longer
 * reason than LW_CLOSE_REASON_MAX is cut at a character boundary. */
size_t lw_close_encode(uint8_t payload[LW_CONTROL_MAX], uint16_t code, lw_slice reason);

#endif
