/* What all transports of one loop share. Knows nothing of WebSocket or Lua. */
#ifndef LW_NET_NET_H
#define LW_NET_NET_H

#include <uv.h>

#include "out.h"

/* Large, so that a wake-up drains most sockets with one read; every connection borrows it in turn.
 */
#define LW_NET_RECEIVE_SIZE (512 * 1024)

typedef struct lw_net {
  uv_loop_t *uv; /* borrowed */
  char *receive; /* LW_NET_RECEIVE_SIZE bytes, lent to one read callback at a time */
  lw_out_pool *outs;
  unsigned live; /* transports, listeners and dials of which libuv still holds something */
} lw_net;

/* 0, or a negative libuv error (UV_ENOMEM). */
int lw_net_init(lw_net *net, uv_loop_t *uv);
/* Call when nothing is live. Also right for one whose lw_net_init failed. */
void lw_net_free(lw_net *net);

#endif
