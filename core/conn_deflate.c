/* permessage-deflate on a connection: agreeing on it, and compressing what is sent. What is
 * received is inflated by the session. */
#include <stdlib.h>

#include "conn.h"

#define PARTS_ON_STACK 16

lw_deflate_options lw__deflate_options(const lw_compression *c) {
  return (lw_deflate_options){.threshold = c->threshold,
                              .level = c->level,
                              .memory_level = c->memory_level,
                              .window_bits = c->window_bits,
                              .peer_window_bits = c->peer_window_bits,
                              .takeover = c->takeover};
}

bool lw__conn_agree_on_deflate(lw_conn *conn, const lw_deflate_agreement *agreement) {
  lw_loop *loop = conn->loop;
  if (loop->deflate_pool == NULL) loop->deflate_pool = lw_deflate_pool_new();
  if (loop->deflate_pool == NULL) return false;
  lw_deflate_free(conn->session.deflate); /* of an acceptance that lacked memory later */
  lw_deflate *deflate = lw_deflate_new(loop->deflate_pool, &conn->settings->deflate, agreement);
  lw_session_use_deflate(&conn->session, deflate); /* it waits there for the opening */
  conn->deflate = *agreement;
  return deflate != NULL;
}

size_t lw_conn_extensions(const lw_conn *conn, char text[LW_EXTENSIONS_MAX]) {
  _Static_assert(LW_EXTENSIONS_MAX >= LW_DEFLATE_TEXT_MAX, "the one extension fits");
  if (conn->deflate.own_bits == 0) return 0;
  return lw_deflate_write_answer(text, &conn->deflate, conn->is_server);
}

/* --- sending --- */

/* Whether this frame is to be compressed. The first frame of a message decides for all of it. */
static bool wants_deflate(const lw_deflate *deflate, const lw_frame *frame,
                          const lw_outgoing *message) {
  if (message->fragment && !message->first) return lw_deflate_is_streaming(deflate);
  if (message->uncompressed) return false;
  bool whole = frame->fin;
  return whole ? lw_deflate_wants(deflate, (size_t)frame->length) : lw_deflate_may_stream(deflate);
}

static lw_deflate_result deflate_slices(lw_conn *conn, const lw_frame *frame,
                                        const lw_slice *slices, size_t count, lw_slice *payload) {
  lw_deflate *deflate = conn->session.deflate;
  if (frame->fin && frame->opcode != LW_OP_CONTINUATION) {
    return lw_deflate_message(deflate, slices, count, payload);
  }
  return lw_deflate_fragment(deflate, slices, count, frame->fin, payload);
}

static lw_deflate_result deflate_parts(lw_conn *conn, const lw_frame *frame,
                                       const lw_outgoing *message, lw_slice *payload) {
  lw_slice few[PARTS_ON_STACK], *slices = few;
  size_t count = message->part_count;
  if (count > PARTS_ON_STACK) slices = calloc(count, sizeof *slices);
  if (slices == NULL) return LW_DEFLATE_NOMEM;
  for (size_t i = 0; i < count; i++) {
    slices[i] = (lw_slice){message->parts[i].data, message->parts[i].size};
  }
  lw_deflate_result result = deflate_slices(conn, frame, slices, count, payload);
  if (slices != few) free(slices);
  return result;
}

/* Once something was compressed, the peer must get it or its window differs from ours: a frame that
 * cannot be sent then ends the connection. */
static lw_send_result send_deflated(lw_conn *conn, lw_frame *frame, lw_slice payload) {
  lw_part part = {.data = payload.data, .size = payload.size};
  lw_outgoing compressed = {.parts = &part, .part_count = 1};
  frame->rsv1 = frame->opcode != LW_OP_CONTINUATION;
  frame->length = payload.size;
  lw_send_result result = lw__conn_send_frame(conn, frame, &compressed);
  if (result != LW_SEND_OK) lw_conn_abort(conn, LW_CLOSE_INTERNAL_ERROR, "a frame was lost");
  return result;
}

lw_send_result lw__conn_send_deflated(lw_conn *conn, lw_frame *frame, const lw_outgoing *message) {
  lw_slice payload;
  if (!wants_deflate(conn->session.deflate, frame, message)) {
    return lw__conn_send_frame(conn, frame, message);
  }
  if (!lw_session_may_send(&conn->session, frame)) return LW_SEND_ORDER;
  switch (deflate_parts(conn, frame, message, &payload)) {
  case LW_DEFLATED:
    return send_deflated(conn, frame, payload);
  case LW_DEFLATE_PLAIN:
    return lw__conn_send_frame(conn, frame, message);
  case LW_DEFLATE_NOMEM:
    break;
  }
  lw__conn_finish_uv(conn, UV_ENOMEM);
  return LW_SEND_NOMEM;
}
