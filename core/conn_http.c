#include "conn_http.h"

#include <stdlib.h>
#include <string.h>

#include "server.h"

/* What is read ahead of the request that is handled: above it the kernel keeps the rest. One read
 * may bring more. */
#define READ_AHEAD (16 * 1024)

/* Requests that are handled before other connections have their turn. */
#define REQUESTS_AT_ONCE 64

/* --- one request after the other --- */

bool lw__http_awaits_answer(const lw_conn *conn) {
  if (conn->state != LW_REQUEST || !conn->has_head) return false;
  return conn->http == NULL || !conn->http->under_way || !conn->http->exchange.begun;
}

bool lw__http_is_answering(const lw_conn *conn) {
  const lw_http *http = conn->http;
  return conn->state == LW_REQUEST && http != NULL && http->under_way && http->exchange.begun;
}

lw_error lw__http_begin(lw_conn *conn, const lw_http_head *request) {
  lw_http *http = conn->http;
  if (http == NULL) {
    http = conn->http = calloc(1, sizeof *http);
    if (http == NULL) return LW_E_NOMEM;
  }
  http->under_way = true;
  http->wants_body = http->has_written = conn->is_paused = false;
  http->body_size = http->sent = 0;
  return lw_exchange_begin(&http->exchange, request);
}

/* The exchange is over; the connection waits for the next request. */
static void next_request(lw_conn *conn) {
  conn->http->drains = conn->http->wants_body = false;
  conn->has_head = conn->is_slow = false;
  conn->head.size = 0;
  memset(&conn->scanner, 0, sizeof conn->scanner);
  conn->began_ms = uv_now(conn->loop->net.uv);
  lw__conn_arm(conn);
  if (conn->has_waiting) lw__loop_unsettle(conn->loop, conn);
}

static void end_after_answer(lw_conn *conn) {
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, true);
}

void lw__http_answered(lw_conn *conn) {
  lw_http *http = conn->http;
  const lw_exchange *x = &http->exchange;
  http->under_way = false;
  lw_buf_free(&http->body);
  if (!x->keeps_alive || !lw_exchange_can_drain(x)) {
    end_after_answer(conn);
  } else if (x->body_done) {
    next_request(conn);
  } else {
    http->drains = true;
    http->body_size = 0;
    conn->is_paused = false;
    lw__http_pace(conn);
    lw__loop_unsettle(conn->loop, conn);
  }
}

/* --- input --- */

bool lw__http_has_asked(const lw_conn *conn) {
  return conn->head.size > 2;
}

/* Reads of a head. Returns how many bytes belong to it. */
static size_t read_head(lw_conn *conn, const uint8_t *data, size_t size) {
  size_t used = 0;
  bool had_asked = lw__http_has_asked(conn);
  lw_result result = lw_http_scan(&conn->scanner, &used, data, size);
  lw_error error = result == LW_BROKEN ? (lw_error)conn->scanner.error : LW_OK;
  size_t seen = used + (result == LW_BROKEN); /* the byte that broke it tells what it may be */
  if (!lw_buf_append(&conn->head, data, seen) && error == LW_OK) error = LW_E_NOMEM;
  if (error != LW_OK) {
    lw__server_on_bad_head(conn, error);
  } else if (result == LW_DONE) {
    conn->has_head = true;
    lw__server_on_head(conn);
  } else if (!had_asked && lw__http_has_asked(conn) &&
             conn->http != NULL) { /* the time of the first head runs since accept */
    conn->began_ms = uv_now(conn->loop->net.uv);
    lw__conn_arm(conn);
  }
  return used;
}

static void call_body(lw_conn *conn, const void *data, size_t size, bool final) {
  if (final) conn->http->wants_body = false;
  const lw_conn_events *events = conn->settings->events;
  if (events->on_body != NULL) events->on_body(conn, data, size, final);
}

/* A body that is whole in the input is handed out as it is. */
static void gather_body(lw_conn *conn, const uint8_t *data, size_t size, bool final) {
  lw_buf *body = &conn->http->body;
  if (final && body->size == 0) {
    call_body(conn, data, size, true);
  } else if (!lw_buf_reserve(body, size, SIZE_MAX)) {
    lw__http_fail(conn, LW_E_NOMEM);
  } else {
    lw_buf_append(body, data, size);
    if (!final) return;
    lw_buf whole = *body;
    *body = (lw_buf){0};
    call_body(conn, whole.data, whole.size, true);
    lw_buf_free(&whole);
  }
}

static void take_body(lw_conn *conn, const uint8_t *data, size_t size, bool final) {
  lw_http *http = conn->http;
  uint64_t max = http->drains ? LW_EXCHANGE_DRAIN_MAX : http->max_body;
  if (size > max - http->body_size) {
    if (http->drains) {
      end_after_answer(conn);
    } else {
      lw__http_fail(conn, LW_E_HTTP_BODY_TOO_LARGE);
    }
    return;
  }
  http->body_size += size;
  http->body_paced += size;
  if (http->drains) {
    if (final) next_request(conn);
  } else if (http->wants_whole) {
    gather_body(conn, data, size, final);
  } else if (size > 0 || final) {
    call_body(conn, data, size, final);
  }
}

static size_t read_body(lw_conn *conn, uint8_t *data, size_t size) {
  size_t used, got;
  lw_exchange *x = &conn->http->exchange;
  lw_result result = lw_exchange_read(x, data, size, &used, &got);
  if (result != LW_BROKEN) {
    take_body(conn, data, got, result == LW_DONE);
  } else if (conn->http->drains) {
    end_after_answer(conn);
  } else {
    lw__http_fail(conn, (lw_error)x->chunked.error);
  }
  return used;
}

static bool reads_body(const lw_conn *conn) {
  const lw_http *http = conn->http;
  return http != NULL && (http->drains || (http->wants_body && !conn->is_paused));
}

/* A client that does not read its answers gets no more of them. */
static bool may_begin(const lw_conn *conn) {
  return lw_conn_buffered(conn) <= conn->settings->limits.high_water;
}

/* Handles as much as may be handled now, and returns how much that was. */
static size_t handle(lw_conn *conn, uint8_t *data, size_t size) {
  size_t at = 0;
  unsigned requests = 0;
  while (at < size && conn->state == LW_REQUEST) {
    if (conn->has_head && !reads_body(conn)) break;
    if (conn->has_head) {
      at += read_body(conn, data + at, size - at);
    } else {
      if (requests++ == REQUESTS_AT_ONCE || !may_begin(conn)) break;
      at += read_head(conn, data + at, size - at);
    }
  }
  return at;
}

void lw__http_input(lw_conn *conn, uint8_t *data, size_t size) {
  size_t used = conn->has_waiting ? 0 : handle(conn, data, size);
  if (used < size && conn->state != LW_CLOSED) lw__conn_keep(conn, data + used, size - used);
}

void lw__http_feed_waiting(lw_conn *conn) {
  lw_buf input = lw__conn_take_waiting(conn);
  size_t used = handle(conn, input.data, input.size);
  if (used == input.size || conn->state == LW_CLOSED) {
    lw_buf_free(&input);
  } else {
    lw_buf_drop(&input, used);
    conn->waiting = input;
    conn->has_waiting = true;
  }
}

bool lw__http_has_input(const lw_conn *conn) {
  if (conn->state != LW_REQUEST || !conn->has_waiting) return false;
  return conn->has_head ? reads_body(conn) : may_begin(conn);
}

/* While a request is handled reading goes on, to notice that the client leaves. */
bool lw__http_may_read(const lw_conn *conn) {
  return conn->waiting.size < READ_AHEAD;
}

/* --- bodies --- */

bool lw_conn_has_body(const lw_conn *conn) {
  const lw_http *http = conn->http;
  return conn->state == LW_REQUEST && http != NULL && http->under_way && !http->exchange.body_done;
}

bool lw_conn_read_body(lw_conn *conn, uint64_t max, bool whole, lw_failure *failure) {
  lw_http *http = conn->http;
  if (!lw_conn_has_body(conn) || http->wants_body) {
    lw__fail(failure, "CLOSED", "there is no body to read any more");
    return false;
  }
  if (http->exchange.body_left > max) {
    lw__fail(failure, lw_error_name(LW_E_HTTP_BODY_TOO_LARGE), "%s",
             lw_error_text(LW_E_HTTP_BODY_TOO_LARGE));
    lw__http_fail(conn, LW_E_HTTP_BODY_TOO_LARGE);
    return false;
  }
  if (lw_exchange_take_continue(&http->exchange)) {
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    http->sent += sizeof interim - 1;
    if (!lw__conn_write(conn, interim, sizeof interim - 1)) lw__http_fail(conn, LW_E_NOMEM);
  }
  http->max_body = max;
  http->wants_whole = whole;
  http->wants_body = true;
  lw__http_pace(conn);
  lw__loop_unsettle(conn->loop, conn);
  return true;
}

/* --- endings --- */

void lw__http_fail(lw_conn *conn, lw_error error) {
  lw_http *http = conn->http;
  conn->error = (uint8_t)error;
  if (http->exchange.begun || lw_error_number(error) == 0) {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, false);
  } else {
    lw__server_on_bad_head(conn, error);
  }
}

void lw__http_on_finish(lw_conn *conn) {
  lw_http *http = conn->http;
  http->must_tell = http->under_way;
  http->under_way = http->wants_body = http->drains = false;
  lw_buf_free(&http->body);
  lw__sending_stop(http);
}

/* A client may end its side and still read: what was answered gets there. But one that leaves
 * before its answer is finished looks just the same, so that answer is off. */
void lw__http_on_peer_end(lw_conn *conn) {
  conn->peer_ended = true;
  if (!conn->has_head && conn->has_waiting) return; /* it asked for more before */
  bool answered = conn->http == NULL || !conn->http->under_way;
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, answered && lw_conn_buffered(conn) > 0);
}

void lw__http_call_gone(lw_conn *conn) {
  lw_http *http = conn->http;
  bool must_tell = conn->is_asked || (http != NULL && http->must_tell);
  conn->is_asked = false;
  if (http != NULL) http->must_tell = false;
  const lw_conn_events *events = conn->settings->events;
  if (!must_tell || events->on_gone == NULL) return;
  lw_error error = conn->error != LW_OK ? (lw_error)conn->error : LW_E_HTTP_GONE;
  events->on_gone(conn, lw_error_text(error), lw_error_name(error));
}

void lw__http_settled(lw_conn *conn) {
  lw_http *http = conn->http;
  if (conn->peer_ended && conn->state == LW_REQUEST) lw__http_on_peer_end(conn);
  if (conn->is_writing && !http->is_watched) {
    lw__http_is_stalled(conn);
    lw__conn_arm(conn);
  }
  http->is_watched = conn->is_writing;
}

void lw__http_free(lw_conn *conn) {
  if (conn->http == NULL) return;
  lw_buf_free(&conn->http->body);
  lw__sending_stop(conn->http);
  free(conn->http);
  conn->http = NULL;
}
