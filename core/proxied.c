/* What a server with proxy_protocol reads of a connection before TLS and HTTP: who the peer is. It
 * costs a connection nothing later: when the header is whole, whoever is next takes the transport
 * over, and this file is out of the way. Until then the header gathers where the request's head
 * will. */
#include <string.h>

#include "proto/proxy_protocol.h"
#include "server.h"

/* The client's address becomes the connection's, if the proxy told one. False when out of memory.
 */
static bool take_address(lw_conn *conn, const lw_proxy_header *header) {
  char text[128] = ""; /* longer than any path or address */
  if (header->family == LW_PROXY_NONE) return true;
  if (header->family == LW_PROXY_UNIX) {
    memcpy(text, header->path.data, header->path.size);
  } else {
    int family = header->family == LW_PROXY_IP4 ? AF_INET : AF_INET6;
    uv_inet_ntop(family, header->address, text, sizeof text);
  }
  return lw__conn_set_remote(conn, text, header->port);
}

/* Gathers what may still be header. *used is how much of the data was, if the header is whole now,
 * and 0 if it is not. */
static lw_error read_header(lw_conn *conn, size_t *used, const uint8_t *data, size_t size) {
  lw_proxy_header header;
  lw_buf *head = &conn->head;
  size_t before = head->size, room = LW_PROXY_HEADER_MAX - before;
  *used = 0;
  if (!lw_buf_append(head, data, size < room ? size : room)) return LW_E_NOMEM;
  lw_result result = lw_proxy_parse(&header, head->data, head->size);
  if (result == LW_BROKEN) return LW_E_PROXY_HEADER;
  if (result == LW_MORE) return LW_OK;
  if (!take_address(conn, &header)) return LW_E_NOMEM;
  *used = header.size - before;
  return LW_OK;
}

static bool hand_over(lw_conn *conn) {
  lw_buf_free(&conn->head);
  conn->is_proxied = false;
  int error = lw__server_begin(conn, conn->io);
  if (error != 0) lw__conn_finish_uv(conn, error);
  return error == 0;
}

void lw__proxied_read(void *owner, uint8_t *data, size_t size) {
  lw_conn *conn = owner;
  lw_transport *io = conn->io; /* TLS may be put in front of it */
  size_t used;
  if (conn->state != LW_REQUEST) return; /* refused: nothing that comes now matters */
  lw__loop_enter(conn->loop);
  lw_error error = read_header(conn, &used, data, size);
  bool is_next = used > 0 && hand_over(conn);
  if (error != LW_OK) lw__server_on_bad_head(conn, error);
  lw__loop_leave(conn->loop);
  if (is_next && used < size) io->events->on_read(io->owner, data + used, size - used);
}
