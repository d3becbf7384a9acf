/* A client that was sent elsewhere: it begins anew, with whatever its owner says, under the same
 * deadline. RFC 6455 section 4.1 lets a client follow (number 1 of what it checks in the answer).
 */
#include <stdlib.h>

#include "client.h"

static bool is_redirect(int status) {
  return (status >= 301 && status <= 303) || status == 307 || status == 308;
}

bool lw__client_redirected(lw_conn *conn, const lw_http_head *response) {
  lw_failure failure;
  const lw_redirector *redirector = &conn->client->redirector;
  lw_slice location = lw_http_find(response, LW_SLICE("Location"), NULL);
  if (redirector->follow == NULL || !is_redirect(response->status) || location.size == 0) {
    return false;
  }
  void *context = redirector->context;
  if (!redirector->follow(context, conn, response->status, location.data, location.size,
                          &failure)) {
    lw__client_failed(conn, failure.code, failure.message);
  }
  return true;
}

/* The connection is what it was before it was dialled. */
static void forget_transport(lw_conn *conn) {
  if (conn->io != NULL) {
    lw_transport_adopt(conn->io, NULL, NULL);
    lw__conn_close_transport(conn);
    conn->io = NULL;
  }
  if (conn->out != NULL) lw_out_give(conn->loop->net.outs, conn->out);
  conn->out = NULL;
  conn->is_reading = conn->is_writing = false;
  conn->has_head = false;
  conn->head.size = 0;
  conn->scanner = (lw_http_scanner){0};
}

bool lw_conn_redirect(lw_conn *conn, const lw_connect_options *options, lw_failure *failure) {
  lw_client *before = conn->client;
  lw_client *client = before != NULL ? calloc(1, sizeof *client) : NULL;
  if (client == NULL) {
    lw__fail(failure, before != NULL ? "NOMEM" : "CLOSED", "%s",
             before != NULL ? "out of memory" : "the connection is not on its way any more");
    return false;
  }
  client->stream_messages = before->stream_messages;
  client->redirector = before->redirector;
  before->redirector = (lw_redirector){NULL, NULL, NULL};
  lw__client_free(conn);
  conn->client = client;
  forget_transport(conn);
  return lw__client_prepare(conn, options, failure) && lw__client_set_out(conn, options, failure);
}
