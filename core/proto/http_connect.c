#include "http_connect.h"

#include <stdio.h>
#include <string.h>

#include "base64.h"

#define INTERIM_MAX 8 /* 1xx answers before the final one */

/* --- asking --- */

static bool put_text(lw_buf *out, const char *text) {
  return lw_buf_append_slice(out, lw_slice_of(text));
}

/* host:port, with the brackets of an IPv6 address. The port is always written (RFC 9110 section
 * 9.3.6). */
static bool put_authority(lw_buf *out, const lw_http_connect_request *request) {
  char port[8];
  bool is_ipv6 = request->host.size > 0 && memchr(request->host.data, ':', request->host.size);
  snprintf(port, sizeof port, ":%u", (unsigned)request->port);
  return put_text(out, is_ipv6 ? "[" : "") && lw_buf_append_slice(out, request->host) &&
         put_text(out, is_ipv6 ? "]" : "") && put_text(out, port);
}

static bool put_base64(lw_buf *out, const lw_buf *plain) {
  size_t size = LW_BASE64_SIZE(plain->size);
  if (!lw_buf_reserve(out, size, SIZE_MAX)) return false;
  lw_base64_encode((char *)out->data + out->size, plain->data, plain->size);
  out->size += size;
  return true;
}

static bool put_login(lw_buf *out, const lw_http_connect_request *request) {
  lw_buf plain = {0};
  bool put = lw_buf_append_slice(&plain, request->user) && put_text(&plain, ":") &&
             lw_buf_append_slice(&plain, request->password) &&
             put_text(out, "Proxy-Authorization: Basic ") && put_base64(out, &plain) &&
             put_text(out, "\r\n");
  lw_buf_free(&plain);
  return put;
}

bool lw_http_connect_write(lw_buf *out, const lw_http_connect_request *request) {
  size_t before = out->size;
  bool put = put_text(out, "CONNECT ") && put_authority(out, request) &&
             put_text(out, " HTTP/1.1\r\nHost: ") && put_authority(out, request) &&
             put_text(out, "\r\n") && (!request->has_login || put_login(out, request)) &&
             put_text(out, "\r\n");
  if (!put) out->size = before;
  return put;
}

/* --- the answer --- */

static lw_result broken(lw_http_connect *c, lw_error error) {
  c->error = error;
  return LW_BROKEN;
}

/* Adds the next piece to a head. */
static lw_result collect(lw_http_connect *c, size_t *used, const uint8_t *data, size_t size) {
  size_t taken = 0;
  lw_result result = lw_http_scan(&c->scanner, &taken, data, size);
  *used += taken;
  if (result == LW_BROKEN) return broken(c, (lw_error)c->scanner.error);
  if (!lw_buf_append(&c->head, data, taken)) return broken(c, LW_E_NOMEM);
  return result;
}

/* The head is whole. LW_MORE: it was an interim answer. */
static lw_result look(lw_http_connect *c) {
  lw_http_head answer;
  lw_error error = lw_http_parse_response(&answer, (const char *)c->head.data, c->head.size);
  if (error != LW_OK) return broken(c, error);
  if (answer.status >= 200) {
    c->status = answer.status;
    c->reason = answer.reason;
    return LW_DONE;
  }
  if (++c->interim > INTERIM_MAX) return broken(c, LW_E_HTTP_TOO_MANY_INTERIM);
  c->scanner = (lw_http_scanner){0};
  c->head.size = 0;
  return LW_MORE;
}

lw_result lw_http_connect_input(lw_http_connect *c, size_t *used, const uint8_t *data,
                                size_t size) {
  *used = 0;
  if (c->error != LW_OK) return LW_BROKEN;
  while (c->status == 0) {
    lw_result result = collect(c, used, data + *used, size - *used);
    if (result == LW_DONE) result = look(c);
    if (result != LW_MORE || *used == size) return result;
  }
  return LW_DONE;
}

void lw_http_connect_free(lw_http_connect *c) {
  lw_buf_free(&c->head);
}
