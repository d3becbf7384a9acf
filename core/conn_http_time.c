/* The time limits of plain HTTP. While a script works on its answer there is none. */
#include "conn_http.h"
#include "server.h"

/* A body that comes more slowly uses up its time, however regularly its bytes drip. */
#define BODY_RATE 1024 /* bytes per second */

static uint64_t min(uint64_t a, uint64_t b) {
  return a < b ? a : b;
}

void lw__http_pace(lw_conn *conn) {
  conn->http->body_began_ms = conn->heard_ms = uv_now(conn->loop->net.uv);
  conn->http->body_paced = 0;
  lw__conn_arm(conn);
}

uint64_t lw__http_write_due_ms(const lw_conn *conn) {
  const lw_http *http = conn->http;
  if (http == NULL || !conn->is_writing || !http->is_watched) return UINT64_MAX;
  return http->looked_ms + conn->settings->limits.write_ms;
}

bool lw__http_is_stalled(lw_conn *conn) {
  lw_http *http = conn->http;
  size_t unwritten = lw_transport_unwritten(conn->io);
  bool stalled = http->is_watched && unwritten == http->unwritten;
  http->unwritten = unwritten;
  http->looked_ms = uv_now(conn->loop->net.uv);
  http->is_watched = true;
  return stalled;
}

/* Between two requests. */
static bool is_idle(const lw_conn *conn) {
  return conn->state == LW_REQUEST && conn->http != NULL && !lw__http_has_asked(conn);
}

/* From when it was written it is the peer's turn: to ask again, or to end. */
void lw__http_written(lw_conn *conn) {
  conn->http->is_watched = false;
  if (conn->state != LW_CLOSED && !is_idle(conn)) return;
  conn->began_ms = uv_now(conn->loop->net.uv);
  lw__conn_arm(conn);
}

/* Of reading. The time for a head counts from its first byte, for the first one from accept; that
 * between two requests from when the answer is written. */
static uint64_t read_due_ms(const lw_conn *conn) {
  const lw_limits *limits = &conn->settings->limits;
  const lw_http *http = conn->http;
  if (is_idle(conn)) return conn->is_writing ? UINT64_MAX : conn->began_ms + limits->keep_alive_ms;
  if (!conn->has_head || http == NULL || !(http->under_way || http->drains)) {
    return conn->began_ms + limits->handshake_ms;
  }
  if (!http->drains && (!http->wants_body || conn->is_paused)) return UINT64_MAX;
  uint64_t paced = http->body_began_ms + http->body_paced * 1000 / BODY_RATE;
  return min(conn->heard_ms, paced) + limits->body_ms;
}

uint64_t lw__http_due_ms(const lw_conn *conn) {
  return min(read_due_ms(conn), lw__http_write_due_ms(conn));
}

void lw__http_deadline(lw_conn *conn) {
  uint64_t heard = lw_poller_heard_ms(conn->loop->net.poller);
  if (lw__http_write_due_ms(conn) <= heard && lw__http_is_stalled(conn)) {
    lw__http_fail(conn, LW_E_HTTP_SLOW_READER);
  } else if (read_due_ms(conn) > heard) {
    lw__conn_arm(conn);
  } else if (conn->http != NULL && conn->http->drains) {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, true);
  } else if (conn->http != NULL && conn->http->under_way) {
    lw__http_fail(conn, LW_E_HTTP_BODY_TIMEOUT);
  } else {
    lw__server_on_bad_head(conn, LW_E_HTTP_TIMEOUT);
  }
}
