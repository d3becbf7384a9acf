/* The opening handshake of both roles (RFC 6455 section 4), on parsed HTTP heads. */
#ifndef LW_PROTO_HANDSHAKE_H
#define LW_PROTO_HANDSHAKE_H

#include "buf.h"
#include "error.h"
#include "http.h"

#define LW_HANDSHAKE_KEY_SIZE 24       /* base64 of 16 bytes */
#define LW_HANDSHAKE_ACCEPT_SIZE 28    /* base64 of a SHA-1 digest */
#define LW_HANDSHAKE_PROTOCOLS_MAX 100 /* subprotocols in one request */

/* A header field to send: validated by whoever takes it from a user, with lw_http_is_token and
 * lw_http_is_value. */
typedef lw_http_field lw_header;

/* True when the request asks for a WebSocket at all: "websocket" in Upgrade. What does not is plain
 * HTTP; what does is held to every rule by lw_handshake_check_request. */
bool lw_handshake_is_upgrade(const lw_http_head *request);

/* Checks an upgrade request: GET, HTTP/1.1, Connection and Upgrade lists, one whole key, version
 * 13, no body, well-formed subprotocol and extension lists. LW_OK and *key, or the rule it breaks.
 * What is not an upgrade at all is LW_E_UPGRADE_REQUIRED. */
lw_error lw_handshake_check_request(const lw_http_head *request, lw_slice *key);

/* Walks the subprotocols that a client offers, in its order: *position is 0 at first, and opaque
 * then. False at the end. */
bool lw_handshake_next_protocol(const lw_http_head *request, size_t *position, lw_slice *protocol);

/* True when the request's Origin is the host it was sent to (scheme-insensitive: behind a TLS proxy
 * the scheme is not known; a port that is not written is the default one of Origin's scheme), or
 * when it has none: only browsers send it (section 10.2). "null" and what is not http(s) is
 * nobody's. */
bool lw_handshake_same_origin(const lw_http_head *request);

/* True for the fields that the handshake itself writes (and those that frame a body): a script must
 * not add them to an answer or a request. */
bool lw_handshake_is_reserved(lw_slice field_name);

/* The value of Sec-WebSocket-Accept for a key (section 4.2.2). Not terminated. False when the key
 * has another size than LW_HANDSHAKE_KEY_SIZE. */
bool lw_handshake_accept(char accept[LW_HANDSHAKE_ACCEPT_SIZE], lw_slice key);

/* A key for a client, from 16 fresh random bytes. Not terminated. */
void lw_handshake_key(char key[LW_HANDSHAKE_KEY_SIZE], const uint8_t random[16]);

/* What the server agreed to. Empty slices: none. */
typedef struct lw_handshake_answer {
  lw_slice protocol;
  lw_slice extensions;
  const lw_header *headers; /* the script's own */
  size_t header_count;
} lw_handshake_answer;

/* Appends the 101 answer. False when out of memory; *out is then as it was. */
bool lw_handshake_write_answer(lw_buf *out, lw_slice key, const lw_handshake_answer *answer);

/* What a client asks for. */
typedef struct lw_handshake_offer {
  lw_slice host;       /* the Host field: name, and port where it is not the scheme's own */
  lw_slice target;     /* path and query */
  lw_slice key;        /* from lw_handshake_key */
  lw_slice protocols;  /* "chat, superchat", or empty */
  lw_slice extensions; /* or empty */
  const lw_header *headers;
  size_t header_count;
} lw_handshake_offer;

/* Appends the request. False when out of memory; *out is then as it was. */
bool lw_handshake_write_request(lw_buf *out, const lw_handshake_offer *offer);

/* Checks the server's answer against what was offered (section 4.1): 101, Upgrade, Connection,
 * the accept value, a subprotocol and extensions only where offered, each field at most once.
 * LW_OK sets *protocol and *extensions (the agreed ones, empty when none); LW_E_HTTP_STATUS when
 * the status is not 101; else the rule it breaks. Of extensions only syntax and names are
 * checked here. */
lw_error lw_handshake_check_answer(const lw_http_head *response, const lw_handshake_offer *offer,
                                   lw_slice *protocol, lw_slice *extensions);

#endif
