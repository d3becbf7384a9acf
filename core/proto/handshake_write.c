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

/* Appends to a buffer until memory fails, and then forgets what it appended: the head is written as
 * one piece or not at all, and only its end has to ask. */
typedef struct writer {
  lw_buf *out;
  size_t before;
  bool failed;
} writer;

static writer begin(lw_buf *out) {
  const size_t usual_head = 512; /* bytes; a guess that saves growing step by step */
  return (writer){out, out->size, !lw_buf_reserve(out, usual_head, SIZE_MAX)};
}

static bool end(writer *w) {
  if (w->failed) w->out->size = w->before;
  return !w->failed;
}

static void put(writer *w, lw_slice text) {
  if (!w->failed && !lw_buf_append_slice(w->out, text)) w->failed = true;
}

static void put_text(writer *w, const char *text) {
  put(w, lw_slice_of(text));
}

static void put_field(writer *w, lw_slice name, lw_slice value) {
  put(w, name);
  put_text(w, ": ");
  put(w, value);
  put_text(w, "\r\n");
}

/* The same, but nothing for an empty value. */
static void put_optional(writer *w, const char *name, lw_slice value) {
  if (value.size > 0) put_field(w, lw_slice_of(name), value);
}

/* The script's fields and the empty line. */
static void put_headers(writer *w, const lw_header *headers, size_t count) {
  for (size_t i = 0; i < count; i++) put_field(w, headers[i].name, headers[i].value);
  put_text(w, "\r\n");
}

bool lw_handshake_write_answer(lw_buf *out, lw_slice key, const lw_handshake_answer *answer) {
  char accept[LW_HANDSHAKE_ACCEPT_SIZE];
  if (!lw_handshake_accept(accept, key)) return false;
  writer w = begin(out);
  put_text(&w, "HTTP/1.1 101 Switching Protocols\r\n"
               "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n");
  put_optional(&w, "Sec-WebSocket-Accept", (lw_slice){accept, sizeof accept});
  put_optional(&w, "Sec-WebSocket-Protocol", answer->protocol);
  put_optional(&w, "Sec-WebSocket-Extensions", answer->extensions);
  put_headers(&w, answer->headers, answer->header_count);
  return end(&w);
}

static bool has_header(const lw_header *headers, size_t count, lw_slice name) {
  for (size_t i = 0; i < count; i++) {
    if (lw_slice_equal_nocase(headers[i].name, name)) return true;
  }
  return false;
}

/* RFC 9110 section 7.8: who sends Upgrade lists it in Connection. RFC 6455 section 4.4: the version
 * that would do. */
static void put_connection(writer *w, int status) {
  if (status != 426) {
    put_text(w, "Connection: close\r\n");
    return;
  }
  put_text(w, "Connection: close, Upgrade\r\n"
              "Upgrade: websocket\r\n"
              "Sec-WebSocket-Version: 13\r\n");
}

bool lw_handshake_write_refusal(lw_buf *out, int status, const lw_header *headers,
                                size_t header_count, lw_slice body) {
  char line[80], length[48];
  bool bodiless = status < 200 || status == 204 || status == 304;
  snprintf(line, sizeof line, "HTTP/1.1 %d %s\r\n", status, lw_http_reason(status));
  snprintf(length, sizeof length, "Content-Length: %zu\r\n", body.size);
  writer w = begin(out);
  put_text(&w, line);
  put_connection(&w, status);
  if (!bodiless && !has_header(headers, header_count, LW_SLICE("Content-Type"))) {
    put_text(&w, "Content-Type: text/plain; charset=utf-8\r\n");
  }
  if (!bodiless) put_text(&w, length);
  put_headers(&w, headers, header_count);
  if (!bodiless) put(&w, body);
  return end(&w);
}

bool lw_handshake_write_request(lw_buf *out, const lw_handshake_offer *offer) {
  writer w = begin(out);
  put_text(&w, "GET ");
  put(&w, offer->target);
  put_text(&w, " HTTP/1.1\r\n");
  put_field(&w, LW_SLICE("Host"), offer->host);
  put_text(&w, "Upgrade: websocket\r\n"
               "Connection: Upgrade\r\n"
               "Sec-WebSocket-Version: 13\r\n");
  put_field(&w, LW_SLICE("Sec-WebSocket-Key"), offer->key);
  put_optional(&w, "Sec-WebSocket-Protocol", offer->protocols);
  put_optional(&w, "Sec-WebSocket-Extensions", offer->extensions);
  put_headers(&w, offer->headers, offer->header_count);
  return end(&w);
}
