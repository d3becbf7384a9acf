/* The life of a client until it is open: birth, and the ways in which it fails. The way to the
 * server is in client_route.c, what it asks in client_request.c, the answer in client_answer.c. */
#include <stdio.h>
#include <stdlib.h>

#include "client.h"

/* --- birth and death --- */

void lw__client_free(lw_conn *conn) {
  lw_client *client = conn->client;
  const lw_redirector *redirector = &client->redirector;
  if (redirector->release != NULL) redirector->release(redirector->context);
  lw__client_turn_back(client);
  lw_buf_free(&client->request);
  lw_buf_free(&client->texts);
  lw_buf_free(&client->body);
  free(client);
  conn->client = NULL;
}

static lw_conn *conn_new(lw_loop *loop, const lw_connect_options *options,
                         const lw_conn_events *events, void *user) {
  lw_settings *settings =
      lw__settings_new(loop, &options->limits, options->compression, events, NULL);
  if (settings == NULL) return NULL;
  lw_conn *conn = lw__conn_new(loop, settings, LW_CONNECTING);
  lw__settings_release(settings);
  if (conn != NULL) conn->user = user;
  return conn;
}

lw_conn *lw_connect(lw_loop *loop, const lw_connect_options *options, const lw_conn_events *events,
                    void *user, lw_failure *failure) {
  lw_client *client = calloc(1, sizeof *client);
  lw_conn *conn = client != NULL ? conn_new(loop, options, events, user) : NULL;
  if (conn == NULL) {
    free(client);
    if (options->redirector.release != NULL) {
      options->redirector.release(options->redirector.context);
    }
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  conn->client = client;
  client->stream_messages = options->stream_messages;
  client->redirector = options->redirector;
  if (!lw__client_prepare(conn, options, failure) || !lw__client_set_out(conn, options, failure)) {
    lw__conn_drop(conn);
    return NULL;
  }
  lw_conn_hold(conn);
  return conn;
}

/* --- failing --- */

void lw__client_failed(lw_conn *conn, const char *code, const char *message) {
  if (conn->state == LW_CLOSED) return;
  lw_conn_hold(conn);
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, false);
  lw__conn_fail_later(conn, code, message);
  lw_conn_release(conn);
}

void lw__client_failed_with(lw_conn *conn, lw_error error) {
  lw__client_failed(conn, lw_error_name(error), lw_error_text(error));
}

/* The transport may know more than an error's number tells. */
void lw__client_failed_with_uv(lw_conn *conn, int error) {
  const lw_transport_failure *failure = lw_transport_failure_of(conn->io);
  if (failure != NULL) {
    lw__client_failed(conn, failure->code, failure->text);
  } else {
    lw__client_failed(conn, uv_err_name(error), uv_strerror(error));
  }
}

void lw__client_on_end(lw_conn *conn, int error) {
  if (lw_transport_failure_of(conn->io) != NULL) {
    lw__client_failed_with_uv(conn, error);
  } else if (conn->has_head) { /* a refusal without a length ends here */
    lw__client_refused(conn);
  } else if (error == UV_EOF) {
    lw__client_failed(conn, "EOF", "the server ended the connection during the handshake");
  } else {
    char message[160];
    snprintf(message, sizeof message, "the connection broke during the handshake: %s",
             uv_strerror(error));
    lw__client_failed(conn, uv_err_name(error), message);
  }
}

void lw__client_on_bad_head(lw_conn *conn, lw_error error) {
  if (error != LW_E_HTTP_TIMEOUT) {
    lw__client_failed_with(conn, error);
  } else if (conn->has_head) { /* a refusal whose body does not end */
    lw__client_refused(conn);
  } else if (conn->io == NULL) {
    lw__client_late(conn);
  } else {
    lw__client_failed(conn, "ETIMEDOUT", "the server did not answer the handshake in time");
  }
}
