/* The transport over a libuv stream: TCP or a unix socket. */
#ifndef LW_NET_TCP_H
#define LW_NET_TCP_H

#include "transport.h"

/* A transport whose libuv handle is initialised but not connected yet, for listener.c and dial.c,
 * which connect or accept through lw_tcp_stream. NULL and *error (libuv) on failure. */
lw_transport *lw_tcp_new(lw_net *net, bool is_unix_socket, int *error);

/* The libuv handle inside. Its `data` field stays NULL: a loop shared with luv demands it. */
uv_stream_t *lw_tcp_stream(lw_transport *t);

#endif
