/* What a connection does with the bytes it reads: first a head, then frames. */
#include <string.h>

#include "conn_http.h"
#include "server.h"

static void count_message_in(lw_conn *conn, size_t size, bool final) {
  lw__conn_active(conn);
  lw_server *server = conn->settings->server;
  if (server == NULL) return;
  server->stats.messages_in += final;
  server->stats.bytes_in += size;
}

static void on_pong(lw_conn *conn, lw_slice payload) {
  uint64_t sent;
  if (payload.size == sizeof sent && conn->ping_us != 0) {
    memcpy(&sent, payload.data, sizeof sent);
    if (sent == conn->ping_us) {
      conn->rtt_us = (uint32_t)(uv_hrtime() / 1000 - sent);
      conn->ping_us = 0;
    }
  }
  const lw_conn_events *events = conn->settings->events;
  if (events->on_pong != NULL) events->on_pong(conn, payload.data, payload.size);
}

static void on_close_frame(lw_conn *conn, const lw_event *event) {
  lw__conn_send_close(conn, event->code, "", 0);
  lw__conn_finish(conn, event->code, event->data.data, event->data.size, true);
}

static void on_event(lw_conn *conn, const lw_event *event) {
  const lw_conn_events *events = conn->settings->events;
  const char *data = event->data.data;
  size_t size = event->data.size;
  bool open = conn->state == LW_OPEN; /* after our close frame only the peer's matters */
  switch (event->type) {
  case LW_EVENT_MESSAGE:
    if (!open) break;
    count_message_in(conn, size, true);
    if (events->on_message != NULL) events->on_message(conn, (lw_kind)event->opcode, data, size);
    break;
  case LW_EVENT_CHUNK:
    if (!open) break;
    count_message_in(conn, size, event->final);
    if (events->on_chunk == NULL) break;
    events->on_chunk(conn, (lw_kind)event->opcode, data, size, event->final);
    break;
  case LW_EVENT_PING:
    if (!open) break;
    lw__conn_pong(conn, data, size);
    if (events->on_ping != NULL) events->on_ping(conn, data, size);
    break;
  case LW_EVENT_PONG:
    if (open) on_pong(conn, event->data);
    break;
  case LW_EVENT_CLOSE:
    on_close_frame(conn, event);
    break;
  }
}

bool lw__conn_append_waiting(lw_conn *conn, const uint8_t *data, size_t size) {
  if (size > 0 && !lw_buf_append(&conn->waiting, data, size)) return false;
  conn->has_waiting |= size > 0;
  return true;
}

lw_buf lw__conn_take_waiting(lw_conn *conn) {
  lw_buf input = conn->waiting;
  conn->waiting = (lw_buf){0};
  conn->has_waiting = false;
  return input;
}

void lw__conn_keep(lw_conn *conn, const uint8_t *data, size_t size) {
  if (!lw__conn_append_waiting(conn, data, size)) lw__conn_finish_uv(conn, UV_ENOMEM);
}

/* Handles what the session has to tell. A handler may leave this by a longjmp, so nothing is kept
 * here: called again, it goes on with the next event. */
static void handle_events(lw_conn *conn) {
  lw_event event;
  while (conn->state != LW_CLOSED && !conn->is_paused &&
         lw_session_next(&conn->session, &event) == LW_DONE) {
    on_event(conn, &event);
  }
}

void lw__conn_session_input(lw_conn *conn, uint8_t *data, size_t size) {
  lw_session *session = &conn->session;
  const lw_conn_events *events = conn->settings->events;
  lw_session_feed(session, data, size);
  if (events->guard != NULL) {
    events->guard(conn, handle_events);
  } else {
    handle_events(conn);
  }
  if (lw_session_error(session) != LW_OK) {
    lw__conn_broken(conn, lw_session_error(session));
    return;
  }
  size_t unread = lw_session_unread(session);
  lw_session_feed(session, NULL, 0); /* what was lent is not ours any more */
  bool is_kept = unread > 0 && conn->state != LW_CLOSED;
  if (is_kept) lw__conn_keep(conn, data + size - unread, unread);
}

/* Less than this is copied as fast as it is received in two places. */
#define ROOM_MIN ((size_t)8 * 1024)

uint8_t *lw__conn_room(void *owner, size_t *size) {
  lw_conn *conn = owner;
  bool takes_frames = conn->state == LW_OPEN || conn->state == LW_CLOSING;
  bool is_next = !conn->is_paused && !conn->has_waiting;
  return takes_frames && is_next ? lw_session_room(&conn->session, ROOM_MIN, size) : NULL;
}

/* A client's. Once the head is complete, its receiver gets what is behind it. */
static void head_input(lw_conn *conn, const uint8_t *data, size_t size) {
  size_t used = 0;
  lw_result result = lw_http_scan(&conn->scanner, &used, data, size);
  lw_error error = result == LW_BROKEN ? (lw_error)conn->scanner.error : LW_OK;
  if (error == LW_OK && !lw_buf_append(&conn->head, data, used)) error = LW_E_NOMEM;
  if (error == LW_OK && result == LW_MORE) return;
  conn->has_head = error == LW_OK;
  if (error != LW_OK) {
    lw__client_on_bad_head(conn, error);
  } else {
    lw__client_on_head(conn, data + used, size - used);
  }
}

static void client_input(lw_conn *conn, const uint8_t *data, size_t size) {
  if (!conn->has_head) {
    head_input(conn, data, size);
  } else {
    lw__client_on_body(conn, data, size);
  }
}

void lw__conn_input(lw_conn *conn, uint8_t *data, size_t size) {
  switch ((lw_state)conn->state) {
  case LW_CONNECTING:
    client_input(conn, data, size);
    break;
  case LW_REQUEST:
    lw__http_input(conn, data, size);
    break;
  case LW_OPEN:
  case LW_CLOSING: /* what came before this, and on_open, come first: settling sees to it */
    if (conn->must_open || conn->has_waiting) {
      lw__conn_keep(conn, data, size);
    } else {
      lw__conn_session_input(conn, data, size);
    }
    break;
  case LW_CLOSED: /* lingering: nothing that comes now matters */
    break;
  }
}

void lw__conn_more_head(lw_conn *conn, const uint8_t *data, size_t size) {
  memset(&conn->scanner, 0, sizeof conn->scanner);
  conn->head.size = 0;
  conn->has_head = false;
  if (size > 0) head_input(conn, data, size);
}
