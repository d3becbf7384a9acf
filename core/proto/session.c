#include "session.h"

#include <stdlib.h>
#include <string.h>

#include "mask.h"

/* Compressed bytes that are unmasked at once: most messages, and little to mask again where they
 * hold very much text. */
#define INFLATE_STEP ((size_t)64 * 1024)

/* Bytes from which on a message is worth the spare: allocators have smaller blocks at hand. */
#define LARGE ((size_t)64 * 1024)

void lw_session_init(lw_session *s, const lw_session_config *config) {
  memset(s, 0, sizeof *s);
  s->config = config;
}

static void free_message(lw_session *s) {
  if (s->config != NULL) lw_spare_take_back(s->config->spare, &s->message);
}

static void free_control(lw_session *s) {
  free(s->control);
  s->control = NULL;
  s->control_size = 0;
}

void lw_session_use_deflate(lw_session *s, lw_deflate *deflate) {
  s->deflate = deflate;
}

/* Nothing is received any more. */
static void drop_input(lw_session *s) {
  free_message(s);
  free_control(s);
  if (s->deflate != NULL) lw_inflate_stop(s->deflate);
  s->is_inflating = false;
  s->input = NULL;
  s->input_size = 0;
}

void lw_session_free(lw_session *s) {
  drop_input(s);
  lw_deflate_free(s->deflate);
  s->deflate = NULL;
}

/* Whatever comes now is dropped. */
static bool is_deaf(const lw_session *s) {
  return s->error != LW_OK || s->close_received;
}

void lw_session_feed(lw_session *s, uint8_t *data, size_t size) {
  s->input = data;
  s->input_size = is_deaf(s) ? 0 : size;
}

size_t lw_session_unread(const lw_session *s) {
  return s->input_size;
}

bool lw_session_has_output(const lw_session *s) {
  return s->is_inflating;
}

lw_error lw_session_error(const lw_session *s) {
  return (lw_error)s->error;
}

static lw_result fail(lw_session *s, lw_error error) {
  drop_input(s);
  s->error = (uint8_t)error;
  return LW_BROKEN;
}

static size_t smaller(uint64_t a, size_t b) {
  return a < b ? (size_t)a : b;
}

static void consume(lw_session *s, size_t size) {
  s->input += size;
  s->input_size -= size;
}

/* --- heads --- */

/* Applies to a new data frame what its head alone tells about the message. */
static lw_error begin_data(lw_session *s) {
  if (s->frame.opcode != LW_OP_CONTINUATION) {
    s->receiving = s->frame.opcode;
    s->is_deflated = s->frame.rsv1;
    s->utf8 = 0;
  }
  if (s->config->stream_messages || s->is_deflated) return LW_OK;
  /* Everything before this frame was gathered, so this is the size of the message so far. */
  uint64_t room = s->config->max_message - s->message.size;
  return s->frame.length > room ? LW_E_MESSAGE_TOO_BIG : LW_OK;
}

static lw_result decode_head(lw_session *s, const uint8_t *data, size_t size, size_t *used) {
  const lw_frame_rules rules = {.from_client = s->config->is_server,
                                .allow_rsv1 = s->deflate != NULL,
                                .in_message = s->receiving != 0};
  lw_error error = LW_OK;
  lw_result result = lw_frame_decode(&s->frame, used, data, size, &rules, &error);
  return result == LW_BROKEN ? fail(s, error) : result;
}

/* Decodes straight from the input. A head that is cut off there waits in s->head. */
static lw_result read_whole_head(lw_session *s) {
  size_t used = 0;
  lw_result result = decode_head(s, s->input, s->input_size, &used);
  if (result == LW_MORE) {
    used = s->input_size;
    memcpy(s->head, s->input, used);
    s->head_size = (uint8_t)used;
  }
  if (result != LW_BROKEN) consume(s, used);
  return result;
}

/* Goes on with a head that began in an earlier piece. */
static lw_result read_split_head(lw_session *s) {
  size_t before = s->head_size;
  size_t more = smaller(s->input_size, LW_FRAME_HEAD_MAX - before);
  size_t used = before + more;
  memcpy(s->head + before, s->input, more);
  lw_result result = decode_head(s, s->head, used, &used);
  if (result == LW_BROKEN) return result;
  s->head_size = result == LW_MORE ? (uint8_t)used : 0;
  consume(s, used - before);
  return result;
}

static lw_result read_head(lw_session *s) {
  lw_result result = s->head_size == 0 ? read_whole_head(s) : read_split_head(s);
  if (result != LW_DONE) return result;
  s->in_payload = true;
  lw_error error = lw_opcode_is_control(s->frame.opcode) ? LW_OK : begin_data(s);
  return error == LW_OK ? LW_DONE : fail(s, error);
}

/* --- payloads --- */

/* The next payload byte meets the key at this place. */
static void turn_key(uint8_t key[4], size_t size) {
  const uint8_t old[4] = {key[0], key[1], key[2], key[3]};
  for (size_t i = 0; i < 4; i++) key[i] = old[(size + i) & 3];
}

/* Consumes and unmasks what the input holds of the payload, in place. */
static lw_slice take_payload(lw_session *s) {
  size_t size = smaller(s->frame.length, s->input_size);
  uint8_t *data = s->input;
  if (s->frame.masked) lw_mask(data, data, size, s->frame.key, 0);
  consume(s, size);
  s->frame.length -= size;
  if (s->frame.length == 0) {
    s->in_payload = false;
  } else if (s->frame.masked) {
    turn_key(s->frame.key, size);
  }
  return (lw_slice){(const char *)data, size};
}

/* True when the piece that was just taken is the last one of its message. */
static bool message_ends(const lw_session *s) {
  return s->frame.fin && !s->in_payload && !s->is_inflating;
}

static lw_error check_text(lw_session *s, lw_slice piece) {
  if (s->receiving != LW_OP_TEXT) return LW_OK;
  if (!lw_utf8_check(&s->utf8, (const uint8_t *)piece.data, piece.size)) return LW_E_INVALID_UTF8;
  return message_ends(s) && s->utf8 != 0 ? LW_E_INVALID_UTF8 : LW_OK;
}

/* Consumes what the input holds of a compressed payload, as far as it fits into one piece of text.
 * What the inflater leaves goes back to the input as it came: an owner that pauses keeps it there.
 */
static lw_error inflate_payload(lw_session *s, size_t room, lw_slice *piece) {
  size_t size = smaller(s->frame.length, s->input_size);
  if (size > INFLATE_STEP) size = INFLATE_STEP;
  lw_inflation x = {.data = s->input, .size = size, .room = room};
  x.last = s->frame.fin && size == s->frame.length;
  if (s->frame.masked && size > 0) lw_mask(s->input, s->input, size, s->frame.key, 0);
  lw_error error = lw_inflate(s->deflate, &x);
  if (x.used > 0) consume(s, x.used);
  if (s->frame.masked && size > x.used) {
    lw_mask(s->input, s->input, size - x.used, s->frame.key, x.used);
  }
  if (s->frame.masked) turn_key(s->frame.key, x.used);
  s->frame.length -= x.used;
  if (s->frame.length == 0) s->in_payload = false;
  s->is_inflating = x.more;
  *piece = x.piece;
  return error;
}

/* The limit is checked at its first byte too many, after the text before it and before whatever is
 * wrong behind it, so that the answer does not depend on how the bytes came. */
static lw_error take_deflated(lw_session *s, lw_slice *piece) {
  uint64_t room = SIZE_MAX;
  if (!s->config->stream_messages) room = s->config->max_message - s->message.size;
  lw_error broken = inflate_payload(s, smaller(room, SIZE_MAX - 1) + 1, piece);
  if (broken != LW_OK) s->is_inflating = true; /* it breaks off: its text need not be whole */
  lw_error error = check_text(s, *piece);
  if (error == LW_OK && piece->size > room) error = LW_E_MESSAGE_TOO_BIG;
  return error == LW_OK ? broken : error;
}

/* Consumes a piece of a data frame's payload; *piece is what it says, checked. */
static lw_error take_data(lw_session *s, lw_slice *piece) {
  if (s->is_deflated) return take_deflated(s, piece);
  *piece = take_payload(s);
  return check_text(s, *piece);
}

/* Fills the event of a message or of a piece of one. */
static lw_result deliver(lw_session *s, lw_event *event, lw_event_type type, lw_slice data) {
  bool final = message_ends(s);
  *event = (lw_event){.type = type, .opcode = s->receiving, .final = final, .data = data};
  if (final) s->receiving = 0;
  return LW_DONE;
}

static lw_result read_chunk(lw_session *s, lw_event *event) {
  lw_slice piece;
  lw_error error = take_data(s, &piece);
  if (error != LW_OK) return fail(s, error);
  if (piece.size == 0 && !message_ends(s)) return LW_MORE; /* nothing to tell */
  return deliver(s, event, LW_EVENT_CHUNK, piece);
}

/* --- gathering --- */

/* Makes room for `size` bytes that were taken and, if the frame goes on, for as much again. The
 * message never grows past what the rest of its last frame needs, or the limit. */
static bool grow(lw_session *s, size_t size) {
  uint64_t limit = s->config->max_message;
  size_t ahead = s->is_deflated ? 0 : smaller(s->frame.length, size);
  if (s->frame.fin && !s->is_deflated) limit = s->message.size + size + s->frame.length;
  bool is_large = size >= LARGE || s->frame.length >= LARGE;
  if (is_large && s->message.data == NULL) lw_spare_lend(s->config->spare, &s->message);
  return lw_buf_reserve(&s->message, size + ahead, smaller(limit, SIZE_MAX));
}

static size_t free_space(const lw_buf *message) {
  return message->capacity - message->size;
}

/* Whether the transport put the piece where it belongs. */
static bool is_in_place(const lw_buf *message, lw_slice piece) {
  return piece.size <= free_space(message) &&
         piece.data == (const char *)message->data + message->size;
}

static bool gather(lw_session *s, lw_slice piece) {
  s->has_pieces = true;
  if (is_in_place(&s->message, piece)) {
    s->message.size += piece.size;
    return true;
  }
  if (piece.size > free_space(&s->message) && !grow(s, piece.size)) return false;
  return lw_buf_append_slice(&s->message, piece);
}

static bool is_gathering(const lw_session *s) {
  return s->in_payload && !lw_opcode_is_control(s->frame.opcode) && !s->is_deflated &&
         s->message.size > 0 && !is_deaf(s);
}

uint8_t *lw_session_room(lw_session *s, size_t least, size_t *size) {
  lw_buf *message = &s->message;
  if (!s->has_pieces) return NULL;
  if (!is_gathering(s) || message->size < least || s->frame.length < least) return NULL;
  size_t wanted = smaller(s->frame.length, message->size);
  /* Exactly this much more, so that twice what came is the bound; and not for the sake of a little,
   * or much would be copied often. */
  bool must_grow = free_space(message) < wanted / 4 || free_space(message) < least;
  if (must_grow && !lw_buf_reserve(message, wanted, message->size + wanted)) return NULL;
  *size = smaller(s->frame.length, free_space(message));
  return message->data + message->size;
}

/* A message that is whole in the input is delivered from there; what comes in several pieces is
 * gathered. */
static lw_result read_message(lw_session *s, lw_event *event) {
  lw_slice piece;
  lw_error error = take_data(s, &piece);
  if (error != LW_OK) return fail(s, error);
  bool ends = message_ends(s);
  if (ends && s->message.size == 0) return deliver(s, event, LW_EVENT_MESSAGE, piece);
  if (piece.size > 0 && !gather(s, piece)) return fail(s, LW_E_NOMEM);
  if (!ends) return LW_MORE;
  lw_slice whole = {(const char *)s->message.data, s->message.size};
  return deliver(s, event, LW_EVENT_MESSAGE, whole);
}

static lw_result deliver_control(lw_session *s, lw_event *event, lw_slice payload) {
  *event = (lw_event){.opcode = s->frame.opcode, .final = true, .data = payload};
  if (s->frame.opcode != LW_OP_CLOSE) {
    event->type = s->frame.opcode == LW_OP_PING ? LW_EVENT_PING : LW_EVENT_PONG;
    return LW_DONE;
  }
  event->type = LW_EVENT_CLOSE;
  lw_error error =
      lw_close_decode(&event->code, &event->data, (const uint8_t *)payload.data, payload.size);
  if (error != LW_OK) return fail(s, error);
  s->close_received = true;
  return LW_DONE;
}

/* Keeps a piece of a control frame that does not come whole. */
static lw_error gather_control(lw_session *s, lw_slice piece) {
  if (s->control == NULL) s->control = malloc(LW_CONTROL_MAX);
  if (s->control == NULL) return LW_E_NOMEM;
  s->has_pieces = true;
  memcpy(s->control + s->control_size, piece.data, piece.size);
  s->control_size = (uint8_t)(s->control_size + piece.size);
  /* A close frame is illegal from the first such byte on, however it is cut. */
  bool is_close = s->frame.opcode == LW_OP_CLOSE;
  return is_close ? lw_close_check(s->control, s->control_size, !s->in_payload) : LW_OK;
}

static lw_result read_control(lw_session *s, lw_event *event) {
  lw_slice piece = take_payload(s);
  if (!s->in_payload && s->control == NULL) return deliver_control(s, event, piece);
  if (piece.size == 0) return LW_MORE;
  lw_error error = gather_control(s, piece);
  if (error != LW_OK) return fail(s, error);
  if (s->in_payload) return LW_MORE;
  lw_slice whole = {(const char *)s->control, s->control_size};
  return deliver_control(s, event, whole);
}

/* Frees what the last event may have pointed to: a message or control frame that is whole was
 * delivered. A session that waits for the peer to begin something owns no memory. */
static void release_delivered(lw_session *s) {
  if (!s->has_pieces) return;
  if (s->receiving == 0) free_message(s);
  if (!s->in_payload) free_control(s);
  s->has_pieces = s->message.data != NULL || s->control != NULL;
}

/* Nothing is under way or over, and nothing that was delivered is to be freed. */
static bool is_at_rest(const lw_session *s) {
  bool is_between = s->receiving == 0 && !s->in_payload && s->head_size == 0;
  return is_between && !s->has_pieces && !is_deaf(s);
}

/* The short way of a message that is whole in the input, for a session at rest. LW_MORE: what comes
 * next is something else, or is to be refused, and nothing was consumed. */
static lw_result read_whole(lw_session *s, lw_event *event) {
  const lw_session_config *config = s->config;
  lw_frame frame;
  size_t head = lw_frame_decode_whole(&frame, s->input, s->input_size, config->is_server);
  bool is_fit = head > 0 && frame.length <= config->max_message && !config->stream_messages;
  if (!is_fit) return LW_MORE;
  uint8_t *data = s->input + head;
  size_t size = (size_t)frame.length;
  if (frame.masked) lw_mask(data, data, size, frame.key, 0);
  consume(s, head + size);
  if (frame.opcode == LW_OP_TEXT && !lw_utf8_valid(data, size)) return fail(s, LW_E_INVALID_UTF8);
  *event = (lw_event){.type = LW_EVENT_MESSAGE, .opcode = frame.opcode, .final = true};
  event->data = (lw_slice){(const char *)data, size};
  return LW_DONE;
}

static lw_result read_payload(lw_session *s, lw_event *event) {
  if (lw_opcode_is_control(s->frame.opcode)) return read_control(s, event);
  return s->config->stream_messages ? read_chunk(s, event) : read_message(s, event);
}

static lw_result read_on(lw_session *s, lw_event *event) {
  if (s->error != LW_OK) return LW_BROKEN;
  release_delivered(s);
  if (s->close_received) {
    drop_input(s); /* also what came after the close frame */
    return LW_MORE;
  }
  while (s->input_size > 0 || s->is_inflating) {
    lw_result result = s->in_payload || s->is_inflating ? LW_DONE : read_head(s);
    if (result == LW_DONE) result = read_payload(s, event);
    if (result != LW_MORE) return result;
  }
  return LW_MORE;
}

lw_result lw_session_next(lw_session *s, lw_event *event) {
  if (is_at_rest(s)) {
    if (s->input_size == 0) return LW_MORE;
    lw_result result = read_whole(s, event);
    if (result != LW_MORE) return result;
  }
  return read_on(s, event);
}
