/* The transport over a socket: TCP or a unix socket. The poller only tells when it is readable
 * or writable; receiving and sending are done here, which costs less time and memory per connection
 * than a libuv stream. */
#ifndef LW_NET_TCP_H
#define LW_NET_TCP_H

#include "socket.h"
#include "transport.h"

/* A transport over a connected socket, which is its own from now on (and is closed on failure), and
 * whose address is `peer`. NULL and *error (libuv) on failure. */
lw_transport *lw_tcp_new(lw_net *net, lw__socket socket, const struct sockaddr_storage *peer,
                         int *error);

#endif
