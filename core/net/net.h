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

/* 0, or a negative libuv error (UV_ENOMEM).
 *
 * libuv writes with writev, and on Linux a write to a socket that the peer has reset raises
 * SIGPIPE, which ends a process that does nothing about it. So where SIGPIPE still has its default
 * action, it gets a handler that does nothing, for the whole process and for good. A handler,
 * unlike ignoring, is not inherited by programs that a script starts, and whoever set an action of
 * their own before or afterwards keeps it. */
int lw_net_init(lw_net *net, uv_loop_t *uv);
/* Call when nothing is live. Also right for one whose lw_net_init failed. */
void lw_net_free(lw_net *net);

#endif
