/* Writing our own half of the opening handshake. */
#include "handshake.h"

#include <stdio.h>
#include <string.h>

#include "base64.h"
#include "sha1.h"

/* RFC 6455 section 1.3. */
static const char guid[] = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
enum { GUID_SIZE = sizeof guid - 1 };

bool lw_handshake_accept(char accept[LW_HANDSHAKE_ACCEPT_SIZE], lw_slice key) {
  char text[LW_HANDSHAKE_KEY_SIZE + GUID_SIZE];
  uint8_t digest[LW_SHA1_SIZE];
  if (key.size != LW_HANDSHAKE_KEY_SIZE) return false;
  memcpy(text, key.data, LW_HANDSHAKE_KEY_SIZE);
  memcpy(text + LW_HANDSHAKE_KEY_SIZE, guid, GUID_SIZE);
  if (!lw_sha1(digest, text, sizeof text)) return false;
  lw_base64_encode(accept, digest, sizeof digest);
  return true;
}

void lw_handshake_key(char key[LW_HANDSHAKE_KEY_SIZE], const uint8_t random[16]) {
  lw_base64_encode(key, random, 16);
}

bool lw_handshake_is_reserved(lw_slice name) {
  static const char *const reserved[] = {"Connection",
                                         "Upgrade",
                                         "Host",
                                         "Trailer",
                                         "Content-Length",
                                         "Transfer-Encoding",
                                         "TE",
                                         "Keep-Alive",
                                         "Sec-WebSocket-Accept",
                                         "Sec-WebSocket-Key",
                                         "Sec-WebSocket-Version",
                                         "Sec-WebSocket-Protocol",
                                         "Sec-WebSocket-Extensions"};
  for (size_t i = 0; i < sizeof reserved / sizeof *reserved; i++) {
    if (lw_slice_equal_nocase(name, lw_slice_of(reserved[i]))) return true;
  }
  return false;
}

/* Makes room for all of a head at once; `size` counts what is not fixed text. */
static bool reserve(lw_buf *out, size_t size, const lw_header *headers, size_t count) {
  const size_t fixed_text = 256;
  for (size_t i = 0; i < count; i++) size += headers[i].name.size + headers[i].value.size + 4;
  return lw_buf_reserve(out, size + fixed_text, SIZE_MAX);
}

static bool append_text(lw_buf *out, const char *text) {
  return lw_buf_append(out, text, strlen(text));
}

static bool append_field(lw_buf *out, lw_slice name, lw_slice value) {
  return lw_buf_append_slice(out, name) && lw_buf_append(out, ": ", 2) &&
         lw_buf_append_slice(out, value) && lw_buf_append(out, "\r\n", 2);
}

/* The same, but nothing for an empty value. */
static bool append_optional(lw_buf *out, const char *name, lw_slice value) {
  return value.size == 0 || append_field(out, lw_slice_of(name), value);
}

static bool append_headers(lw_buf *out, const lw_header *headers, size_t count) {
  for (size_t i = 0; i < count; i++) {
    if (!append_field(out, headers[i].name, headers[i].value)) return false;
  }
  return true;
}

/* Forgets what was appended of a head that could not be finished. */
static bool whole_or_nothing(lw_buf *out, size_t size_before, bool whole) {
  if (!whole) out->size = size_before;
  return whole;
}

bool lw_handshake_write_answer(lw_buf *out, lw_slice key, const lw_handshake_answer *answer) {
  char accept[LW_HANDSHAKE_ACCEPT_SIZE];
  size_t before = out->size;
  if (!lw_handshake_accept(accept, key)) return false;
  bool whole = reserve(out, sizeof accept + answer->protocol.size + answer->extensions.size,
                       answer->headers, answer->header_count) &&
               append_text(out, "HTTP/1.1 101 Switching Protocols\r\n"
                                "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n") &&
               append_optional(out, "Sec-WebSocket-Accept", (lw_slice){accept, sizeof accept}) &&
               append_optional(out, "Sec-WebSocket-Protocol", answer->protocol) &&
               append_optional(out, "Sec-WebSocket-Extensions", answer->extensions) &&
               append_headers(out, answer->headers, answer->header_count) &&
               lw_buf_append(out, "\r\n", 2);
  return whole_or_nothing(out, before, whole);
}

static bool has_header(const lw_header *headers, size_t count, lw_slice name) {
  for (size_t i = 0; i < count; i++) {
    if (lw_slice_equal_nocase(headers[i].name, name)) return true;
  }
  return false;
}

/* The fields that say what the body is. */
static bool append_body_fields(lw_buf *out, const lw_header *headers, size_t count, size_t size) {
  char length[48];
  if (!has_header(headers, count, LW_SLICE("Content-Type")) &&
      !append_text(out, "Content-Type: text/plain; charset=utf-8\r\n")) {
    return false;
  }
  snprintf(length, sizeof length, "Content-Length: %zu\r\n", size);
  return append_text(out, length);
}

/* RFC 9110 section 7.8: who sends Upgrade lists it in Connection. RFC 6455 section 4.4: the version
 * that would do. */
static bool append_connection(lw_buf *out, int status) {
  if (status != 426) return append_text(out, "Connection: close\r\n");
  return append_text(out, "Connection: close, Upgrade\r\n"
                          "Upgrade: websocket\r\n"
                          "Sec-WebSocket-Version: 13\r\n");
}

bool lw_handshake_write_refusal(lw_buf *out, int status, const lw_header *headers,
                                size_t header_count, lw_slice body) {
  char line[80];
  size_t before = out->size;
  bool bodiless = status < 200 || status == 204 || status == 304;
  snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, lw_http_reason(status));
  bool whole = reserve(out, body.size, headers, header_count) && append_text(out, line) &&
               append_connection(out, status) &&
               (bodiless || append_body_fields(out, headers, header_count, body.size)) &&
               append_headers(out, headers, header_count) && lw_buf_append(out, "\r\n", 2) &&
               (bodiless || lw_buf_append_slice(out, body));
  return whole_or_nothing(out, before, whole);
}

bool lw_handshake_write_request(lw_buf *out, const lw_handshake_offer *offer) {
  size_t before = out->size;
  bool whole = reserve(out,
                       offer->host.size + offer->target.size + offer->key.size +
                           offer->protocols.size + offer->extensions.size,
                       offer->headers, offer->header_count) &&
               append_text(out, "GET ") && lw_buf_append_slice(out, offer->target) &&
               append_text(out, " HTTP/1.1\r\n") && append_optional(out, "Host", offer->host) &&
               append_text(out, "Upgrade: websocket\r\n"
                                "Connection: Upgrade\r\n"
                                "Sec-WebSocket-Version: 13\r\n") &&
               append_optional(out, "Sec-WebSocket-Key", offer->key) &&
               append_optional(out, "Sec-WebSocket-Protocol", offer->protocols) &&
               append_optional(out, "Sec-WebSocket-Extensions", offer->extensions) &&
               append_headers(out, offer->headers, offer->header_count) &&
               lw_buf_append(out, "\r\n", 2);
  return whole_or_nothing(out, before, whole);
}
