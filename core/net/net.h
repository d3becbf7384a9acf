/* What all transports of one loop share. Knows nothing of WebSocket or Lua. */
#ifndef LW_NET_NET_H
#define LW_NET_NET_H

#include <uv.h>

#include "out.h"

/* Large, so that a wake-up drains most sockets with one read; every connection borrows it in turn.
 */
#define LW_NET_RECEIVE_SIZE (512 * 1024)

/* A read's worth of plaintext, a record that was incomplete before it, and one to be encrypted. */
#define LW_NET_RECORD_SIZE (16 * 1024)
#define LW_NET_PLAIN_SIZE (LW_NET_RECEIVE_SIZE + 2 * LW_NET_RECORD_SIZE)

typedef struct lw_net {
  uv_loop_t *uv; /* borrowed */
  char *receive; /* LW_NET_RECEIVE_SIZE bytes, lent to one read callback at a time */
  char *plain; /* LW_NET_PLAIN_SIZE bytes for what TLS decrypts and encrypts; NULL until it does */
  lw_out_pool *outs;
  unsigned live; /* transports, listeners and dials of which libuv still holds something */
} lw_net;

/* 0, or a negative libuv error (UV_ENOMEM). */
int lw_net_init(lw_net *net, uv_loop_t *uv);
/* Call when nothing is live. Also right for one whose lw_net_init failed. */
void lw_net_free(lw_net *net);

#endif
