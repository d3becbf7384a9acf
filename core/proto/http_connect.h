/* The client's side of HTTP CONNECT (RFC 9110 section 9.3.6): asks a proxy to connect it to
 * somebody else. What comes behind the proxy's final answer is that other peer's. */
#ifndef LW_PROTO_HTTP_CONNECT_H
#define LW_PROTO_HTTP_CONNECT_H

#include "buf.h"
#include "error.h"
#include "http.h"

/* All zero at the start. */
typedef struct lw_http_connect {
  lw_http_scanner scanner;
  lw_buf head; /* of the answer */
  uint8_t interim;
  lw_error error;  /* when broken */
  int status;      /* when done: of the final answer; 2xx: it is connected */
  lw_slice reason; /* inside head */
} lw_http_connect;

/* Whom to connect to. */
typedef struct lw_http_connect_request {
  lw_slice host; /* a name or a numeric address, without brackets */
  uint16_t port;
  bool has_login;          /* send these as Basic (RFC 7617): */
  lw_slice user, password; /* the user without a colon */
} lw_http_connect_request;

/* Appends the request. False when out of memory; *out is then as it was. */
bool lw_http_connect_write(lw_buf *out, const lw_http_connect_request *request);

/* Takes the next bytes of the answer and sets *used: how many belong to it. LW_DONE: it is whole,
 * and status tells what it says. */
lw_result lw_http_connect_input(lw_http_connect *c, size_t *used, const uint8_t *data, size_t size);

void lw_http_connect_free(lw_http_connect *c);

#endif
