/* A client's way through a proxy: between the dialling of the proxy and what the client has to say
 * to the server. It speaks core/proto's HTTP CONNECT or SOCKS over a transport, and hands the
 * transport on when it leads to the server. It knows no time limit and nothing of WebSocket. */
#ifndef LW_TUNNEL_H
#define LW_TUNNEL_H

#include "lunawire_client.h"
#include "net/transport.h"

typedef struct lw_tunnel lw_tunnel;

/* Called once, from the event loop only; the tunnel is gone after it. On success the transport is
 * the owner's, with `size` bytes in `rest` that came behind the proxy's answer; else it is NULL and
 * *failure says why. */
typedef void (*lw_tunnel_done)(void *owner, lw_transport *io, uint8_t *rest, size_t size,
                               const lw_failure *failure);

/* Takes over a transport to the proxy and asks it for host:port. `host` is a name, or a numeric
 * address without brackets. It and the proxy's texts must stay valid. NULL on failure; the
 * transport is closed then. */
lw_tunnel *lw_tunnel_start(lw_transport *io, const lw_proxy *proxy, const char *host, int port,
                           lw_tunnel_done done, void *owner, lw_failure *failure);

/* Gives up and closes the transport: `done` is not called any more. */
void lw_tunnel_cancel(lw_tunnel *tunnel);

#endif
