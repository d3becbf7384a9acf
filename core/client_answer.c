/* What a client makes of the server's answer: an open connection, or a refusal. */
#include <stdio.h>
#include <string.h>

#include "client.h"

#define INTERIM_MAX 8 /* 1xx answers before the final one */
#define BODY_MAX 1024 /* bytes of a refusal's body that are waited for, to show their beginning */

/* --- refusals --- */

/* "404 Not Found", and how the body begins, with everything but printable ASCII shown as a space.
 */
void lw__client_refused(lw_conn *conn) {
  lw_http_head response;
  char message[400], body[160];
  if (lw_http_parse_response(&response, (const char *)conn->head.data, conn->head.size) != LW_OK) {
    lw__client_failed_with(conn, LW_E_HTTP_STATUS_LINE);
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

void lw__client_on_body(lw_conn *conn, const uint8_t *data, size_t size) {
  lw_client *client = conn->client;
  if (size > BODY_MAX - client->body.size) size = BODY_MAX - client->body.size;
  bool kept = size == 0 || lw_buf_append(&client->body, data, size);
  bool whole = client->body.size >= client->body_left || client->body.size == BODY_MAX;
  if (!kept || whole || data == NULL) lw__client_refused(conn);
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
    conn->protocol_size = (uint8_t)protocol.size; /* none that was offered is longer */
  }
  if (!lw__conn_append_waiting(conn, rest, size)) {
    lw__client_failed_with(conn, LW_E_NOMEM);
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
    if (!lw__client_redirected(conn, &response)) on_refusal(conn, &response, rest, size);
  } else {
    lw__client_failed_with(conn, error);
  }
}
