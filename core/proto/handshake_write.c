/* Writing our own half of the opening handshake. */
#include "handshake.h"

#include <string.h>

#include "base64.h"
#include "head_writer.h"
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
  lw_sha1(digest, text, sizeof text);
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

/* The same, but nothing for an empty value. */
static void put_optional(lw_head_writer *w, const char *name, lw_slice value) {
  if (value.size > 0) lw__head_field(w, lw_slice_of(name), value);
}

/* The script's fields and the empty line. */
static void put_headers(lw_head_writer *w, const lw_header *headers, size_t count) {
  for (size_t i = 0; i < count; i++) lw__head_field(w, headers[i].name, headers[i].value);
  lw__head_text(w, "\r\n");
}

bool lw_handshake_write_answer(lw_buf *out, lw_slice key, const lw_handshake_answer *answer) {
  char accept[LW_HANDSHAKE_ACCEPT_SIZE];
  if (!lw_handshake_accept(accept, key)) return false;
  lw_head_writer w = lw__head_begin(out);
  lw__head_text(&w, "HTTP/1.1 101 Switching Protocols\r\n"
                    "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n");
  put_optional(&w, "Sec-WebSocket-Accept", (lw_slice){accept, sizeof accept});
  put_optional(&w, "Sec-WebSocket-Protocol", answer->protocol);
  put_optional(&w, "Sec-WebSocket-Extensions", answer->extensions);
  put_headers(&w, answer->headers, answer->header_count);
  return lw__head_end(&w);
}

bool lw_handshake_write_request(lw_buf *out, const lw_handshake_offer *offer) {
  lw_head_writer w = lw__head_begin(out);
  lw__head_text(&w, "GET ");
  lw__head_put(&w, offer->target);
  lw__head_text(&w, " HTTP/1.1\r\n");
  lw__head_field(&w, LW_SLICE("Host"), offer->host);
  lw__head_text(&w, "Upgrade: websocket\r\n"
                    "Connection: Upgrade\r\n"
                    "Sec-WebSocket-Version: 13\r\n");
  lw__head_field(&w, LW_SLICE("Sec-WebSocket-Key"), offer->key);
  put_optional(&w, "Sec-WebSocket-Protocol", offer->protocols);
  put_optional(&w, "Sec-WebSocket-Extensions", offer->extensions);
  put_headers(&w, offer->headers, offer->header_count);
  return lw__head_end(&w);
}
