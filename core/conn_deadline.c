/* The time limits of a connection. They share the loop's wheel; a connection that shows life is not
 * moved there, its deadline is computed again when the old one comes. */
#include <stdio.h>

#include "conn_http.h"

#define CONN_OF_NODE(node) ((lw_conn *)((char *)(node)-offsetof(lw_conn, deadline)))

/* When something has to be done about the connection if nothing happens, UINT64_MAX for never. */
static uint64_t due_ms(const lw_conn *conn) {
  const lw_limits *limits = &conn->settings->limits;
  switch ((lw_state)conn->state) {
  case LW_CONNECTING:
    return conn->began_ms + limits->handshake_ms;
  case LW_REQUEST:
    return lw__http_due_ms(conn);
  case LW_CLOSED: /* lingering; while an answer is on its way, as long as somebody reads it */
    if (conn->is_writing && conn->http != NULL) return lw__http_write_due_ms(conn);
    return conn->began_ms + limits->close_ms;
  case LW_CLOSING:
    return conn->began_ms + limits->close_ms;
  case LW_OPEN:
    break;
  }
  uint64_t due = UINT64_MAX;
  if (limits->idle_ms > 0) due = conn->active_ms + limits->idle_ms;
  if (limits->ping_ms > 0 && !conn->is_paused) {
    uint64_t asked = conn->ping_us / 1000;
    uint64_t ping_due = (asked > conn->heard_ms ? asked : conn->heard_ms) + limits->ping_ms;
    if (ping_due < due) due = ping_due;
  }
  return due;
}

void lw__conn_active(lw_conn *conn) {
  if (conn->settings->limits.idle_ms > 0) conn->active_ms = uv_now(conn->loop->net.uv);
}

void lw__conn_arm(lw_conn *conn) {
  uint64_t due = due_ms(conn);
  bool is_armed = conn->deadline.back != NULL;
  if (due == UINT64_MAX) {
    lw_wheel_cancel(&conn->deadline);
  } else if (!is_armed || due < conn->deadline.due_ms) { /* one that is too early does no harm */
    lw__loop_arm(conn->loop, &conn->deadline, due);
  }
}

/* The peer was silent for ping_ms: ask it, or give up when it was asked already. */
static void heartbeat(lw_conn *conn) {
  uint32_t ping_ms = conn->settings->limits.ping_ms;
  if (conn->ping_us / 1000 < conn->heard_ms || conn->ping_us == 0) {
    lw_conn_ping(conn, NULL, 0);
    lw__conn_arm(conn);
    return;
  }
  char reason[64];
  int size = snprintf(reason, sizeof reason, "heartbeat: no sign of life for %g s",
                      (double)(2 * (uint64_t)ping_ms) / 1000);
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, reason, (size_t)size, false);
}

static void open_deadline(lw_conn *conn) {
  const lw_limits *limits = &conn->settings->limits;
  uint64_t heard = lw_poller_heard_ms(conn->loop->net.poller);
  if (limits->idle_ms > 0 && heard >= conn->active_ms + limits->idle_ms) {
    lw_conn_close(conn, LW_CLOSE_GOING_AWAY, "idle", 4);
    return;
  }
  heartbeat(conn);
}

void lw__conn_deadline(lw_wheel_node *node) {
  lw_conn *conn = CONN_OF_NODE(node);
  /* It may have shown life since this was armed. */
  if (due_ms(conn) > lw_poller_heard_ms(conn->loop->net.poller)) {
    lw__conn_arm(conn);
    return;
  }
  static const char closing[] = "the closing handshake timed out";
  switch ((lw_state)conn->state) {
  case LW_CONNECTING:
    lw__client_on_bad_head(conn, LW_E_HTTP_TIMEOUT);
    break;
  case LW_REQUEST:
    lw__http_deadline(conn);
    break;
  case LW_OPEN:
    open_deadline(conn);
    break;
  case LW_CLOSING:
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, closing, sizeof closing - 1, false);
    break;
  case LW_CLOSED:
    if (conn->is_writing && conn->http != NULL && !lw__http_is_stalled(conn)) {
      lw__conn_arm(conn);
    } else {
      lw__conn_close_transport(conn);
    }
    break;
  }
}
