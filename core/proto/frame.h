/* The frame head: two to fourteen bytes before each payload (RFC 6455 section 5.2). */
#ifndef LW_PROTO_FRAME_H
#define LW_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "error.h"

/* RFC 6455 section 11.8. */
typedef enum lw_opcode {
  LW_OP_CONTINUATION = 0,
  LW_OP_TEXT = 1,
  LW_OP_BINARY = 2,
  LW_OP_CLOSE = 8,
  LW_OP_PING = 9,
  LW_OP_PONG = 10
} lw_opcode;

#define LW_FRAME_HEAD_MAX 14
#define LW_CONTROL_MAX 125 /* bytes of payload of a control frame, RFC 6455 section 5.5 */

static inline bool lw_opcode_is_control(lw_opcode opcode) {
  return opcode >= LW_OP_CLOSE;
}

typedef struct lw_frame {
  uint64_t length; /* of the payload, in bytes */
  uint8_t key[4];  /* the masking key, when masked */
  uint8_t opcode;  /* lw_opcode; after lw_frame_decode never a reserved one */
  bool fin;        /* the last frame of its message */
  bool rsv1;       /* RSV1: "compressed" under permessage-deflate (RFC 7692 section 6) */
  bool masked;
} lw_frame;

/* What the receiver knows and the head alone does not say. */
typedef struct lw_frame_rules {
  bool from_client; /* frames must be masked, else they must not be (section 5.1) */
  bool allow_rsv1;  /* an extension that uses RSV1 was agreed */
  bool in_message;  /* a message is open: data frames must be continuations (section 5.4) */
} lw_frame_rules;

/* Decodes the head that begins at data[0]. LW_DONE sets *frame and *used (bytes of the head).
 * LW_MORE: the head is not complete, but nothing in it is illegal yet. LW_BROKEN sets *error; it
 * comes at the first byte that breaks a rule, whatever follows. Keeps no state: call it again with
 * the same bytes and more. */
lw_result lw_frame_decode(lw_frame *frame, size_t *used, const uint8_t *data, size_t size,
                          const lw_frame_rules *rules, lw_error *error);

/* The short way for what most frames are: a whole message, text or binary, not compressed, shorter
 * than 64 KiB and all of it there. Fills *frame and returns the size of the head. 0: the frame is
 * something else, legal or not, and lw_frame_decode tells. */
size_t lw_frame_decode_whole(lw_frame *frame, const uint8_t *data, size_t size, bool from_client);

/* Writes the head, its length in the shortest form, and returns its size. */
size_t lw_frame_encode(uint8_t head[LW_FRAME_HEAD_MAX], const lw_frame *frame);

#endif
