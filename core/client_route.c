/* The way of a client to its server: a turn to connect, dialling, a proxy, TLS over what leads to
 * the server. One stage follows the other from the loop; each ends in the next or in failing. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "net/tls.h"

/* Bytes of a message that lists what was tried; it is cut there. */
#define MESSAGE_MAX 400

/* --- entering and leaving a stage --- */

static lw_conn *enter(void *owner) {
  lw_conn *conn = owner;
  lw__loop_enter(conn->loop);
  lw_conn_hold(conn);
  return conn;
}

static void leave(lw_conn *conn) {
  lw_loop *loop = conn->loop;
  lw__conn_settle(conn);
  lw_conn_release(conn);
  lw__loop_leave(loop);
}

static void out_of_memory(lw_conn *conn) {
  lw__client_failed_with(conn, LW_E_NOMEM);
}

/* --- talking to the server --- */

/* Adopts the transport, or TLS over it, and says what the client has to say first. `rest` is what
 * came already. */
static void start_talking(lw_conn *conn, lw_transport *lower, uint8_t *rest, size_t size) {
  lw_client *client = conn->client;
  lw_transport *io = lower;
  if (client->tls != NULL) io = lw_tls_connect(lower, client->tls, client->tls_name);
  int error = io != NULL ? lw__conn_adopt(conn, io) : UV_ENOMEM;
  if (error == 0 && !lw__conn_write(conn, client->request.data, client->request.size)) {
    error = UV_ENOMEM;
  }
  if (error != 0) {
    lw__client_failed_with_uv(conn, error);
  } else if (size > 0) {
    lw_transport_pass_on(lower, rest, size);
  }
}

/* --- the proxy --- */

static int dial_proxy(lw_conn *conn);

static void dial_proxy_or_fail(lw_conn *conn) {
  int error = dial_proxy(conn);
  if (error != 0) lw__client_failed_with_uv(conn, error);
}

static bool may_try_another(const lw_client *client, const lw_failure *failure) {
  return strcmp(failure->code, "PROXY") == 0 && client->addresses.next < client->addresses.count;
}

static void on_tunnelled(void *owner, lw_transport *io, uint8_t *rest, size_t size,
                         const lw_failure *failure) {
  lw_conn *conn = enter(owner);
  lw_client *client = conn->client;
  client->tunnel = NULL;
  if (io != NULL) {
    start_talking(conn, io, rest, size);
  } else if (may_try_another(client, failure)) {
    dial_proxy_or_fail(conn);
  } else {
    lw__client_failed(conn, failure->code, failure->message);
  }
  leave(conn);
}

static void start_tunnel(lw_conn *conn, lw_transport *io) {
  lw_client *client = conn->client;
  const lw_proxy *proxy = &client->proxy;
  lw_addresses *addresses = &client->addresses;
  const char *host = client->host;
  lw_failure failure;
  if (addresses->next < addresses->count) host = addresses->texts[addresses->next++];
  if (proxy->tls != NULL) io = lw_tls_connect(io, proxy->tls, proxy->host);
  if (io == NULL) {
    out_of_memory(conn);
    return;
  }
  client->tunnel = lw_tunnel_start(io, proxy, host, client->port, on_tunnelled, conn, &failure);
  if (client->tunnel == NULL) lw__client_failed(conn, failure.code, failure.message);
}

/* --- dialling --- */

/* The proxy is dialled in its turn; before that the server may be, for its addresses. */
static bool is_for_proxy(const lw_client *client) {
  return client->has_proxy && client->turn != NULL;
}

static void failed_having_tried(lw_conn *conn, const char *code, const char *what,
                                const char *tried) {
  char message[MESSAGE_MAX];
  snprintf(message, sizeof message, "%s: %s", what, tried);
  lw__client_failed(conn, code, message);
}

static void on_dialled(void *owner, lw_transport *io, int error, const char *tried) {
  lw_conn *conn = enter(owner);
  lw_client *client = conn->client;
  client->dial = NULL;
  if (io == NULL) {
    const char *what = is_for_proxy(client) ? "cannot connect to the proxy" : "cannot connect";
    failed_having_tried(conn, uv_err_name(error), what, tried);
  } else if (client->has_proxy) {
    start_tunnel(conn, io);
  } else {
    start_talking(conn, io, NULL, 0);
  }
  leave(conn);
}

static int dial_proxy(lw_conn *conn) {
  lw_client *client = conn->client;
  lw_dial_target target = {
      .host = client->proxy.host, .port = client->proxy.port, .local = client->local_address};
  return lw_dial_start(&client->dial, &conn->loop->net, &target, on_dialled, conn);
}

/* --- its turn --- */

static void on_turn(void *owner) {
  lw_conn *conn = owner;
  lw_client *client = conn->client;
  if (conn->loop->freed) return;
  if (client->has_proxy) {
    dial_proxy_or_fail(conn);
  } else {
    lw_dial_go(client->dial);
  }
}

static bool get_in_line(lw_conn *conn, const char (*keys)[LW_TURN_KEY_MAX], size_t count) {
  lw_client *client = conn->client;
  client->turn = lw_turn_join(&conn->loop->turns, keys, count, on_turn, conn);
  return client->turn != NULL;
}

static void write_key(char key[LW_TURN_KEY_MAX], const char *address, int port) {
  snprintf(key, LW_TURN_KEY_MAX, "%s %d", address, port);
}

/* Only the proxy knows the addresses of a name, so each name counts as one. */
static bool get_in_line_by_name(lw_conn *conn) {
  const lw_client *client = conn->client;
  char key[1][LW_TURN_KEY_MAX], address[64];
  if (lw_dial_numeric(client->host, address, sizeof address)) {
    write_key(key[0], address, client->port);
  } else {
    snprintf(key[0], sizeof key[0], "%s %d by proxy", client->host, client->port);
  }
  for (char *c = key[0]; *c != '\0'; c++) {
    if (*c >= 'A' && *c <= 'Z') *c = (char)(*c - 'A' + 'a'); /* names know no case */
  }
  return get_in_line(conn, (const char(*)[LW_TURN_KEY_MAX])key, 1);
}

static bool keep_addresses(lw_client *client) {
  lw_addresses *addresses = &client->addresses;
  unsigned count = lw_dial_count(client->dial);
  addresses->texts = calloc(count, sizeof *addresses->texts);
  if (addresses->texts == NULL) return false;
  addresses->count = count;
  for (unsigned i = 0; i < count; i++) {
    int port;
    lw_dial_address(client->dial, i, addresses->texts[i], sizeof *addresses->texts, &port);
  }
  return true;
}

static bool get_in_line_by_addresses(lw_conn *conn) {
  const lw_client *client = conn->client;
  unsigned count = lw_dial_count(client->dial);
  char(*keys)[LW_TURN_KEY_MAX] = calloc(count, sizeof *keys);
  if (keys == NULL) return false;
  for (unsigned i = 0; i < count; i++) {
    char address[64] = "";
    int port;
    lw_dial_address(client->dial, i, address, sizeof address, &port);
    write_key(keys[i], address, client->port);
  }
  bool is_in_line = get_in_line(conn, (const char(*)[LW_TURN_KEY_MAX])keys, count);
  free(keys);
  return is_in_line;
}

/* The server's addresses are known. Where a proxy is to be asked for them this was the purpose. */
static void on_known(void *owner) {
  lw_conn *conn = enter(owner);
  lw_client *client = conn->client;
  bool kept = !client->has_proxy || keep_addresses(client);
  if (!kept || !get_in_line_by_addresses(conn)) {
    out_of_memory(conn);
  } else {
    if (client->has_proxy) {
      lw_dial_cancel(client->dial);
      client->dial = NULL;
    }
    if (lw_turn_has_come(client->turn)) on_turn(conn);
  }
  leave(conn);
}

/* --- setting out --- */

/* A copy that is owned, as const as the texts in the structures of callers are. */
static bool copy(const char **to, const char *from) {
  *to = NULL;
  if (from == NULL) return true;
  size_t size = strlen(from) + 1;
  char *text = malloc(size);
  if (text != NULL) *to = memcpy(text, from, size);
  return text != NULL;
}

static lw_tls_context *hold_tls(lw_tls_context *tls) {
  if (tls != NULL) lw_tls_hold(tls);
  return tls;
}

static bool keep_proxy(lw_client *client, const lw_proxy *proxy) {
  client->has_proxy = true;
  client->proxy = (lw_proxy){.kind = proxy->kind, .port = proxy->port};
  client->proxy.tls = hold_tls(proxy->tls);
  return copy(&client->proxy.host, proxy->host) && copy(&client->proxy.user, proxy->user) &&
         copy(&client->proxy.password, proxy->password);
}

static bool keep(lw_client *client, const lw_connect_options *options) {
  client->tls = hold_tls(options->tls);
  client->port = options->port;
  if (options->proxy != NULL && !keep_proxy(client, options->proxy)) return false;
  return copy(&client->tls_name, options->tls_name) && copy(&client->host, options->host) &&
         copy(&client->local_address, options->local_address);
}

static int dial_server(lw_conn *conn, const char *path) {
  lw_client *client = conn->client;
  lw_dial_target target = {.host = client->host,
                           .port = client->port,
                           .path = path,
                           .local = client->local_address,
                           .known = path == NULL ? on_known : NULL};
  return lw_dial_start(&client->dial, &conn->loop->net, &target, on_dialled, conn);
}

bool lw__client_set_out(lw_conn *conn, const lw_connect_options *options, lw_failure *failure) {
  lw_client *client = conn->client;
  if (!keep(client, options)) {
    lw__fail(failure, "NOMEM", "out of memory");
    return false;
  }
  int error;
  if (!client->has_proxy || client->proxy.kind == LW_PROXY_SOCKS5) {
    error = dial_server(conn, options->path);
  } else if (!get_in_line_by_name(conn)) {
    error = UV_ENOMEM;
  } else {
    error = lw_turn_has_come(client->turn) ? dial_proxy(conn) : 0;
  }
  if (error == UV_EINVAL && client->local_address != NULL) {
    lw__fail(failure, "EINVAL", "local_address must be a numeric address, such as \"127.0.0.2\"");
  } else if (error != 0) {
    lw__fail_uv(failure, error, "cannot connect");
  }
  return error == 0;
}

static void free_text(const char **text) {
  free((char *)*text);
  *text = NULL;
}

void lw__client_turn_back(lw_client *client) {
  if (client->dial != NULL) lw_dial_cancel(client->dial);
  if (client->tunnel != NULL) lw_tunnel_cancel(client->tunnel);
  if (client->turn != NULL) lw_turn_leave(client->turn);
  if (client->tls != NULL) lw_tls_release(client->tls);
  if (client->proxy.tls != NULL) lw_tls_release(client->proxy.tls);
  free_text(&client->host);
  free_text(&client->local_address);
  free_text(&client->tls_name);
  free_text(&client->proxy.host);
  free_text(&client->proxy.user);
  free_text(&client->proxy.password);
  free(client->addresses.texts);
}

/* --- being late --- */

static void dialled_too_long(lw_conn *conn) {
  const lw_client *client = conn->client;
  char *tried = lw_dial_tried(client->dial);
  failed_having_tried(conn, "ETIMEDOUT",
                      is_for_proxy(client) ? "the proxy could not be reached in time"
                                           : "the server could not be reached in time",
                      tried != NULL ? tried : "out of memory");
  free(tried);
}

void lw__client_late(lw_conn *conn) {
  const lw_client *client = conn->client;
  if (client->turn != NULL && !lw_turn_has_come(client->turn)) {
    lw__client_failed(conn, "ETIMEDOUT",
                      "another connection to the same address was still connecting, and this "
                      "one's turn did not come in time");
  } else if (client->dial != NULL) {
    dialled_too_long(conn);
  } else {
    lw__client_failed(conn, "ETIMEDOUT", "the proxy did not lead to the server in time");
  }
}
