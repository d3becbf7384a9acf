/* What a server does with a request: the upgrade, a refusal, or an exchange of plain HTTP. The
 * decision is the server's own, or the script's through on_request. */
#include <stdlib.h>
#include <string.h>

#include "conn_http.h"
#include "server.h"

lw_error lw__http_parse(const lw_conn *conn, lw_http_head *request) {
  return lw_http_parse_request(request, (const char *)conn->head.data, conn->head.size);
}

/* --- the decision --- */

static bool origin_allowed(const lw_server *server, const lw_http_head *request) {
  if (server->origins == NULL) return lw_handshake_same_origin(request);
  size_t count;
  lw_slice origin = lw_http_find(request, LW_SLICE("Origin"), &count);
  if (count == 0) return true; /* not a browser */
  if (count > 1) return false;
  for (char **allowed = server->origins; *allowed != NULL; allowed++) {
    if (strcmp(*allowed, "*") == 0) return true;
    if (lw_slice_equal_nocase(origin, lw_slice_of(*allowed))) return true;
  }
  return false;
}

static bool is_offered(const lw_http_head *request, lw_slice protocol) {
  lw_slice offered;
  size_t index = 0;
  while (lw_handshake_next_protocol(request, &index, &offered)) {
    if (lw_slice_equal(offered, protocol)) return true;
  }
  return false;
}

/* The server's first choice among what the client offers; empty when there is none. */
static lw_slice choose_protocol(const lw_server *server, const lw_http_head *request) {
  for (char **own = server->protocols; own != NULL && *own != NULL; own++) {
    if (is_offered(request, lw_slice_of(*own))) return lw_slice_of(*own);
  }
  return (lw_slice){NULL, 0};
}

/* Remembers the agreed subprotocol by its place in the request's head. */
static void remember_protocol(lw_conn *conn, const lw_http_head *request, lw_slice protocol) {
  lw_slice offered;
  size_t index = 0;
  while (protocol.size > 0 && lw_handshake_next_protocol(request, &index, &offered)) {
    if (!lw_slice_equal(offered, protocol) || offered.size > UINT8_MAX) continue;
    conn->protocol_at = (uint16_t)(offered.data - (const char *)conn->head.data);
    conn->protocol_size = (uint8_t)offered.size;
  }
}

/* Whether the request in `upgrade` may be accepted, once it is parsed. */
static void check(lw_upgrade *upgrade, const lw_conn *conn) {
  const lw_http_head *request = &upgrade->request;
  upgrade->conn = conn;
  upgrade->error = lw_handshake_check_request(request, &upgrade->key);
  if (upgrade->error == LW_OK && !origin_allowed(lw_conn_server(conn), request)) {
    upgrade->error = LW_E_ORIGIN;
  }
}

/* The request that on_request is being called for is parsed and checked; one that a script took its
 * time for is looked at again, in `own`. */
static const lw_upgrade *upgrade_of(const lw_conn *conn, lw_upgrade *own) {
  const lw_upgrade *asked = conn->loop->upgrade;
  if (asked != NULL && asked->conn == conn) return asked;
  own->error = lw__http_parse(conn, &own->request);
  if (own->error == LW_OK) check(own, conn);
  return own;
}

/* The value of Sec-WebSocket-Extensions, in `text`; empty when nothing is agreed on. False when out
 * of memory. */
static bool agree_on_extensions(lw_conn *conn, const lw_http_head *request,
                                char text[LW_EXTENSIONS_MAX], lw_slice *extensions) {
  lw_deflate_agreement agreement;
  *extensions = (lw_slice){text, 0};
  if (!conn->settings->has_deflate) return true;
  if (!lw_deflate_accept(&agreement, &conn->settings->deflate, request)) return true;
  if (!lw__conn_agree_on_deflate(conn, &agreement)) return false;
  extensions->size = lw_conn_extensions(conn, text);
  return true;
}

static bool accept_upgrade(lw_conn *conn, const lw_upgrade *upgrade, lw_handshake_answer *answer,
                           bool stream_messages) {
  char extensions[LW_EXTENSIONS_MAX];
  const lw_http_head *request = &upgrade->request;
  if (!agree_on_extensions(conn, request, extensions, &answer->extensions)) return false;
  lw_buf *head = &conn->loop->head;
  head->size = 0;
  if (!lw_handshake_write_answer(head, upgrade->key, answer) ||
      !lw__conn_write(conn, head->data, head->size)) {
    return false;
  }
  remember_protocol(conn, request, answer->protocol);
  lw__conn_open(conn, stream_messages);
  return true;
}

/* What a server without a script's decision does with a request. */
static void decide(lw_conn *conn, const lw_upgrade *upgrade) {
  if (upgrade->error != LW_OK) {
    lw__server_refuse(conn, lw_error_number(upgrade->error), lw_error_text(upgrade->error));
    return;
  }
  const lw_server *server = lw_conn_server(conn);
  lw_handshake_answer answer = {.protocol = choose_protocol(server, &upgrade->request)};
  if (!accept_upgrade(conn, upgrade, &answer, server->stream_messages)) {
    lw__conn_finish_uv(conn, UV_ENOMEM);
  }
}

static void call_on_request(lw_conn *conn, const lw_upgrade *upgrade, bool is_upgrade) {
  const lw_http_head *head = &upgrade->request;
  lw_loop *loop = conn->loop;
  const lw_conn_events *events = conn->settings->events;
  if (events->on_request == NULL) return;
  conn->is_asked = is_upgrade;
  loop->upgrade = upgrade;
  events->on_request(conn, &(lw_request){.method = head->method.data,
                                         .method_size = head->method.size,
                                         .path = head->path.data,
                                         .path_size = head->path.size,
                                         .head = (const char *)conn->head.data,
                                         .head_size = conn->head.size,
                                         .is_upgrade = is_upgrade});
  loop->upgrade = NULL;
}

void lw__server_on_head(lw_conn *conn) {
  lw_upgrade upgrade;
  const lw_http_head *request = &upgrade.request;
  lw_error error = lw__http_parse(conn, &upgrade.request);
  if (error != LW_OK) {
    lw__server_on_bad_head(conn, error);
    return;
  }
  check(&upgrade, conn);
  bool is_upgrade = upgrade.error != LW_E_UPGRADE_REQUIRED;
  if (!lw_conn_server(conn)->decide_upgrades) {
    decide(conn, &upgrade);
    return;
  }
  if (!is_upgrade) error = lw__http_begin(conn, request);
  if (error != LW_OK) {
    lw__server_on_bad_head(conn, error);
  } else {
    call_on_request(conn, &upgrade, is_upgrade);
  }
}

/* --- a script's decision --- */

int lw_conn_check_upgrade(const lw_conn *conn, const char **text) {
  lw_upgrade own;
  lw_error error = upgrade_of(conn, &own)->error;
  *text = lw_error_text(error);
  return error == LW_OK ? 0 : lw_error_number(error);
}

static bool still_asking(const lw_conn *conn, lw_failure *failure) {
  if (lw__http_awaits_answer(conn)) return true;
  lw__fail(failure, "CLOSED", "the request was answered already, or the client is gone");
  return false;
}

/* Nothing of a script may stand in the way of its answer: a protocol that was offered, or none. */
static bool fill_answer(lw_handshake_answer *answer, const lw_conn *conn,
                        const lw_http_head *request, const char *protocol, lw_failure *failure) {
  if (protocol == NULL) {
    answer->protocol = choose_protocol(lw_conn_server(conn), request);
    return true;
  }
  answer->protocol = lw_slice_of(protocol);
  if (is_offered(request, answer->protocol)) return true;
  lw__fail(failure, "PROTOCOL", "the client did not offer the subprotocol \"%s\"", protocol);
  return false;
}

bool lw_conn_accept(lw_conn *conn, const char *protocol, bool stream_messages,
                    const lw_field *fields, size_t field_count, lw_failure *failure) {
  lw_upgrade own;
  if (!still_asking(conn, failure)) return false;
  const lw_upgrade *upgrade = upgrade_of(conn, &own);
  if (upgrade->error != LW_OK) {
    lw__fail(failure, lw_error_name(upgrade->error), "%s", lw_error_text(upgrade->error));
    return false;
  }
  lw_handshake_answer answer = {.header_count = field_count};
  if (!fill_answer(&answer, conn, &upgrade->request, protocol, failure)) return false;
  lw_header *headers = NULL;
  if (field_count > 0 && (headers = lw__headers_of(fields, field_count, failure)) == NULL) {
    return false;
  }
  answer.headers = headers;
  bool accepted = accept_upgrade(conn, upgrade, &answer, stream_messages);
  free(headers);
  if (!accepted) lw__fail(failure, "NOMEM", "out of memory");
  return accepted;
}
