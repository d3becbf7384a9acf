/* The life of a connection: birth, input, the calls that follow from it, and death. Its time limits
 * are in conn_deadline.c, its output in conn_send.c, the ways it ends in conn_end.c. */
#include "conn.h"

#include <stdlib.h>
#include <string.h>

#include "server.h"

/* ------------------------------------------------------------------------------- birth and death */

lw_settings *lw__settings_new(const lw_limits *limits, bool is_server) {
  lw_settings *settings = calloc(1, sizeof *settings);
  if (settings == NULL) return NULL;
  settings->references = 1;
  settings->limits = *limits;
  settings->whole.max_message = limits->max_message;
  settings->whole.is_server = is_server;
  settings->stream = settings->whole;
  settings->stream.stream_messages = true;
  return settings;
}

lw_settings *lw__settings_hold(lw_settings *settings) {
  settings->references++;
  return settings;
}

void lw__settings_release(lw_settings *settings) {
  if (--settings->references == 0) free(settings);
}

lw_conn *lw__conn_new(lw_loop *loop, lw_settings *settings, const lw_conn_events *events,
                      lw_server *server, lw_state state) {
  lw_conn *conn = calloc(1, sizeof *conn);
  if (conn == NULL) return NULL;
  conn->loop = loop;
  conn->settings = lw__settings_hold(settings);
  conn->events = events;
  conn->server = server;
  if (server != NULL) lw_server_hold(server);
  conn->is_server = server != NULL;
  conn->state = (uint8_t)state;
  conn->references = 1;
  conn->rtt_us = UINT32_MAX;
  conn->began_ms = conn->heard_ms = conn->active_ms = uv_now(loop->net.uv);
  conn->next = loop->conns;
  conn->back = &loop->conns;
  if (conn->next != NULL) conn->next->back = &conn->next;
  loop->conns = conn;
  loop->counts.connections++;
  lw__conn_arm(conn);
  return conn;
}

void lw_conn_hold(lw_conn *conn) { conn->references++; }

void lw_conn_release(lw_conn *conn) {
  if (--conn->references > 0) return;
  lw_buf_free(&conn->head);
  lw_buf_free(&conn->waiting);
  free(conn->close_reason);
  free(conn->remote);
  free(conn->failure);
  lw__settings_release(conn->settings);
  if (conn->server != NULL) lw_server_release(conn->server);
  free(conn);
}

/* Leaves the loop; what remains is an object that answers "closed". */
static void leave_loop(lw_conn *conn) {
  lw_loop *loop = conn->loop;
  *conn->back = conn->next;
  if (conn->next != NULL) conn->next->back = conn->back;
  conn->back = NULL;
  lw_wheel_cancel(&conn->deadline);
  lw_session_free(&conn->session);
  lw_buf_free(&conn->waiting);
  free(conn->pong);
  conn->pong = NULL;
  if (conn->out != NULL) lw_out_give(loop->net.outs, conn->out);
  conn->out = NULL;
  loop->counts.connections--;
  if (conn->server != NULL) {
    conn->server->stats.connections--;
    lw__server_end_if_over(conn->server);
  }
  lw_conn_release(conn);
}

static void leave_loop_if_over(lw_conn *conn) {
  bool over = conn->state == LW_CLOSED && conn->io == NULL && !conn->must_close && !conn->must_end;
  if (over && conn->back != NULL) leave_loop(conn);
}

void lw__conn_close_transport(lw_conn *conn) {
  if (conn->io == NULL) return;
  conn->is_writing = false;
  lw_transport_close(conn->io);
}

void lw__conn_drop(lw_conn *conn) {
  if (conn->client != NULL) lw__client_free(conn);
  if (conn->io != NULL) {
    /* What was sent is not lost because the program ends: the kernel takes it, if it has room. */
    if (conn->state == LW_OPEN) lw__conn_send_close(conn, LW_CLOSE_GOING_AWAY, "", 0);
    lw__conn_flush(conn);
    lw_transport_adopt(conn->io, NULL, NULL); /* nobody is left to be told */
    lw__conn_close_transport(conn);
    conn->io = NULL;
  }
  conn->state = LW_CLOSED;
  lw_conn_hold(conn);
  leave_loop(conn);
  conn->loop = NULL;
  lw_conn_release(conn);
}

/* ----------------------------------------------------------------------------------------- input */

static void count_message_in(lw_conn *conn, size_t size, bool final) {
  conn->active_ms = conn->heard_ms;
  if (conn->server == NULL) return;
  conn->server->stats.messages_in += final;
  conn->server->stats.bytes_in += size;
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
  if (conn->events->on_pong != NULL) conn->events->on_pong(conn, payload.data, payload.size);
}

static void on_close_frame(lw_conn *conn, const lw_event *event) {
  lw__conn_send_close(conn, event->code, "", 0);
  lw__conn_finish(conn, event->code, event->data.data, event->data.size, true);
}

static void on_event(lw_conn *conn, const lw_event *event) {
  const lw_conn_events *events = conn->events;
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

/* Keeps input that may not be handled now. Out of memory ends the connection. */
static void keep(lw_conn *conn, const uint8_t *data, size_t size) {
  if (size == 0 || lw_buf_append(&conn->waiting, data, size)) return;
  lw__conn_finish_uv(conn, UV_ENOMEM);
}

static void session_input(lw_conn *conn, uint8_t *data, size_t size) {
  lw_session *session = &conn->session;
  lw_event event;
  lw_result result = LW_MORE;
  lw_session_feed(session, data, size);
  while (conn->state != LW_CLOSED && !conn->is_paused &&
         (result = lw_session_next(session, &event)) == LW_DONE) {
    on_event(conn, &event);
  }
  if (result == LW_BROKEN) {
    lw__conn_broken(conn, lw_session_error(session));
    return;
  }
  size_t unread = lw_session_unread(session);
  lw_session_feed(session, NULL, 0); /* what was lent is not ours any more */
  if (conn->state != LW_CLOSED) keep(conn, data + size - unread, unread);
}

/* Returns what is left behind the head once it is complete. */
static void head_input(lw_conn *conn, const uint8_t *data, size_t size) {
  size_t used = 0;
  lw_result result = lw_http_scan(&conn->scanner, &used, data, size);
  lw_error error = result == LW_BROKEN ? (lw_error)conn->scanner.error : LW_OK;
  if (error == LW_OK && !lw_buf_append(&conn->head, data, used)) error = LW_E_NOMEM;
  if (error == LW_OK && result == LW_MORE) return;
  conn->has_head = error == LW_OK;
  if (conn->is_server) {
    if (error != LW_OK) {
      lw__server_on_bad_head(conn, error);
    } else {
      lw__server_on_head(conn, data + used, size - used);
    }
  } else if (error != LW_OK) {
    lw__client_on_bad_head(conn, error);
  } else {
    lw__client_on_head(conn, data + used, size - used);
  }
}

static void handle_input(lw_conn *conn, uint8_t *data, size_t size) {
  switch ((lw_state)conn->state) {
  case LW_CONNECTING:
  case LW_REQUEST:
    if (!conn->has_head) {
      head_input(conn, data, size);
    } else if (conn->client != NULL) {
      lw__client_on_body(conn, data, size);
    } else {
      keep(conn, data, size);
    }
    break;
  case LW_OPEN:
  case LW_CLOSING:
    session_input(conn, data, size);
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

void lw__conn_open(lw_conn *conn, bool stream_messages) {
  const lw_settings *settings = conn->settings;
  lw_session_init(&conn->session, stream_messages ? &settings->stream : &settings->whole);
  conn->state = LW_OPEN;
  conn->must_open = true;
  lw__conn_remember_remote(conn);
  conn->active_ms = conn->heard_ms = uv_now(conn->loop->net.uv);
  if (conn->server != NULL) {
    conn->server->stats.open++;
    conn->server->stats.opened++;
  }
  lw__conn_arm(conn);
  lw__loop_unsettle(conn->loop, conn);
}

/* ----------------------------------------------------------------------------- transport events */

static void on_read(void *owner, uint8_t *data, size_t size) {
  lw_conn *conn = owner;
  lw_loop *loop = conn->loop;
  lw_conn_hold(conn);
  lw__loop_enter(loop);
  loop->current = conn;
  conn->heard_ms = uv_now(loop->net.uv);
  handle_input(conn, data, size);
  lw__conn_settle(conn);
  loop->current = NULL;
  lw__loop_leave(loop);
  lw_conn_release(conn);
}

static void on_end(void *owner, int error) {
  lw_conn *conn = owner;
  lw_loop *loop = conn->loop;
  lw_conn_hold(conn);
  lw__loop_enter(loop);
  if (conn->state == LW_CLOSED) {
    lw__conn_close_transport(conn);
  } else if (conn->client != NULL) {
    lw__client_on_end(conn, error);
  } else {
    lw__conn_finish_uv(conn, error);
  }
  lw__loop_leave(loop);
  lw_conn_release(conn);
}

static void on_written(void *owner, int error) {
  lw_conn *conn = owner;
  lw_loop *loop = conn->loop;
  lw_conn_hold(conn);
  lw__loop_enter(loop);
  conn->is_writing = false;
  if (error != 0) {
    if (conn->state == LW_CLOSED) lw__conn_close_transport(conn);
    lw__conn_finish_uv(conn, error);
  }
  lw__conn_settle(conn);
  lw__loop_leave(loop);
  lw_conn_release(conn);
}

static void on_closed(void *owner) {
  lw_conn *conn = owner;
  conn->io = NULL;
  leave_loop_if_over(conn);
}

static const lw_transport_events transport_events = {on_read, on_end, on_written, on_closed};

int lw__conn_adopt(lw_conn *conn, lw_transport *io) {
  conn->io = io;
  lw_transport_adopt(io, &transport_events, conn);
  conn->is_reading = true;
  return lw_transport_read_start(io);
}

/* ---------------------------------------------------------------------------------------- settling */

static bool may_read(const lw_conn *conn) {
  switch ((lw_state)conn->state) {
  case LW_REQUEST: /* until the script has decided, the kernel may keep what follows */
    return !conn->has_head;
  case LW_OPEN:
  case LW_CLOSING:
    return !conn->is_paused && conn->waiting.size == 0;
  default:
    return true;
  }
}

static void update_reading(lw_conn *conn) {
  bool wanted = may_read(conn);
  if (conn->io == NULL || wanted == conn->is_reading) return;
  conn->is_reading = wanted;
  if (!wanted) {
    lw_transport_read_stop(conn->io);
    return;
  }
  int error = lw_transport_read_start(conn->io);
  if (error != 0) lw__conn_finish_uv(conn, error);
}

static void feed_waiting(lw_conn *conn) {
  lw_buf input = conn->waiting;
  conn->waiting = (lw_buf){0};
  session_input(conn, input.data, input.size);
  lw_buf_free(&input);
}

static bool has_input(const lw_conn *conn) {
  bool open = conn->state == LW_OPEN || conn->state == LW_CLOSING;
  return open && !conn->is_paused && conn->waiting.size > 0;
}

/* on_open, and then the input that had to wait for it or for resume. */
static void call_open(lw_conn *conn) {
  if (conn->must_open) {
    conn->must_open = false;
    conn->opened = true;
    if (conn->events->on_open != NULL) conn->events->on_open(conn);
  }
  if (has_input(conn)) feed_waiting(conn);
}

static bool is_drained(const lw_conn *conn) {
  return conn->is_slow && !conn->is_writing && conn->out == NULL && conn->state == LW_OPEN;
}

static void call_drain(lw_conn *conn) {
  if (!is_drained(conn)) return;
  conn->is_slow = false;
  if (conn->events->on_drain == NULL) return;
  conn->events->on_drain(conn);
  lw__conn_flush(conn);
}

static void call_close(lw_conn *conn) {
  const lw_conn_events *events = conn->events;
  if (conn->must_close) {
    lw_slice reason = {conn->close_reason != NULL ? conn->close_reason : "", conn->close_reason_size};
    lw_error error = (lw_error)conn->error;
    conn->must_close = false;
    if (error != LW_OK && events->on_error != NULL) {
      events->on_error(conn, lw_error_text(error), lw_error_name(error));
    }
    if (events->on_close != NULL) events->on_close(conn, conn->close_code, reason.data, reason.size);
  }
  if (conn->must_end) {
    static const lw_failure unknown = {"NOMEM", "out of memory"};
    const lw_failure *failure = conn->failure != NULL ? conn->failure : &unknown;
    conn->must_end = false;
    if (conn->must_fail && events->on_error != NULL) {
      events->on_error(conn, failure->message, failure->code);
    }
    if (events->on_end != NULL) events->on_end(conn);
  }
}

void lw__conn_settle(lw_conn *conn) {
  lw_loop *loop = conn->loop;
  if (loop == NULL) return;
  loop->current = conn;
  if (conn->must_open || conn->waiting.size > 0) call_open(conn);
  lw__conn_flush(conn);
  if (conn->wants_pong) lw__conn_send_waiting_pong(conn);
  call_drain(conn);
  update_reading(conn);
  if (conn->must_close || conn->must_end) call_close(conn);
  loop->current = NULL;
  /* What on_drain resumed or sent may ask for more; the others come first, or a pump to a peer that
   * reads fast would keep the loop to itself. */
  if (has_input(conn) || is_drained(conn)) lw__loop_unsettle(loop, conn);
  leave_loop_if_over(conn);
}
