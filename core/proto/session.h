/* A WebSocket session after its opening handshake: bytes in, events out; intents in, frames out.
 *
 * The session applies every rule of RFC 6455 sections 5 to 8 that one end can check, and nothing
 * else: no I/O, no clock, no randomness, no callback. Its owner (core/conn.c, or a script through
 * the sans-I/O module) feeds what the peer sent and pulls events until it needs more:
 *
 *     lw_session_feed(s, data, size);
 *     while ((result = lw_session_next(s, &event)) == LW_DONE) handle(&event);
 *
 * Answering pings and close frames, time limits and closing the transport are the owner's. */
#ifndef LW_PROTO_SESSION_H
#define LW_PROTO_SESSION_H

#include <stddef.h>

#include "buf.h"
#include "close.h"
#include "deflate.h"
#include "error.h"
#include "frame.h"
#include "spare.h"
#include "utf8.h"

/* Shared by all sessions of one server, route or client; must outlive them. */
typedef struct lw_session_config {
  uint64_t max_message; /* bytes of one message; more ends the session with LW_E_MESSAGE_TOO_BIG */
  lw_spare *spare;      /* for large messages, or NULL; must outlive what the sessions own */
  bool is_server;       /* our role: decides who masks */
  bool stream_messages; /* deliver LW_EVENT_CHUNK as bytes arrive instead of whole messages;
                           max_message then does not apply */
} lw_session_config;

typedef enum lw_event_type {
  LW_EVENT_MESSAGE, /* opcode, data: one whole message */
  LW_EVENT_CHUNK,   /* opcode, data, final: the next piece of a message; may be empty when final;
                       may begin or end inside a character */
  LW_EVENT_PING,    /* data: the payload that a pong must repeat */
  LW_EVENT_PONG,    /* data */
  LW_EVENT_CLOSE    /* code, data (the reason): nothing is delivered after it */
} lw_event_type;

typedef struct lw_event {
  lw_event_type type;
  lw_opcode opcode; /* LW_OP_TEXT or LW_OP_BINARY for messages and chunks */
  bool final;       /* LW_EVENT_CHUNK: the message ends with this piece */
  uint16_t code;    /* LW_EVENT_CLOSE: LW_CLOSE_NO_STATUS when the peer gave none */
  lw_slice data;    /* borrowed until the next call on this session */
} lw_event;

/* The fields belong to session.c and session_send.c; the struct is here so that a connection can
 * embed it. What a message that comes whole touches is first, LW_SESSION_HOT bytes. */
typedef struct lw_session {
  const lw_session_config *config;
  uint8_t *input; /* the unread rest of what was fed: borrowed */
  size_t input_size;
  lw_deflate *deflate; /* owned; NULL when compression was not agreed on */
  uint8_t head_size;   /* of the frame head that came in pieces, below */
  uint8_t error;       /* lw_error; not 0: broken for good */
  lw_utf8 utf8;        /* of the text message under way */
  uint8_t receiving;   /* opcode of the incoming message under way, or 0 */
  uint8_t sending;     /* opcode of the outgoing fragmented message under way, or 0 */
  bool in_payload;     /* a head was read and frame.length bytes of payload are to come */
  bool is_deflated;    /* the incoming message under way is compressed */
  bool is_inflating;   /* what was taken of it holds more text than was put out */
  bool has_pieces;     /* message or control may hold something */
  bool close_received; /* everything later is ignored */
  bool close_sent;     /* nothing may be sent any more */
  lw_frame frame;      /* the frame under way: length counts down to 0, key turns with the offset */
  lw_buf message;      /* the message under way, as far as it came in earlier pieces */
  uint8_t *control;    /* LW_CONTROL_MAX bytes, allocated while a control frame is incomplete */
  uint8_t control_size;
  uint8_t head[LW_FRAME_HEAD_MAX]; /* a frame head that came in pieces */
} lw_session;

#define LW_SESSION_HOT offsetof(lw_session, frame)

/* *s may hold anything. The session is empty and owns no memory until a frame comes in pieces. */
void lw_session_init(lw_session *s, const lw_session_config *config);

/* Compression was agreed on: RSV1 is legal now. Right after lw_session_init; takes ownership. */
void lw_session_use_deflate(lw_session *s, lw_deflate *deflate);

/* Releases what the session owns, which is nothing if it is all zero. The struct may be initialised
 * again. */
void lw_session_free(lw_session *s);

/* Lends the next bytes from the peer. They are unmasked in place, so they must be writable, and
 * must stay valid and untouched until lw_session_next answers LW_MORE or LW_BROKEN. Feed only when
 * it did (or at the start). */
void lw_session_feed(lw_session *s, uint8_t *data, size_t size);

/* Where the transport may put what comes next, which saves copying it: room for the payload of a
 * message that is not compressed, of which more than one piece is to be gathered. Feed what was put
 * at its beginning, and then what came behind it. NULL: there is none, or none of at least `least`
 * bytes. There is never room for more than came of the message before, so that memory is held by
 * what a peer sent and not by what it announced. Valid until the next call, but for
 * lw_session_feed. */
uint8_t *lw_session_room(lw_session *s, size_t least, size_t *size);

/* Pulls the next event. LW_DONE: *event is set. LW_MORE: all input was consumed (what is incomplete
 * was copied). LW_BROKEN: the peer broke a rule, see lw_session_error; the rest of the input is
 * dropped and nothing is ever delivered again. */
lw_result lw_session_next(lw_session *s, lw_event *event);

/* The input that was fed and not consumed yet: what a pausing owner must keep and feed again. */
size_t lw_session_unread(const lw_session *s);

/* True when lw_session_next has more to say without any input: text that was not inflated yet. An
 * owner that pauses must come back for it. */
bool lw_session_has_output(const lw_session *s);

/* The rule that was broken, or LW_OK. lw_error_number gives the close code to answer with. */
lw_error lw_session_error(const lw_session *s);

/* Asks to send one frame: intent->opcode, fin, rsv1, length (of the payload as sent) and, for a
 * client, key (four fresh random bytes; the caller masks the payload with it). Writes the head and
 * returns its size; 0 when the state forbids the frame: a close frame was sent, a data frame inside
 * another fragmented message, a continuation without one. A fragmented message is begun with fin
 * false and goes on with LW_OP_CONTINUATION; rsv1 stands on its first frame only.
 * lw_session_may_send tells whether it would be forbidden, before any work goes into the payload.
 */
bool lw_session_may_send(const lw_session *s, const lw_frame *intent);
size_t lw_session_send(lw_session *s, const lw_frame *intent, uint8_t head[LW_FRAME_HEAD_MAX]);

#endif
