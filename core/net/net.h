/* What all transports of one loop share. Knows nothing of WebSocket or Lua. */
#ifndef LW_NET_NET_H
#define LW_NET_NET_H

#include <stdbool.h>
#include <uv.h>

#include "out.h"
#include "poller.h"

/* Large, so that a wake-up drains most sockets with one read; every connection borrows it in turn.
 */
#define LW_NET_RECEIVE_SIZE (512 * 1024)

/* A read's worth of plaintext, a record that was incomplete before it, and one to be encrypted. */
#define LW_NET_RECORD_SIZE (16 * 1024)
#define LW_NET_PLAIN_SIZE (LW_NET_RECEIVE_SIZE + 2 * LW_NET_RECORD_SIZE)

typedef struct lw_net {
  uv_loop_t *uv; /* borrowed */
  lw_poller *poller;
  char *receive; /* LW_NET_RECEIVE_SIZE bytes, lent to one read callback at a time */
  char *plain; /* LW_NET_PLAIN_SIZE bytes for what TLS decrypts and encrypts; NULL until it does */
  char *inner_plain; /* the same for TLS over TLS, which reads what is in the other one */
  lw_out_pool *outs;
  bool has_no_ktls; /* this kernel was asked, and does not encrypt */
  unsigned live;    /* transports, listeners and dials of which libuv still holds something */
} lw_net;

/* Of the loop, which nobody else turns if it `is_own`. 0, or a negative libuv error. */
int lw_net_init(lw_net *net, uv_loop_t *uv, bool is_own);
/* Call when nothing is live. Also right for one whose lw_net_init failed. */
void lw_net_free(lw_net *net);

#endif
