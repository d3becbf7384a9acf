/* What can be asked of a connection at any time, also long after it ended. */
#include <stdlib.h>
#include <string.h>

#include "conn_http.h"
#include "member.h"
#include "net/tls.h"

void lw_conn_pause(lw_conn *conn) {
  bool may = conn->state == LW_OPEN || (conn->state == LW_REQUEST && conn->http != NULL);
  if (!may || conn->is_paused) return;
  conn->is_paused = true;
  lw__loop_unsettle(conn->loop, conn);
}

void lw_conn_resume(lw_conn *conn) {
  if (!conn->is_paused) return;
  conn->is_paused = false;
  conn->heard_ms = uv_now(conn->loop->net.uv); /* its silence was ours */
  if (conn->http != NULL) lw__http_pace(conn);
  lw__conn_arm(conn);
  lw__loop_unsettle(conn->loop, conn);
}

lw_state lw_conn_state(const lw_conn *conn) {
  return (lw_state)conn->state;
}
bool lw_conn_is_server(const lw_conn *conn) {
  return conn->is_server;
}
lw_server *lw_conn_server(const lw_conn *conn) {
  return conn->settings->server;
}
lw_loop *lw_conn_loop(const lw_conn *conn) {
  return conn->loop;
}
void lw_conn_set_user(lw_conn *conn, void *user) {
  conn->user = user;
}
void *lw_conn_user(const lw_conn *conn) {
  return conn->user;
}
void lw_conn_set_context(lw_conn *conn, void *context) {
  conn->context = context;
}
void *lw_conn_context(const lw_conn *conn) {
  return conn->context;
}

size_t lw_conn_buffered(const lw_conn *conn) {
  size_t size = conn->out != NULL ? lw_out_size(conn->out) : 0;
  if (conn->is_writing) size += lw_transport_unwritten(conn->io);
  if (conn->member != NULL) size += lw__member_size(conn->member);
  return size;
}

uint32_t lw_conn_unsent(const lw_conn *conn) {
  return conn->unsent;
}

double lw_conn_rtt(const lw_conn *conn) {
  return conn->rtt_us == UINT32_MAX ? -1 : (double)conn->rtt_us / 1e6;
}

const char *lw_conn_protocol(const lw_conn *conn, size_t *size) {
  *size = conn->protocol_size;
  return (const char *)conn->head.data + conn->protocol_at;
}

struct lw_remote {
  int port;
  char address[]; /* terminated */
};

bool lw__conn_set_remote(lw_conn *conn, const char *address, int port) {
  size_t size = strlen(address) + 1;
  lw_remote *remote = malloc(sizeof *remote + size);
  if (remote == NULL) return false;
  remote->port = port;
  memcpy(remote->address, address, size);
  free(conn->remote);
  conn->remote = remote;
  return true;
}

void lw__conn_remember_remote(lw_conn *conn) {
  char address[128];
  int port;
  if (conn->remote != NULL || conn->io == NULL) return;
  if (lw_transport_peer(conn->io, address, sizeof address, &port) != 0) return;
  lw__conn_set_remote(conn, address, port); /* without it the script's log lacks it, no more */
}

bool lw_conn_remote(const lw_conn *conn, char *address, size_t size, int *port) {
  if (conn->remote == NULL) {
    return conn->io != NULL && lw_transport_peer(conn->io, address, size, port) == 0;
  }
  size_t length = strlen(conn->remote->address);
  if (length >= size) return false;
  memcpy(address, conn->remote->address, length + 1);
  *port = conn->remote->port;
  return true;
}

bool lw_conn_tls(const lw_conn *conn,
                 void (*fn)(void *context, const char *name, const char *value), void *context) {
  return conn->io != NULL && lw_tls_describe(conn->io, fn, context);
}

const char *lw_conn_head(const lw_conn *conn, size_t *size) {
  *size = conn->has_head ? conn->head.size : 0;
  return (const char *)conn->head.data;
}
