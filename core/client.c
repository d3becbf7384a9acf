/* A client on its way to an open connection: dial, request, answer. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "net/dial.h"
#include "net/tls.h"

#define INTERIM_MAX 8 /* 1xx answers before the final one */
#define BODY_MAX 1024 /* bytes of a refusal's body that are waited for, to show their beginning */

/* Allocated while the connection is not open yet. */
struct lw_client {
  lw_dial *dial;       /* NULL once it is connected */
  lw_tls_context *tls; /* held; NULL: none */
  char *tls_name;
  lw_buf request; /* the whole request; the offer's slices point into `texts` */
  lw_buf texts;
  lw_handshake_offer offer;
  char key[LW_HANDSHAKE_KEY_SIZE];
  char extensions[LW_DEFLATE_TEXT_MAX]; /* the offer */
  bool stream_messages;
  unsigned interim;
  lw_buf body;        /* of a refusal */
  uint64_t body_left; /* bytes of it that are still to come; UINT64_MAX until the end */
};

void lw__client_free(lw_conn *conn) {
  lw_client *client = conn->client;
  if (client->dial != NULL) lw_dial_cancel(client->dial);
  if (client->tls != NULL) lw_tls_release(client->tls);
  free(client->tls_name);
  lw_buf_free(&client->request);
  lw_buf_free(&client->texts);
  lw_buf_free(&client->body);
  free(client);
  conn->client = NULL;
}

/* --- failing --- */

void lw__client_failed(lw_conn *conn, const char *code, const char *message) {
  if (conn->state == LW_CLOSED) return;
  lw_conn_hold(conn);
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, false);
  lw__conn_fail_later(conn, code, message);
  lw_conn_release(conn);
}

static void failed_with(lw_conn *conn, lw_error error) {
  lw__client_failed(conn, lw_error_name(error), lw_error_text(error));
}

/* The transport may know more than an error's number tells. */
static void failed_with_uv(lw_conn *conn, int error) {
  const lw_transport_failure *failure = conn->io != NULL ? conn->io->failure : NULL;
  if (failure != NULL) {
    lw__client_failed(conn, failure->code, failure->text);
  } else {
    lw__client_failed(conn, uv_err_name(error), uv_strerror(error));
  }
}

void lw__client_on_end(lw_conn *conn, int error) {
  if (conn->io->failure != NULL) {
    failed_with_uv(conn, error);
  } else if (conn->has_head) { /* a refusal without a length ends here */
    lw__client_on_body(conn, NULL, 0);
  } else if (error == UV_EOF) {
    lw__client_failed(conn, "EOF", "the server ended the connection during the handshake");
  } else {
    char message[160];
    snprintf(message, sizeof message, "the connection broke during the handshake: %s",
             uv_strerror(error));
    lw__client_failed(conn, uv_err_name(error), message);
  }
}

/* --- refusals --- */

/* "404 Not Found", and how the body begins, with everything but printable ASCII shown as a space.
 */
static void refused(lw_conn *conn) {
  lw_http_head response;
  char message[400], body[160];
  if (lw_http_parse_response(&response, (const char *)conn->head.data, conn->head.size) != LW_OK) {
    failed_with(conn, LW_E_HTTP_STATUS_LINE);
    return;
  }
  size_t size = conn->client->body.size;
  if (size > sizeof body - 1) size = sizeof body - 1;
  for (size_t i = 0; i < size; i++) {
    uint8_t byte = conn->client->body.data[i];
    body[i] = byte >= 0x20 && byte < 0x7F ? (char)byte : ' ';
  }
  while (size > 0 && body[size - 1] == ' ') size--;
  snprintf(message, sizeof message, "%s: %d %.*s%s%.*s", lw_error_text(LW_E_HTTP_STATUS),
           response.status, (int)(response.reason.size < 60 ? response.reason.size : 60),
           response.reason.data, size > 0 ? ": " : "", (int)size, body);
  lw__client_failed(conn, lw_error_name(LW_E_HTTP_STATUS), message);
}

void lw__client_on_bad_head(lw_conn *conn, lw_error error) {
  if (error != LW_E_HTTP_TIMEOUT) {
    failed_with(conn, error);
  } else if (conn->has_head) { /* a refusal whose body does not end */
    refused(conn);
  } else {
    lw__client_failed(conn, "ETIMEDOUT",
                      conn->client->dial != NULL
                          ? "the server could not be reached in time"
                          : "the server did not answer the handshake in time");
  }
}

void lw__client_on_body(lw_conn *conn, const uint8_t *data, size_t size) {
  lw_client *client = conn->client;
  if (size > BODY_MAX - client->body.size) size = BODY_MAX - client->body.size;
  bool kept = size == 0 || lw_buf_append(&client->body, data, size);
  bool whole = client->body.size >= client->body_left || client->body.size == BODY_MAX;
  if (!kept || whole || data == NULL) refused(conn);
}

/* The server answered with another status than 101: its body says why, when it comes soon. */
static void on_refusal(lw_conn *conn, const lw_http_head *response, const uint8_t *rest,
                       size_t size) {
  lw_http_framing framing;
  lw_client *client = conn->client;
  client->body_left = UINT64_MAX;
  if (lw_http_body(response, false, &framing, &client->body_left) != LW_OK ||
      framing == LW_HTTP_NO_BODY) {
    client->body_left = 0;
  } else if (framing != LW_HTTP_LENGTH) {
    client->body_left = UINT64_MAX;
  }
  lw__client_on_body(conn, rest != NULL ? rest : (const uint8_t *)"", size);
}

/* --- answers --- */

/* What the server answered to the one extension that was offered, if it was. */
static lw_error agree_on_extensions(lw_conn *conn, lw_slice extensions) {
  lw_deflate_agreement agreement;
  if (extensions.size == 0) return LW_OK;
  lw_error error = lw_deflate_check(&agreement, &conn->settings->deflate, extensions);
  if (error != LW_OK) return error;
  return lw__conn_agree_on_deflate(conn, &agreement) ? LW_OK : LW_E_NOMEM;
}

static void on_agreed(lw_conn *conn, lw_slice protocol, const uint8_t *rest, size_t size) {
  bool stream = conn->client->stream_messages;
  if (protocol.size > 0) {
    conn->protocol_at = (uint16_t)(protocol.data - (const char *)conn->head.data);
    conn->protocol_size = (uint8_t)protocol.size;
  }
  if (size > 0 && !lw_buf_append(&conn->waiting, rest, size)) {
    failed_with(conn, LW_E_NOMEM);
    return;
  }
  lw__client_free(conn);
  lw__conn_open(conn, stream);
}

void lw__client_on_head(lw_conn *conn, const uint8_t *rest, size_t size) {
  lw_http_head response;
  lw_slice protocol, extensions;
  lw_client *client = conn->client;
  lw_error error =
      lw_http_parse_response(&response, (const char *)conn->head.data, conn->head.size);
  if (error == LW_OK && response.status < 200 && response.status != 101) {
    if (++client->interim <= INTERIM_MAX) {
      lw__conn_more_head(conn, rest, size);
      return;
    }
    error = LW_E_HTTP_TOO_MANY_INTERIM;
  }
  if (error == LW_OK) {
    error = lw_handshake_check_answer(&response, &client->offer, &protocol, &extensions);
  }
  if (error == LW_OK) error = agree_on_extensions(conn, extensions);
  if (error == LW_OK) {
    on_agreed(conn, protocol, rest, size);
  } else if (error == LW_E_HTTP_STATUS) {
    on_refusal(conn, &response, rest, size);
  } else {
    failed_with(conn, error);
  }
}

/* --- dialling --- */

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
    if (error != 0) failed_with_uv(conn, error);
  }
  lw__conn_settle(conn);
  lw_conn_release(conn);
  lw__loop_leave(loop);
}

/* --- offering --- */

/* Appends a terminated text to client->texts, which must not move: it is reserved in one piece. */
static lw_slice keep_text(lw_client *client, const char *text, size_t size) {
  lw_slice kept = {(const char *)client->texts.data + client->texts.size, size};
  lw_buf_append(&client->texts, text, size);
  return kept;
}

static size_t protocols_size(const char *const *protocols) {
  size_t size = 0;
  for (; protocols != NULL && *protocols != NULL; protocols++) size += strlen(*protocols) + 2;
  return size;
}

static lw_slice join_protocols(lw_client *client, const char *const *protocols) {
  lw_slice joined = keep_text(client, "", 0);
  for (const char *const *next = protocols; next != NULL && *next != NULL; next++) {
    if (next != protocols) joined.size += keep_text(client, ", ", 2).size;
    joined.size += keep_text(client, *next, strlen(*next)).size;
  }
  return joined;
}

static lw_slice offer_extensions(lw_client *client, const lw_compression *compression) {
  if (compression == NULL) return (lw_slice){NULL, 0};
  lw_deflate_options options = lw__deflate_options(compression);
  return (lw_slice){client->extensions, lw_deflate_write_offer(client->extensions, &options)};
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

/* Writes the request and keeps what the answer is checked against. */
static bool prepare(lw_client *client, lw_loop *loop, const lw_connect_options *options) {
  uint8_t random[16];
  size_t size = protocols_size(options->protocols);
  if (!lw_loop_random(loop, random, sizeof random)) return false;
  if (!lw_buf_reserve(&client->texts, size + 1, SIZE_MAX)) return false;
  lw_handshake_key(client->key, random);
  lw_header *headers = calloc(options->field_count + 1, sizeof *headers);
  if (headers == NULL) return false;
  for (size_t i = 0; i < options->field_count; i++) {
    const lw_field *field = &options->fields[i];
    headers[i].name = (lw_slice){field->name, field->name_size};
    headers[i].value = (lw_slice){field->value, field->value_size};
  }
  client->offer = (lw_handshake_offer){
      .host = lw_slice_of(options->authority),
      .target = lw_slice_of(options->target),
      .key = {client->key, sizeof client->key},
      .protocols = join_protocols(client, options->protocols),
      .extensions = offer_extensions(client, options->compression),
      .headers = headers,
      .header_count = options->field_count,
  };
  bool written = lw_handshake_write_request(&client->request, &client->offer);
  client->offer.headers = NULL;
  client->offer.header_count = 0;
  free(headers);
  return written;
}

static lw_conn *conn_new(lw_loop *loop, const lw_connect_options *options,
                         const lw_conn_events *events, void *user) {
  lw_settings *settings = lw__settings_new(&options->limits, options->compression, false);
  if (settings == NULL) return NULL;
  lw_conn *conn = lw__conn_new(loop, settings, events, NULL, LW_CONNECTING);
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
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  conn->client = client;
  client->stream_messages = options->stream_messages;
  lw_dial_target target = {.host = options->host, .port = options->port, .path = options->path};
  int error = keep_tls(client, options) && prepare(client, loop, options) ? 0 : UV_ENOMEM;
  if (error == 0) error = lw_dial_start(&client->dial, &loop->net, &target, on_dialled, conn);
  if (error != 0) {
    lw__conn_drop(conn);
    lw__fail_uv(failure, error, "cannot connect");
    return NULL;
  }
  lw_conn_hold(conn);
  return conn;
}
