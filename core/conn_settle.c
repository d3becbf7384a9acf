/* Settling: at the end of a batch a connection makes the calls that became due and writes what was
 * gathered. This is the only place from which handlers other than those for input are called. */
#include "conn_http.h"
#include "member.h"

/* Input that waits, or text of a compressed message that was not inflated yet. */
static bool has_unread(const lw_conn *conn) {
  return conn->has_waiting || lw_session_has_output(&conn->session);
}

static bool may_read(const lw_conn *conn) {
  switch ((lw_state)conn->state) {
  case LW_REQUEST:
    return lw__http_may_read(conn);
  case LW_OPEN:
  case LW_CLOSING:
    return !conn->is_paused && !has_unread(conn);
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
  if (conn->state == LW_REQUEST) {
    lw__http_feed_waiting(conn);
    return;
  }
  lw_buf input = lw__conn_take_waiting(conn);
  lw__conn_session_input(conn, input.data, input.size);
  lw_buf_free(&input);
}

static bool has_input(const lw_conn *conn) {
  bool open = conn->state == LW_OPEN || conn->state == LW_CLOSING;
  return open ? !conn->is_paused && has_unread(conn) : lw__http_has_input(conn);
}

/* The input that had to wait for resume or an answer; on_open; and what had to wait for that. The
 * first may be requests of which the last is an upgrade: no message may come before its on_open. */
static void call_open(lw_conn *conn) {
  if (!conn->must_open && has_input(conn)) feed_waiting(conn);
  if (!conn->must_open) return;
  conn->must_open = false;
  conn->opened = true;
  const lw_conn_events *events = conn->settings->events;
  if (events->on_open != NULL) events->on_open(conn);
  if (has_input(conn)) feed_waiting(conn);
}

/* What is held of what was published leaves as fast as the peer takes it. */
static void flush(lw_conn *conn) {
  lw__conn_flush(conn);
  while (conn->member != NULL && conn->member->held.count > 0 && !conn->is_writing &&
         conn->session.sending == 0) {
    if (!lw__member_send_held(conn->member, false)) lw__conn_finish_uv(conn, UV_ENOMEM);
    lw__conn_flush(conn);
  }
}

static bool is_drained(const lw_conn *conn) {
  bool open = conn->state == LW_OPEN || conn->state == LW_REQUEST;
  return conn->is_slow && !conn->is_writing && conn->out == NULL && open;
}

static void call_drain(lw_conn *conn) {
  if (!is_drained(conn)) return;
  conn->is_slow = false;
  if (conn->http != NULL && conn->http->sending != NULL) {
    lw__sending_drained(conn->http->sending);
    return;
  }
  const lw_conn_events *events = conn->settings->events;
  if (events->on_drain == NULL) return;
  events->on_drain(conn);
  lw__conn_flush(conn);
}

static void call_close(lw_conn *conn) {
  const lw_conn_events *events = conn->settings->events;
  if (conn->must_close) {
    lw_slice reason = {conn->close_reason != NULL ? conn->close_reason : "",
                       conn->close_reason_size};
    lw_error error = (lw_error)conn->error;
    conn->must_close = false;
    if (error != LW_OK && events->on_error != NULL) {
      events->on_error(conn, lw_error_text(error), lw_error_name(error));
    }
    if (events->on_close != NULL)
      events->on_close(conn, conn->close_code, reason.data, reason.size);
  }
  if (conn->must_end) {
    static const lw_failure unknown = {"NOMEM", "out of memory"};
    const lw_failure *failure = conn->failure != NULL ? conn->failure : &unknown;
    conn->must_end = false;
    if (conn->must_fail && events->on_error != NULL) {
      events->on_error(conn, failure->message, failure->code);
    }
    lw__http_call_gone(conn);
    if (events->on_end != NULL) events->on_end(conn);
  }
}

/* Open, and neither is a call due nor does reading have to change, as it is nearly always. */
static bool is_at_rest(const lw_conn *conn) {
  bool is_due = conn->wants_pong || conn->is_slow || conn->must_close || conn->must_end;
  return conn->state == LW_OPEN && !is_due && conn->is_reading && !conn->is_paused &&
         !has_unread(conn);
}

void lw__conn_settle(lw_conn *conn) {
  lw_loop *loop = conn->loop;
  if (loop == NULL) return;
  loop->current = conn;
  if (conn->must_open || has_unread(conn)) call_open(conn);
  flush(conn);
  if (is_at_rest(conn)) {
    loop->current = NULL;
    return;
  }
  if (conn->wants_pong) lw__conn_send_waiting_pong(conn);
  call_drain(conn);
  bool may_have_http = conn->state != LW_OPEN; /* which saves fetching the pointer */
  if (may_have_http && conn->http != NULL) lw__http_settled(conn);
  update_reading(conn);
  if (conn->must_close || conn->must_end) call_close(conn);
  loop->current = NULL;
  /* What on_drain resumed or sent may ask for more; the others come first, or a pump to a peer that
   * reads fast would keep the loop to itself. */
  if (has_input(conn) || is_drained(conn)) lw__loop_unsettle(loop, conn);
  lw__conn_leave_loop_if_over(conn);
}
