/* A listening socket and the upgrades on it. For core/ only. */
#ifndef LW_SERVER_H
#define LW_SERVER_H

#include "conn.h"
#include "net/listener.h"
#include "topic.h"

struct lw_server {
  lw_loop *loop; /* NULL after lw_loop_free */
  lw_listener *listener;
  const lw_server_events *events;
  void *user;
  lw_settings *settings;
  lw_tls_context *tls;     /* held; NULL: none */
  lw_server *next, **back; /* in loop->servers while it has a listener */
  unsigned references;
  lw_topics *topics; /* NULL until somebody subscribes */
  uint32_t max_connections, max_topics;
  bool decide_upgrades, stream_messages, proxy_protocol;
  bool is_deaf;                /* its listener is gone */
  char **protocols, **origins; /* NULL-terminated copies, or NULL */
  lw_server_stats stats;
};

/* The bytes of a request come next: begins TLS, where the server has it, and reading. Returns 0 or
 * a libuv error. */
int lw__server_begin(lw_conn *conn, lw_transport *io);

/* What a transport with a PROXY header reads first (proxied.c); `owner` is the lw_conn. */
void lw__proxied_read(void *owner, uint8_t *data, size_t size);

/* Refuses the request with a status and a sentence (upgrade.c). */
void lw__server_refuse(lw_conn *conn, int status, const char *text);

/* The same because the server stops, to a peer that has sent something; another just ends. */
void lw__server_on_stop(lw_conn *conn);

/* Makes the server's last call when nothing of it is left (a connection has just gone). */
void lw__server_end_if_over(lw_server *server);

/* Ends without a callback: the loop is being freed. */
void lw__server_drop(lw_server *server);

#endif
