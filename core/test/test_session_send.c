/* The way out of a session. */
#include <string.h>

#include "../proto/session.h"
#include "test.h"

static const lw_session_config server = {.max_message = 1000, .is_server = true};
static const lw_session_config client = {.max_message = 1000};

static size_t send_frame(lw_session *s, lw_opcode opcode, bool fin, uint64_t length) {
  lw_frame intent = {.opcode = (uint8_t)opcode, .fin = fin, .length = length};
  uint8_t head[LW_FRAME_HEAD_MAX];
  return lw_session_send(s, &intent, head);
}

TEST(sends_what_the_state_allows) {
  lw_session s;
  lw_session_init(&s, &server);
  CHECK_INT(send_frame(&s, LW_OP_CONTINUATION, true, 0), 0);
  CHECK_INT(send_frame(&s, LW_OP_TEXT, true, 0), 2);
  CHECK_INT(send_frame(&s, LW_OP_BINARY, true, 65536), 10);
  CHECK_INT(send_frame(&s, LW_OP_TEXT, false, 126), 4);
  CHECK_INT(send_frame(&s, LW_OP_TEXT, true, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_BINARY, false, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_PING, true, 125), 2);
  CHECK_INT(send_frame(&s, LW_OP_PING, true, 126), 0);
  CHECK_INT(send_frame(&s, LW_OP_PONG, false, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_CLOSE, false, 2), 0);
  CHECK_INT(send_frame(&s, (lw_opcode)3, true, 1), 0);
  CHECK_INT(send_frame(&s, (lw_opcode)11, true, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_CONTINUATION, false, 1), 2);
  CHECK_INT(send_frame(&s, LW_OP_CONTINUATION, true, 1), 2);
  CHECK_INT(send_frame(&s, LW_OP_CONTINUATION, true, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_CLOSE, true, 2), 2);
  CHECK_INT(send_frame(&s, LW_OP_TEXT, true, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_PONG, true, 1), 0);
  CHECK_INT(send_frame(&s, LW_OP_CLOSE, true, 2), 0);
}

TEST(the_role_decides_who_masks) {
  lw_session s;
  lw_frame intent = {.opcode = LW_OP_TEXT, .fin = true, .length = 5, .key = {1, 2, 3, 4}};
  uint8_t head[LW_FRAME_HEAD_MAX];
  lw_session_init(&s, &client);
  CHECK_INT(lw_session_send(&s, &intent, head), 6);
  CHECK(memcmp(head, "\x81\x85\x01\x02\x03\x04", 6) == 0);
  lw_session_init(&s, &server);
  intent.masked = true;
  CHECK_INT(lw_session_send(&s, &intent, head), 2);
  CHECK(memcmp(head, "\x81\x05", 2) == 0);
  intent.rsv1 = true;
  CHECK_INT(lw_session_send(&s, &intent, head), 0);
  intent.rsv1 = false;
  intent.length = UINT64_C(1) << 63;
  CHECK_INT(lw_session_send(&s, &intent, head), 0);
}

int main(void) {
  RUN(sends_what_the_state_allows);
  RUN(the_role_decides_who_masks);
  return test_end();
}
