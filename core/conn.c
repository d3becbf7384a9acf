/* The life of a connection: birth, the events of its transport, and death. What it does with input
 * is in conn_input.c, the calls that follow in conn_settle.c, output in conn_send.c, time limits in
 * conn_deadline.c, and the ways it ends in conn_end.c. */
#include "conn_http.h"

#include <stdlib.h>
#include <string.h>

#include "member.h"
#include "server.h"

/* Two lines of a processor's cache, where a message comes whole and its connection just answers it,
 * or something is published to it. */
_Static_assert(offsetof(lw_conn, session) + LW_SESSION_HOT <= 128, "what is touched lies together");

/* --- birth and death --- */

lw_settings *lw__settings_new(lw_loop *loop, const lw_limits *limits,
                              const lw_compression *compression, const lw_conn_events *events,
                              lw_server *server) {
  lw_settings *settings = calloc(1, sizeof *settings);
  if (settings == NULL) return NULL;
  settings->references = 1;
  settings->events = events;
  settings->server = server;
  settings->limits = *limits;
  settings->has_deflate = compression != NULL;
  if (compression != NULL) settings->deflate = lw__deflate_options(compression);
  settings->whole.max_message = limits->max_message;
  settings->whole.is_server = server != NULL;
  settings->whole.spare = &loop->spare;
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

lw_conn *lw__conn_new(lw_loop *loop, lw_settings *settings, lw_state state) {
  lw_conn *conn = malloc(sizeof *conn); /* see new_tcp: connections may come and go quickly */
  if (conn == NULL) return NULL;
  *conn = (lw_conn){.loop = loop,
                    .settings = lw__settings_hold(settings),
                    .is_server = settings->server != NULL,
                    .state = (uint8_t)state,
                    .references = 1,
                    .rtt_us = UINT32_MAX};
  if (conn->is_server) lw_server_hold(settings->server);
  conn->began_ms = conn->heard_ms = conn->active_ms = uv_now(loop->net.uv);
  conn->next = loop->conns;
  conn->back = &loop->conns;
  if (conn->next != NULL) conn->next->back = &conn->next;
  loop->conns = conn;
  loop->counts.connections++;
  lw__conn_arm(conn);
  return conn;
}

void lw_conn_hold(lw_conn *conn) {
  conn->references++;
}

void lw_conn_release(lw_conn *conn) {
  if (--conn->references > 0) return;
  if (conn->settings->events->on_free != NULL) conn->settings->events->on_free(conn);
  lw_buf_free(&conn->head);
  lw_buf_free(&conn->waiting);
  free(conn->close_reason); /* or its failure */
  free(conn->remote);
  if (conn->is_server) lw_server_release(conn->settings->server);
  lw__settings_release(conn->settings);
  free(conn);
}

static void unlist(lw_conn *conn) {
  for (lw_walk *walk = conn->loop->walks; walk != NULL; walk = walk->outer) {
    if (walk->next == conn) walk->next = conn->next;
  }
  *conn->back = conn->next;
  if (conn->next != NULL) conn->next->back = conn->back;
  conn->back = NULL;
}

/* Leaves the loop; what remains is an object that answers "closed". */
static void leave_loop(lw_conn *conn) {
  lw_loop *loop = conn->loop;
  unlist(conn);
  lw__member_leave(conn);
  lw_wheel_cancel(&conn->deadline);
  lw_session_free(&conn->session);
  lw_buf_free(&conn->waiting);
  conn->has_waiting = false;
  free(conn->pong);
  conn->pong = NULL;
  lw__http_free(conn);
  if (conn->out != NULL) lw_out_give(loop->net.outs, conn->out);
  conn->out = NULL;
  loop->counts.connections--;
  if (loop->counts.connections == 0) lw_spare_free(&loop->spare);
  lw_server *server = conn->settings->server;
  if (server != NULL) {
    server->stats.connections--;
    lw__server_end_if_over(server);
  }
  lw_conn_release(conn);
}

void lw__conn_leave_loop_if_over(lw_conn *conn) {
  bool over = conn->state == LW_CLOSED && conn->io == NULL && !conn->must_close && !conn->must_end;
  if (over && conn->back != NULL) leave_loop(conn);
}

void lw__conn_close_transport(lw_conn *conn) {
  if (conn->io == NULL) return;
  conn->is_writing = false;
  if (conn->user != NULL) lw__conn_remember_remote(conn);
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
  conn->is_paused = false; /* a script may still ask to resume it */
  lw_conn_hold(conn);
  leave_loop(conn);
  conn->loop = NULL;
  lw_conn_release(conn);
}

void lw__conn_open(lw_conn *conn, bool stream_messages) {
  const lw_settings *settings = conn->settings;
  lw_deflate *agreed = conn->session.deflate;
  lw_session_init(&conn->session, stream_messages ? &settings->stream : &settings->whole);
  lw_session_use_deflate(&conn->session, agreed);
  lw__http_free(conn);
  conn->state = LW_OPEN;
  conn->is_asked = false;
  conn->must_open = true;
  conn->active_ms = conn->heard_ms = uv_now(conn->loop->net.uv);
  if (settings->server != NULL) {
    settings->server->stats.open++;
    settings->server->stats.opened++;
  }
  lw__conn_arm(conn);
  lw__loop_unsettle(conn->loop, conn);
}

/* --- transport events --- */

static void on_read(void *owner, uint8_t *data, size_t size) {
  lw_conn *conn = owner;
  lw_loop *loop = conn->loop;
  lw_conn_hold(conn);
  lw__loop_enter(loop);
  loop->current = conn;
  conn->heard_ms = uv_now(loop->net.uv);
  lw__conn_input(conn, data, size);
  lw__conn_settle(conn);
  loop->current = NULL;
  lw__loop_leave(loop);
  lw_conn_release(conn);
}

/* A connection that was accepted in this turn opens before it ends, so that scripts hear of both.
 */
static void open_first(lw_conn *conn) {
  if (conn->must_open) lw__conn_settle(conn);
}

static void on_end(void *owner, int error) {
  lw_conn *conn = owner;
  lw_loop *loop = conn->loop;
  lw_conn_hold(conn);
  lw__loop_enter(loop);
  open_first(conn);
  conn->peer_ended = true;
  if (conn->state == LW_CLOSED) { /* lingering; what it was answered may still be on its way */
    if (error != UV_EOF || !conn->is_writing) lw__conn_close_transport(conn);
  } else if (conn->state == LW_REQUEST && error == UV_EOF) {
    lw__http_on_peer_end(conn);
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
  if (error != 0) open_first(conn);
  conn->is_writing = false;
  if (conn->http != NULL) lw__http_written(conn);
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
  lw__conn_leave_loop_if_over(conn);
}

static const lw_transport_events transport_events = {on_read, on_end, on_written, on_closed,
                                                     lw__conn_room};
static const lw_transport_events proxied_events = {lw__proxied_read, on_end, on_written, on_closed,
                                                   NULL};

int lw__conn_adopt(lw_conn *conn, lw_transport *io) {
  conn->io = io;
  lw_transport_adopt(io, conn->is_proxied ? &proxied_events : &transport_events, conn);
  conn->is_reading = true;
  return lw_transport_read_start(io);
}
