/* A server: a listening socket and what its connections share. What it answers to their requests is
 * in upgrade.c. */
#include "server.h"

#include <stdlib.h>
#include <string.h>

#include "conn_http.h"
#include "net/tls.h"

/* --- birth and death --- */

static void free_list(char **list) {
  if (list == NULL) return;
  for (char **item = list; *item != NULL; item++) free(*item);
  free(list);
}

/* Copies a NULL-terminated list. False when out of memory; a missing list stays NULL. */
static bool copy_list(char ***copy, const char *const *list) {
  *copy = NULL;
  if (list == NULL) return true;
  size_t count = 0;
  while (list[count] != NULL) count++;
  *copy = calloc(count + 1, sizeof **copy);
  if (*copy == NULL) return false;
  for (size_t i = 0; i < count; i++) {
    size_t size = strlen(list[i]) + 1;
    (*copy)[i] = malloc(size);
    if ((*copy)[i] == NULL) return false;
    memcpy((*copy)[i], list[i], size);
  }
  return true;
}

void lw_server_hold(lw_server *server) {
  server->references++;
}

void lw_server_release(lw_server *server) {
  if (--server->references > 0) return;
  free_list(server->protocols);
  free_list(server->origins);
  if (server->settings != NULL) lw__settings_release(server->settings);
  if (server->tls != NULL) lw_tls_release(server->tls);
  lw_topics_free(server->topics);
  free(server);
}

static lw_server *server_new(lw_loop *loop, const lw_server_options *options,
                             const lw_server_events *events, void *user) {
  lw_server *server = calloc(1, sizeof *server);
  if (server == NULL) return NULL;
  server->loop = loop;
  server->events = events;
  server->user = user;
  server->references = 1;
  server->max_connections = options->max_connections;
  server->max_topics = options->max_topics;
  server->proxy_protocol = options->proxy_protocol;
  if (options->tls != NULL) lw_server_set_tls(server, options->tls);
  server->settings =
      lw__settings_new(loop, &options->limits, options->compression, events->conn, server);
  bool copied = copy_list(&server->origins, options->origins) &&
                lw_server_set_rules(server, options->protocols, options->decide_upgrades,
                                    options->stream_messages);
  if (copied && server->settings != NULL) return server;
  lw_server_release(server);
  return NULL;
}

static void leave_loop(lw_server *server) {
  *server->back = server->next;
  if (server->next != NULL) server->next->back = server->back;
  server->loop->counts.servers--;
  lw_server_release(server);
}

void lw__server_drop(lw_server *server) {
  if (server->listener != NULL) lw_listener_close(server->listener);
  server->listener = NULL;
  if (!server->is_deaf) lw_server_hold(server); /* until on_closed, which comes in any case */
  leave_loop(server);
  server->loop = NULL;
}

/* --- listening --- */

int lw__server_begin(lw_conn *conn, lw_transport *io) {
  lw_tls_context *tls = lw_conn_server(conn)->tls;
  if (tls != NULL) io = lw_tls_accept(io, tls);
  return io != NULL ? lw__conn_adopt(conn, io) : UV_ENOMEM;
}

static void on_accept(void *owner, lw_transport *io) {
  lw_server *server = owner;
  lw_loop *loop = server->loop;
  lw_conn *conn = lw__conn_new(loop, server->settings, LW_REQUEST);
  if (conn == NULL) {
    lw_transport_close(io);
    return;
  }
  lw__loop_enter(loop);
  server->stats.accepted++;
  server->stats.connections++;
  conn->is_proxied = server->proxy_protocol;
  int error = conn->is_proxied ? lw__conn_adopt(conn, io) : lw__server_begin(conn, io);
  if (error != 0) {
    lw__conn_finish_uv(conn, error);
  } else if (server->stats.connections > server->max_connections) {
    lw__server_refuse(conn, 503, "the server has as many connections as it may have");
  }
  lw__loop_leave(loop);
}

static void on_accept_error(void *owner, int error) {
  lw_server *server = owner;
  if (server->events->on_accept_error == NULL) return;
  lw__loop_enter(server->loop);
  server->events->on_accept_error(server, uv_strerror(error), uv_err_name(error));
  lw__loop_leave(server->loop);
}

/* The server's last call comes when neither its socket nor a connection can make another. */
void lw__server_end_if_over(lw_server *server) {
  lw_loop *loop = server->loop;
  if (loop == NULL || loop->freed || !server->is_deaf || server->stats.connections > 0) return;
  lw_server_hold(server);
  leave_loop(server);
  server->loop = NULL;
  lw__loop_enter(loop);
  if (server->events->on_end != NULL) server->events->on_end(server);
  lw__loop_leave(loop);
  lw_server_release(server);
}

static void on_closed(void *owner) {
  lw_server *server = owner;
  server->is_deaf = true;
  if (server->loop == NULL) { /* dropped */
    lw_server_release(server);
  } else {
    lw__server_end_if_over(server);
  }
}

static const lw_listener_events listener_events = {on_accept, on_accept_error, on_closed};

lw_server *lw_server_open(lw_loop *loop, const lw_server_options *options,
                          const lw_server_events *events, void *user, lw_failure *failure) {
  lw_server *server = server_new(loop, options, events, user);
  if (server == NULL) {
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  lw_listen_address address = {.host = options->host,
                               .port = options->port,
                               .path = options->path,
                               .backlog = options->backlog,
                               .reuse_port = options->reuse_port};
  int error = lw_listener_open(&server->listener, &loop->net, &address, &listener_events, server);
  if (error != 0) {
    if (options->path != NULL) {
      lw__fail(failure, uv_err_name(error), "cannot listen on %s: %s", options->path,
               uv_strerror(error));
    } else if (error == UV_EINVAL) {
      lw__fail(failure, "EINVAL",
               "cannot listen on %s: host must be a numeric address, such as \"127.0.0.1\", or "
               "\"*\" for all",
               options->host);
    } else {
      lw__fail(failure, uv_err_name(error), "cannot listen on %s port %d: %s", options->host,
               options->port, uv_strerror(error));
    }
    lw_server_release(server);
    return NULL;
  }
  server->next = loop->servers;
  server->back = &loop->servers;
  if (server->next != NULL) server->next->back = &server->next;
  loop->servers = server;
  loop->counts.servers++;
  return server;
}

/* --- the public rest --- */

/* fn may end any connection and turn the loop. It is not called for those that come meanwhile. */
static void each_in(lw_server *server, lw_state first, lw_state last,
                    void (*fn)(lw_conn *conn, void *context), void *context) {
  lw_loop *loop = server->loop;
  if (loop == NULL) return;
  lw_walk walk = {loop->conns, loop->walks};
  loop->walks = &walk;
  while (walk.next != NULL) {
    lw_conn *conn = walk.next;
    walk.next = conn->next;
    lw_conn_hold(conn);
    bool matches = conn->state >= first && conn->state <= last;
    if (lw_conn_server(conn) == server && matches) fn(conn, context);
    lw_conn_release(conn);
  }
  loop->walks = walk.outer;
}

void lw_server_each(lw_server *server, void (*fn)(lw_conn *conn, void *context), void *context) {
  each_in(server, LW_OPEN, LW_CLOSING, fn, context);
}

typedef struct closing {
  unsigned code;
  const char *reason;
} closing;

static void close_one(lw_conn *conn, void *context) {
  const closing *why = context;
  lw_conn_close(conn, why->code, why->reason, strlen(why->reason));
}

/* Between two requests: no more are answered. */
static void end_if_idle(lw_conn *conn, void *context) {
  (void)context;
  if (conn->http != NULL && !conn->has_head && !lw__http_has_asked(conn)) {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, lw_conn_buffered(conn) > 0);
  }
}

static void refuse_one(lw_conn *conn, void *context) {
  (void)context;
  lw__server_on_stop(conn);
}

void lw_server_stop(lw_server *server, unsigned close_code, const char *reason) {
  if (server->listener != NULL) lw_listener_close(server->listener);
  server->listener = NULL;
  each_in(server, LW_REQUEST, LW_REQUEST, end_if_idle, NULL);
  if (close_code == 0) return;
  lw_server_each(server, close_one, &(closing){close_code, reason});
  each_in(server, LW_REQUEST, LW_REQUEST, refuse_one, NULL);
}

bool lw_server_set_rules(lw_server *server, const char *const *protocols, bool decide_upgrades,
                         bool stream_messages) {
  char **copy;
  if (!copy_list(&copy, protocols)) {
    free_list(copy);
    return false;
  }
  free_list(server->protocols);
  server->protocols = copy;
  server->decide_upgrades = decide_upgrades;
  server->stream_messages = stream_messages;
  return true;
}

void lw_server_set_tls(lw_server *server, lw_tls_context *context) {
  lw_tls_hold(context);
  if (server->tls != NULL) lw_tls_release(server->tls);
  server->tls = context;
}

bool lw_server_has_tls(const lw_server *server) {
  return server->tls != NULL;
}

bool lw_server_listening(const lw_server *server) {
  return server->listener != NULL;
}
void *lw_server_user(const lw_server *server) {
  return server->user;
}
void lw_server_set_user(lw_server *server, void *user) {
  server->user = user;
}
void lw_server_stats_get(const lw_server *server, lw_server_stats *stats) {
  *stats = server->stats;
}

bool lw_server_address(const lw_server *server, char *address, size_t size, int *port) {
  return server->listener != NULL &&
         lw_listener_address(server->listener, address, size, port) == 0;
}
