/* Output: from a script's intent to the transport.
 *
 * What is sent is gathered in conn->out until the connection settles, so that a batch leaves in one
 * write. While the transport keeps what the kernel did not take (is_writing), gathering goes on. */
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "member.h"
#include "server.h"

/* Pings are answered one by one while less than this waits, and by the latest only above it
 * (RFC 6455 section 5.5.3), so that a peer that never reads cannot make us hoard pongs. */
#define PONG_SIZE_MAX (16 * 1024)

lw_out *lw__conn_gather(lw_conn *conn) {
  lw__loop_unsettle(conn->loop, conn);
  if (conn->out != NULL) return conn->out;
  lw_out *out = lw_out_take(conn->loop->net.outs);
  conn->out = out;
  if (out == NULL || conn->member == NULL) return out;
  return lw__member_move_range(conn->member, out) ? out : NULL;
}

bool lw__conn_write(lw_conn *conn, const void *data, size_t size) {
  lw_out *out = lw__conn_gather(conn);
  return out != NULL && lw_out_copy(out, data, size);
}

/* What was published to it and nothing else is to be written. */
static bool has_range(const lw_conn *conn) {
  return conn->member != NULL && conn->member->block != NULL;
}

void lw__conn_flush(lw_conn *conn) {
  if (conn->is_writing || conn->io == NULL) return;
  if (has_range(conn) && lw__conn_gather(conn) == NULL) {
    lw__conn_finish_uv(conn, UV_ENOMEM);
    return;
  }
  if (conn->out != NULL) {
    lw_out *out = conn->out;
    conn->out = NULL;
    int result = lw_transport_write(conn->io, out);
    if (result < 0) {
      if (conn->state == LW_CLOSED) lw__conn_close_transport(conn);
      lw__conn_finish_uv(conn, result);
      return;
    }
    conn->is_writing = result == 0;
  }
  /* The server ends TCP first (RFC 6455 section 7.1.1); a client waits for that. */
  bool ends_first = conn->is_lingering && conn->is_server;
  if (ends_first && !conn->is_writing && !conn->has_shut_down) {
    conn->has_shut_down = true;
    bool over = lw_transport_shutdown(conn->io) != 0 || conn->peer_ended;
    if (over) lw__conn_close_transport(conn);
  }
}

void lw__conn_flush_full(lw_conn *conn) {
  if (conn->out != NULL && lw_out_size(conn->out) >= LW_FLUSH_SIZE) lw__conn_flush(conn);
}

/* --- frames --- */

static bool begins_message(const lw_outgoing *message) {
  return !message->fragment || message->first;
}

bool lw__outgoing_is_text(const lw_outgoing *message, lw_utf8 *state) {
  for (size_t i = 0; i < message->part_count; i++) {
    const lw_part *part = &message->parts[i];
    if (!lw_utf8_check(state, part->data, part->size)) return false;
  }
  return true;
}

/* The state is that behind what was sent of the message so far, and then behind this as well. */
static bool text_is_valid(const lw_outgoing *message, lw_utf8 *state) {
  bool ends = !message->fragment || message->final;
  return lw__outgoing_is_text(message, state) && (!ends || *state == 0);
}

static bool has_pinned(const lw_outgoing *message) {
  for (size_t i = 0; i < message->part_count; i++) {
    if (message->parts[i].pinned) return true;
  }
  return false;
}

/* Copies the parts side by side and returns where they end. */
static uint8_t *copy_parts(uint8_t *to, const lw_outgoing *message) {
  const lw_part *part = message->parts;
  for (size_t left = message->part_count; left > 0; left--, part++) {
    if (part->size > 0) memcpy(to, part->data, part->size);
    to += part->size;
  }
  return to;
}

static uint8_t *mask_parts(uint8_t *to, const lw_outgoing *message, const uint8_t *key) {
  size_t offset = 0;
  for (size_t i = 0; i < message->part_count; i++) {
    const lw_part *part = &message->parts[i];
    lw_mask(to + offset, part->data, part->size, key, offset);
    offset += part->size;
  }
  return to + offset;
}

/* Appends the parts, as references where they are pinned. False when out of memory. */
static bool append_parts(lw_out *out, const lw_outgoing *message) {
  for (size_t i = 0; i < message->part_count; i++) {
    lw_part *part = &message->parts[i];
    if (!part->pinned) {
      if (!lw_out_copy(out, part->data, part->size)) return false;
      continue;
    }
    lw_out_owner owner = {message->release, message->context, part->token};
    if (!lw_out_reference(out, part->data, part->size, &owner)) return false;
    part->pinned = false; /* the output releases it now */
  }
  return true;
}

bool lw__conn_append(lw_conn *conn, const lw_outgoing *message) {
  lw_out *out = lw__conn_gather(conn);
  return out != NULL && append_parts(out, message);
}

void lw__outgoing_release(const lw_outgoing *message) {
  for (size_t i = 0; i < message->part_count; i++) {
    lw_part *part = &message->parts[i];
    if (part->pinned) message->release(message->context, part->token);
    part->pinned = false;
  }
}

lw_send_result lw__conn_out_of_memory(lw_conn *conn) {
  lw__conn_finish_uv(conn, UV_ENOMEM);
  return LW_SEND_NOMEM;
}

lw_send_result lw__conn_send_frame(lw_conn *conn, lw_frame *frame, const lw_outgoing *message) {
  bool masks = !conn->is_server;
  if (masks && !lw__loop_mask(conn->loop, frame->key)) return LW_SEND_RANDOM;
  lw_out *out = lw__conn_gather(conn);
  if (out == NULL) return lw__conn_out_of_memory(conn);
  bool refers = frame->length >= LW_PIN_MIN && !masks && has_pinned(message);
  uint8_t *head = lw_out_reserve(out, LW_FRAME_HEAD_MAX + (refers ? 0 : (size_t)frame->length));
  if (head == NULL) return lw__conn_out_of_memory(conn);
  size_t head_size = lw_session_send(&conn->session, frame, head);
  if (head_size == 0) return LW_SEND_ORDER;
  uint8_t *end = head + head_size;
  if (masks) {
    end = mask_parts(end, message, frame->key);
  } else if (!refers) {
    end = copy_parts(end, message);
  }
  lw_out_commit(out, (size_t)(end - head));
  return !refers || append_parts(out, message) ? LW_SEND_OK : lw__conn_out_of_memory(conn);
}

/* --- messages --- */

size_t lw__outgoing_size(const lw_outgoing *message) {
  size_t size = 0;
  for (size_t i = 0; i < message->part_count; i++) size += message->parts[i].size;
  return size;
}

lw_send_result lw__conn_too_slow(lw_conn *conn) {
  static const char reason[] = "the peer reads too slowly: max_buffered was reached";
  if (conn->settings->limits.drop_when_slow) return LW_SEND_DROPPED;
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, reason, sizeof reason - 1, false);
  return LW_SEND_FULL;
}

static void count_message_out(lw_conn *conn, size_t size, bool final) {
  lw__conn_active(conn);
  lw_server *server = conn->settings->server;
  if (server == NULL) return;
  server->stats.messages_out += final;
  server->stats.bytes_out += size;
}

/* From now on the message is unsent, and no longer once its last byte is written. False when out of
 * memory. */
static bool count_unsent(lw_conn *conn, const lw_outgoing *message, bool final) {
  if (final && !lw_out_mark(conn->out, &conn->unsent)) return false;
  conn->unsent += begins_message(message);
  return true;
}

/* Too much was gathered to wait. If writing it ends the connection, the message was not accepted
 * after all. */
static bool flush_much(lw_conn *conn, const lw_outgoing *message) {
  lw__conn_flush(conn);
  if (conn->state == LW_OPEN) return true;
  conn->unsent -= begins_message(message);
  return false;
}

static lw_frame frame_of(const lw_outgoing *message, size_t size) {
  lw_frame frame = {.length = size, .fin = !message->fragment || message->final};
  frame.opcode = begins_message(message) ? (uint8_t)message->kind : LW_OP_CONTINUATION;
  return frame;
}

lw_send_result lw__conn_accepted(lw_conn *conn) {
  if (lw_conn_buffered(conn) <= conn->settings->limits.high_water) return LW_SEND_OK;
  conn->is_slow = true;
  return LW_SEND_SLOW;
}

static lw_send_result send_message(lw_conn *conn, const lw_outgoing *message) {
  const lw_limits *limits = &conn->settings->limits;
  if (conn->state != LW_OPEN) return LW_SEND_CLOSED;
  lw_utf8 state = begins_message(message) ? 0 : conn->sending_utf8;
  if (message->kind == LW_TEXT && !text_is_valid(message, &state)) return LW_SEND_UTF8;
  size_t size = lw__outgoing_size(message);
  size_t buffered = lw_conn_buffered(conn);
  if (buffered > 0 && buffered + size > limits->max_buffered) return lw__conn_too_slow(conn);

  lw_frame frame = frame_of(message, size);
  lw_send_result result = conn->session.deflate == NULL
                              ? lw__conn_send_frame(conn, &frame, message)
                              : lw__conn_send_deflated(conn, &frame, message);
  if (result != LW_SEND_OK) return result;
  if (message->fragment) conn->sending_utf8 = state;
  if (!count_unsent(conn, message, frame.fin)) return lw__conn_out_of_memory(conn);
  count_message_out(conn, size, frame.fin);
  /* What was published meanwhile waited for the end of the fragmented message. */
  bool ends = message->fragment && message->final;
  if (ends && conn->member != NULL && !lw__member_send_held(conn->member, false))
    return lw__conn_out_of_memory(conn);
  bool is_much = lw_out_size(conn->out) >= LW_FLUSH_SIZE;
  if (is_much && !flush_much(conn, message)) return LW_SEND_CLOSED;
  return lw__conn_accepted(conn);
}

lw_send_result lw_conn_send(lw_conn *conn, const lw_outgoing *message) {
  lw_send_result result = send_message(conn, message);
  lw__outgoing_release(message);
  return result;
}

/* --- control frames --- */

static lw_send_result send_control(lw_conn *conn, lw_opcode opcode, const void *data, size_t size) {
  lw_part part = {.data = data, .size = size};
  lw_outgoing payload = {.parts = &part, .part_count = size > 0};
  lw_frame frame = {.opcode = (uint8_t)opcode, .fin = true, .length = size};
  return lw__conn_send_frame(conn, &frame, &payload);
}

lw_send_result lw_conn_ping(lw_conn *conn, const void *data, size_t size) {
  if (conn->state != LW_OPEN) return LW_SEND_CLOSED;
  if (size > LW_CONTROL_MAX) return LW_SEND_TOO_LONG;
  if (lw_conn_buffered(conn) > conn->settings->limits.max_buffered) return lw__conn_too_slow(conn);
  uint64_t now_us = uv_hrtime() / 1000;
  /* Without a payload of the script's own the ping carries the time, which measures the way. */
  if (size == 0) {
    conn->ping_us = now_us;
    data = &now_us;
    size = sizeof now_us;
  }
  return send_control(conn, LW_OP_PING, data, size);
}

void lw__conn_pong(lw_conn *conn, const char *data, size_t size) {
  if (lw_conn_buffered(conn) <= PONG_SIZE_MAX && !conn->wants_pong) {
    send_control(conn, LW_OP_PONG, data, size);
    return;
  }
  if (conn->pong == NULL) conn->pong = malloc(1 + LW_CONTROL_MAX);
  if (conn->pong == NULL) return; /* a pong may be left out; the next ping asks again */
  conn->pong[0] = (uint8_t)size;
  memcpy(conn->pong + 1, data, size);
  conn->wants_pong = true;
}

void lw__conn_send_waiting_pong(lw_conn *conn) {
  if (conn->state != LW_OPEN || lw_conn_buffered(conn) > PONG_SIZE_MAX) return;
  conn->wants_pong = false;
  send_control(conn, LW_OP_PONG, conn->pong + 1, conn->pong[0]);
  free(conn->pong);
  conn->pong = NULL;
  lw__conn_flush(conn);
}

void lw__conn_send_close(lw_conn *conn, unsigned code, const char *reason, size_t size) {
  uint8_t payload[LW_CONTROL_MAX];
  if (conn->state != LW_OPEN) return; /* before, there are no frames; after, it was sent already */
  size_t length = lw_close_encode(payload, (uint16_t)code, (lw_slice){reason, size});
  send_control(conn, LW_OP_CLOSE, payload, length);
}

const char *lw_send_error(lw_send_result result, const char **code) {
  static const struct {
    const char *code, *text;
  } errors[] = {
      [-LW_SEND_CLOSED] = {"CLOSED", "the connection is not open"},
      [-LW_SEND_DROPPED] = {"DROPPED",
                            "dropped: max_buffered is reached, the peer reads too slowly"},
      [-LW_SEND_FULL] = {"SLOW", "closed: max_buffered is reached, the peer reads too slowly"},
      [-LW_SEND_UTF8] = {"INVALID_UTF8", "a text message must be valid UTF-8: send this with kind "
                                         "\"binary\""},
      [-LW_SEND_ORDER] = {"STREAM_OPEN", "a streamed message is not finished yet: finish it first"},
      [-LW_SEND_NOMEM] = {"NOMEM", "out of memory"},
      [-LW_SEND_RANDOM] = {"RANDOM", "the system has no randomness to give"},
      [-LW_SEND_TOO_LONG] = {"TOO_LONG", "the payload of a ping must not be over 125 bytes"},
      [-LW_SEND_TOPIC_TOO_LONG] = {"TOPIC_TOO_LONG", "a topic or key must not be over 255 bytes"},
      [-LW_SEND_TOO_MANY_TOPICS] = {"TOO_MANY_TOPICS", "the connection has as many topics as "
                                                       "max_topics allows: unsubscribe from some"},
      [-LW_SEND_EXCESS] = {"EXCESS", "the answer's body is longer than its Content-Length"},
  };
  *code = errors[-result].code;
  return errors[-result].text;
}
