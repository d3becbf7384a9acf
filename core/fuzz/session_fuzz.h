/* What both session targets do: the same bytes in different pieces must mean the same.
 *
 * The input's first byte chooses the configuration, the next two the sizes of the pieces, and the
 * rest is what the peer sends. It is fed whole, then in pieces, and the events of both are
 * compared. What was received is then sent by a session of the other role and must be received
 * again. */
#ifndef LW_FUZZ_SESSION_H
#define LW_FUZZ_SESSION_H

#include <stdlib.h>
#include <string.h>

#include "../proto/mask.h"
#include "../proto/session.h"

#define MUST(condition)                                                                            \
  do {                                                                                             \
    if (!(condition)) abort();                                                                     \
  } while (0)

/* One run: the session and everything it said, in a form that does not depend on the pieces. */
typedef struct fuzz_run {
  const lw_session_config *config;
  lw_deflate_pool *pool;
  lw_session session;
  lw_session sender; /* of the other role */
  lw_buf log;        /* events */
  lw_buf wire;       /* the same events, sent again */
  bool in_chunks;    /* the log ends inside a streamed message */
  bool uses_room;    /* puts what comes where the session has room for it */
  bool closed;
} fuzz_run;

static void fuzz_put(lw_buf *to, const void *data, size_t size) {
  MUST(lw_buf_append(to, data, size));
}

/* A streamed message is its opcode, its bytes and an end, wherever it was cut. */
static void fuzz_log_chunk(fuzz_run *run, const lw_event *event) {
  const uint8_t begin[] = {'<', (uint8_t)event->opcode};
  MUST(event->data.size > 0 || event->final);
  if (!run->in_chunks) fuzz_put(&run->log, begin, sizeof begin);
  fuzz_put(&run->log, event->data.data, event->data.size);
  if (event->final) fuzz_put(&run->log, ">", 1);
  run->in_chunks = !event->final;
}

static void fuzz_log_event(fuzz_run *run, const lw_event *event) {
  const uint8_t begin[] = {(uint8_t)('0' + event->type), (uint8_t)event->opcode,
                           (uint8_t)(event->code >> 8), (uint8_t)event->code};
  const uint32_t size = (uint32_t)event->data.size;
  fuzz_put(&run->log, begin, sizeof begin);
  fuzz_put(&run->log, &size, sizeof size);
  fuzz_put(&run->log, event->data.data, event->data.size);
}

static void fuzz_send_again(fuzz_run *run, const lw_event *event) {
  uint8_t close[LW_CONTROL_MAX];
  lw_slice payload = event->data;
  if (event->type == LW_EVENT_CLOSE) {
    payload = (lw_slice){(char *)close, lw_close_encode(close, event->code, event->data)};
  }
  lw_frame intent = {.opcode = (uint8_t)event->opcode, .fin = true, .length = payload.size};
  memcpy(intent.key, "\x9c\x01\xfe\x7b", sizeof intent.key);
  uint8_t head[LW_FRAME_HEAD_MAX];
  size_t size = lw_session_send(&run->sender, &intent, head);
  MUST(size > 0);
  fuzz_put(&run->wire, head, size);
  fuzz_put(&run->wire, payload.data, payload.size);
  uint8_t *sent = run->wire.data + run->wire.size - payload.size;
  if (run->config->is_server) lw_mask(sent, sent, payload.size, intent.key, 0);
}

static void fuzz_event(fuzz_run *run, const lw_event *event) {
  MUST(!run->closed);
  bool whole = event->type == LW_EVENT_MESSAGE;
  MUST(!whole || event->data.size <= run->config->max_message);
  MUST(event->type != LW_EVENT_PING || event->data.size <= LW_CONTROL_MAX);
  bool is_text = event->opcode == LW_OP_TEXT || event->type == LW_EVENT_CLOSE;
  if (whole && is_text) {
    MUST(lw_utf8_valid((const uint8_t *)event->data.data, event->data.size));
  }
  run->closed = event->type == LW_EVENT_CLOSE;
  if (event->type == LW_EVENT_CHUNK) {
    fuzz_log_chunk(run, event);
  } else {
    fuzz_log_event(run, event);
    fuzz_send_again(run, event);
  }
}

static void fuzz_check_state(const lw_session *s) {
  MUST(lw_session_unread(s) == 0);
  bool idle = s->error != LW_OK || s->close_received || (s->receiving == 0 && !s->in_payload);
  MUST(!idle || (s->message.data == NULL && s->control == NULL));
  MUST(s->message.capacity <= s->config->max_message);
}

static lw_result fuzz_pull(fuzz_run *run, uint8_t *data, size_t size) {
  lw_event event;
  lw_result result;
  lw_session_feed(&run->session, data, size);
  while ((result = lw_session_next(&run->session, &event)) == LW_DONE) fuzz_event(run, &event);
  fuzz_check_state(&run->session);
  return result;
}

/* Feeds what fits into the session's room, if there is any, and returns how much that was. */
static size_t fuzz_fill_room(fuzz_run *run, const uint8_t *data, size_t size) {
  size_t came = run->session.message.size, room;
  uint8_t *place = lw_session_room(&run->session, 1, &room);
  if (place == NULL || size == 0) return 0;
  MUST(room > 0 && room <= run->session.frame.length && room <= run->config->max_message - came);
  if (size > room) size = room;
  memcpy(place, data, size);
  fuzz_pull(run, place, size);
  return size;
}

/* The piece is a block of its own, so that the sanitizer sees any step outside it. */
static lw_result fuzz_feed(fuzz_run *run, const uint8_t *data, size_t size) {
  size_t used = run->uses_room ? fuzz_fill_room(run, data, size) : 0;
  uint8_t *piece = malloc(size - used);
  MUST(size == used || piece != NULL);
  if (size > used) memcpy(piece, data + used, size - used);
  lw_result result = fuzz_pull(run, piece, size - used);
  free(piece);
  return result;
}

static void fuzz_begin(fuzz_run *run, const lw_session_config *config,
                       const lw_session_config *other) {
  *run = (fuzz_run){.config = config};
  lw_session_init(&run->session, config);
  lw_session_init(&run->sender, other);
}

/* What the peer sends may be compressed. */
static void fuzz_use_deflate(fuzz_run *run, bool takeover) {
  static const lw_deflate_options options = {.level = 1, .memory_level = 1, .window_bits = 9};
  const lw_deflate_agreement agreement = {
      .own_bits = 9, .peer_bits = 15, .peer_takeover = takeover};
  run->pool = lw_deflate_pool_new();
  MUST(run->pool != NULL);
  lw_session_use_deflate(&run->session, lw_deflate_new(run->pool, &options, &agreement));
  MUST(run->session.deflate != NULL);
}

static void fuzz_end(fuzz_run *run) {
  lw_session_free(&run->session);
  lw_session_free(&run->sender);
  lw_deflate_pool_free(run->pool);
  lw_buf_free(&run->log);
  lw_buf_free(&run->wire);
}

/* Nothing may come after an error or a close frame. */
static void fuzz_feed_more(fuzz_run *run) {
  const uint8_t server_ping[] = {0x89, 0}, client_ping[] = {0x89, 0x80, 0, 0, 0, 0};
  bool broken = lw_session_error(&run->session) != LW_OK;
  if (!broken && !run->closed) return;
  size_t before = run->log.size;
  lw_result result = run->config->is_server ? fuzz_feed(run, client_ping, sizeof client_ping)
                                            : fuzz_feed(run, server_ping, sizeof server_ping);
  MUST(result == (broken ? LW_BROKEN : LW_MORE) && run->log.size == before);
}

static bool fuzz_begins_with(const lw_buf *text, const lw_buf *beginning) {
  if (beginning->size > text->size) return false;
  return beginning->size == 0 || memcmp(text->data, beginning->data, beginning->size) == 0;
}

/* Both runs said the same. Where streamed text breaks off, smaller pieces show more of it. */
static void fuzz_compare(const fuzz_run *whole, const fuzz_run *pieces) {
  lw_error error = lw_session_error(&whole->session);
  MUST(lw_session_error(&pieces->session) == error);
  MUST(fuzz_begins_with(&pieces->log, &whole->log));
  bool is_text_error = error == LW_E_INVALID_UTF8 || error == LW_E_DEFLATE_DATA;
  bool cut = whole->config->stream_messages && is_text_error;
  MUST(cut || pieces->log.size == whole->log.size);
}

static void fuzz_receive_again(const fuzz_run *run, const lw_session_config *config,
                               const lw_session_config *other) {
  if (config->stream_messages) return; /* its chunks were not sent */
  fuzz_run again;
  fuzz_begin(&again, config, other);
  fuzz_feed(&again, run->wire.data, run->wire.size);
  MUST(lw_session_error(&again.session) == LW_OK);
  MUST(again.log.size == run->log.size && fuzz_begins_with(&again.log, &run->log));
  fuzz_end(&again);
}

/* Two bytes give an endless, varied row of sizes from 1 to 16, with a larger one at times. */
static size_t fuzz_next_size(uint32_t *seed) {
  *seed = *seed * 1664525u + 1013904223u;
  size_t size = (*seed >> 24) % 16 + 1;
  return (*seed >> 16) % 16 == 0 ? size * 40 : size;
}

static void fuzz_session(const uint8_t *data, size_t size, bool is_server) {
  static const uint64_t limits[] = {0, 1, 125, 300, 5000, 70000, 1 << 20, UINT64_MAX};
  if (size < 3) return;
  const lw_session_config config = {.max_message = limits[data[0] & 7],
                                    .is_server = is_server,
                                    .stream_messages = (data[0] & 8) != 0};
  lw_session_config other = config;
  other.is_server = !is_server;
  uint32_t seed = (uint32_t)data[1] << 8 | data[2];
  bool bytes = seed == 0; /* a piece for each byte */
  bool use_deflate = (data[0] & 16) != 0, takeover = (data[0] & 32) != 0;
  bool use_room = (data[0] & 64) != 0;
  data += 3;
  size -= 3;

  fuzz_run whole, pieces;
  fuzz_begin(&whole, &config, &other);
  fuzz_begin(&pieces, &config, &other);
  pieces.uses_room = use_room;
  if (use_deflate) fuzz_use_deflate(&whole, takeover);
  if (use_deflate) fuzz_use_deflate(&pieces, takeover);
  lw_result result = fuzz_feed(&whole, data, size);
  for (size_t at = 0, step; at < size; at += step) {
    step = bytes ? 1 : fuzz_next_size(&seed);
    if (step > size - at) step = size - at;
    lw_result now = fuzz_feed(&pieces, data + at, step);
    MUST(at + step < size || now == result);
  }
  fuzz_compare(&whole, &pieces);
  fuzz_receive_again(&whole, &config, &other);
  fuzz_feed_more(&whole);
  fuzz_feed_more(&pieces);
  fuzz_end(&whole);
  fuzz_end(&pieces);
}

#endif
