/* What a session lets out (RFC 6455 sections 5.4, 5.5 and 5.5.1). */
#include "session.h"

static bool may_send_control(const lw_frame *frame) {
  return frame->fin && !frame->rsv1 && frame->length <= LW_CONTROL_MAX;
}

static bool may_send_data(const lw_session *s, const lw_frame *frame) {
  bool is_first = frame->opcode != LW_OP_CONTINUATION;
  bool may_rsv1 = is_first && s->deflate != NULL;
  return is_first == (s->sending == 0) && (!frame->rsv1 || may_rsv1);
}

bool lw_session_may_send(const lw_session *s, const lw_frame *frame) {
  if (s->close_sent || frame->length > INT64_MAX) return false;
  switch (frame->opcode) {
  case LW_OP_CLOSE:
  case LW_OP_PING:
  case LW_OP_PONG:
    return may_send_control(frame);
  case LW_OP_CONTINUATION:
  case LW_OP_TEXT:
  case LW_OP_BINARY:
    return may_send_data(s, frame);
  default:
    return false;
  }
}

size_t lw_session_send(lw_session *s, const lw_frame *intent, uint8_t head[LW_FRAME_HEAD_MAX]) {
  if (!lw_session_may_send(s, intent)) return 0;
  lw_frame frame = *intent;
  frame.masked = !s->config->is_server;
  if (frame.opcode == LW_OP_CLOSE) {
    s->close_sent = true;
  } else if (!lw_opcode_is_control(frame.opcode)) {
    if (frame.opcode != LW_OP_CONTINUATION) s->sending = frame.opcode;
    if (frame.fin) s->sending = 0;
  }
  return lw_frame_encode(head, &frame);
}
