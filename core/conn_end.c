/* The ways a connection ends: by either peer's wish, by a broken rule, by the network. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn_http.h"
#include "member.h"
#include "server.h"

static void leave_open(lw_conn *conn) {
  if (lw_conn_server(conn) != NULL && (conn->state == LW_OPEN || conn->state == LW_CLOSING)) {
    lw_conn_server(conn)->stats.open--;
  }
}

static void remember_reason(lw_conn *conn, const char *reason, size_t size) {
  if (size > UINT8_MAX) size = UINT8_MAX;
  if (size == 0) return;
  conn->close_reason = malloc(size);
  if (conn->close_reason == NULL) return; /* the code alone tells what happened */
  memcpy(conn->close_reason, reason, size);
  conn->close_reason_size = (uint8_t)size;
}

void lw__conn_finish(lw_conn *conn, unsigned code, const char *reason, size_t size, bool linger) {
  if (conn->state == LW_CLOSED) return;
  leave_open(conn);
  lw__member_leave(conn);
  conn->state = LW_CLOSED;
  conn->must_open = false;
  conn->is_paused = false;
  conn->must_close = conn->opened;
  conn->must_end = true;
  conn->close_code = (uint16_t)code;
  if (conn->opened) remember_reason(conn, reason, size);
  if (conn->client != NULL) lw__client_free(conn);
  if (conn->http != NULL) lw__http_on_finish(conn);

  /* A socket that is closed with unread input resets the connection, and the reset may overtake our
   * close frame. So it stays until the peer has read that far and ends its side too. */
  conn->is_lingering = linger && conn->io != NULL;
  if (conn->is_lingering) {
    conn->began_ms = uv_now(conn->loop->net.uv);
    lw__conn_arm(conn);
  } else {
    lw__conn_close_transport(conn);
  }
  lw__loop_unsettle(conn->loop, conn);
}

void lw__conn_finish_uv(lw_conn *conn, int error) {
  if (conn->client != NULL) {
    lw__client_on_end(conn, error);
    return;
  }
  const lw_transport_failure *failure = lw_transport_failure_of(conn->io);
  char reason[160];
  int size;
  if (failure != NULL && error == UV_EPROTO) {
    size = snprintf(reason, sizeof reason, "%s", failure->text);
    if (size >= (int)sizeof reason) size = sizeof reason - 1;
  } else if (error == UV_EOF) {
    size = snprintf(reason, sizeof reason, "the peer ended the connection without a close frame");
  } else {
    size = snprintf(reason, sizeof reason, "%s (%s)", uv_strerror(error), uv_err_name(error));
  }
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, reason, (size_t)size, false);
}

void lw__conn_fail_later(lw_conn *conn, const char *code, const char *message) {
  conn->must_fail = true;
  conn->failure = malloc(sizeof *conn->failure);
  if (conn->failure != NULL) lw__fail(conn->failure, code, "%s", message);
}

void lw__conn_broken(lw_conn *conn, lw_error error) {
  const char *text = lw_error_text(error);
  unsigned code = (unsigned)lw_error_number(error);
  conn->error = (uint8_t)error;
  lw__conn_send_close(conn, code, text, strlen(text));
  lw__conn_finish(conn, code, text, strlen(text), true);
}

static void give_up_connecting(lw_conn *conn) {
  lw__client_failed(conn, "CLOSED", "the script closed the connection before it was open");
}

void lw_conn_abort(lw_conn *conn, unsigned code, const char *reason) {
  if (conn->state == LW_CLOSED) return;
  lw__conn_send_close(conn, code, "", 0);
  lw__conn_finish(conn, code, reason, strlen(reason), true);
}

void lw_conn_terminate(lw_conn *conn) {
  static const char reason[] = "terminated";
  if (conn->client != NULL) {
    give_up_connecting(conn);
  } else if (conn->state == LW_CLOSED) {
    lw__conn_close_transport(conn);
  } else {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, reason, sizeof reason - 1, false);
  }
}

bool lw_conn_close(lw_conn *conn, unsigned code, const char *reason, size_t size) {
  bool has_code = code != LW_CLOSE_NO_STATUS;
  if (has_code ? !lw_close_code_valid(code) : size > 0) return false;
  if (size > LW_CLOSE_REASON_MAX || !lw_utf8_valid((const uint8_t *)reason, size)) return false;
  if (conn->client != NULL) {
    give_up_connecting(conn);
  } else if (conn->state == LW_REQUEST) {
    lw__conn_finish(conn, code, reason, size, false);
  } else if (conn->state == LW_OPEN) {
    if (conn->member != NULL && !lw__member_send_held(conn->member, true)) {
      lw__conn_finish_uv(conn, UV_ENOMEM);
      return true;
    }
    lw__conn_send_close(conn, code, reason, size);
    lw__member_leave(conn);
    conn->state = LW_CLOSING;
    conn->began_ms = uv_now(conn->loop->net.uv);
    lw_conn_resume(conn); /* the peer's close frame must be read */
    lw__conn_arm(conn);
  }
  return true;
}
