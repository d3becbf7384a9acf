/* The way of a client to its server: dial, and TLS over what was dialled. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client.h"
#include "net/tls.h"

/* Adopts the transport, or TLS over it, and says what the client has to say first. */
static int start_talking(lw_conn *conn, lw_transport *io) {
  lw_client *client = conn->client;
  if (client->tls != NULL) io = lw_tls_connect(io, client->tls, client->tls_name);
  if (io == NULL) return UV_ENOMEM;
  int error = lw__conn_adopt(conn, io);
  if (error != 0) return error;
  return lw__conn_write(conn, client->request.data, client->request.size) ? 0 : UV_ENOMEM;
}

static void on_dialled(void *owner, lw_transport *io, int error, const char *tried) {
  lw_conn *conn = owner;
  lw_client *client = conn->client;
  lw_loop *loop = conn->loop;
  lw__loop_enter(loop);
  lw_conn_hold(conn);
  client->dial = NULL;
  if (io == NULL) {
    char message[400];
    snprintf(message, sizeof message, "cannot connect: %s", tried);
    lw__client_failed(conn, uv_err_name(error), message);
  } else {
    error = start_talking(conn, io);
    if (error != 0) lw__client_failed_with_uv(conn, error);
  }
  lw__conn_settle(conn);
  lw_conn_release(conn);
  lw__loop_leave(loop);
}

static bool keep_tls(lw_client *client, const lw_connect_options *options) {
  if (options->tls == NULL) return true;
  client->tls = options->tls;
  lw_tls_hold(client->tls);
  size_t size = strlen(options->tls_name) + 1;
  client->tls_name = malloc(size);
  if (client->tls_name != NULL) memcpy(client->tls_name, options->tls_name, size);
  return client->tls_name != NULL;
}

bool lw__client_set_out(lw_conn *conn, const lw_connect_options *options, lw_failure *failure) {
  lw_client *client = conn->client;
  lw_dial_target target = {.host = options->host,
                           .port = options->port,
                           .path = options->path,
                           .local = options->local_address};
  int error = keep_tls(client, options) ? 0 : UV_ENOMEM;
  if (error == 0) {
    error = lw_dial_start(&client->dial, &conn->loop->net, &target, on_dialled, conn);
  }
  if (error == UV_EINVAL && options->local_address != NULL) {
    lw__fail(failure, "EINVAL", "local_address must be a numeric address, such as \"127.0.0.2\"");
  } else if (error != 0) {
    lw__fail_uv(failure, error, "cannot connect");
  }
  return error == 0;
}

void lw__client_turn_back(lw_client *client) {
  if (client->dial != NULL) lw_dial_cancel(client->dial);
  if (client->tls != NULL) lw_tls_release(client->tls);
  free(client->tls_name);
}
