/* The client's side of SOCKS 5 (RFC 1928) with a user name and a password (RFC 1929): asks a proxy
 * to connect it to somebody else. What comes behind the proxy's last reply is that other peer's. */
#ifndef LW_PROTO_SOCKS_H
#define LW_PROTO_SOCKS_H

#include "buf.h"
#include "error.h"

/* Whom to connect to. Slices must stay valid until the end. */
typedef struct lw_socks_request {
  enum { LW_SOCKS_IPV4 = 1, LW_SOCKS_NAME = 3, LW_SOCKS_IPV6 = 4 } type;
  lw_slice address; /* 4 or 16 bytes, or a name of at most 255 bytes */
  uint16_t port;
  bool has_login;          /* offer these: */
  lw_slice user, password; /* at most 255 bytes each */
} lw_socks_request;

typedef struct lw_socks {
  lw_socks_request request;
  uint8_t state;         /* socks.c */
  uint8_t size;          /* bytes of the reply that are kept */
  uint8_t reply[5];      /* how it begins */
  uint16_t left;         /* bytes of the last reply's address that are still to come */
  bool refused_login;    /* broken because the proxy wants somebody else, or wants to know who */
  const char *complaint; /* when broken: why, for people; static */
} lw_socks;

/* Begins: appends what is to be said first to *out. False when it cannot (see complaint). */
bool lw_socks_start(lw_socks *s, const lw_socks_request *request, lw_buf *out);

/* Takes the next bytes of the proxy, sets *used to how many belong to its replies, and appends to
 * *out what is to be said then. LW_DONE: it is connected. LW_BROKEN: see complaint. */
lw_result lw_socks_input(lw_socks *s, size_t *used, const uint8_t *data, size_t size, lw_buf *out);

#endif
