/* The transport that encrypts: TLS 1.2 and 1.3 over any other transport; also over one of this
 * kind, as through a proxy that is reached over TLS, but no deeper.
 *
 * The handshake begins with lw_transport_read_start and goes on while the owner reads. What the
 * owner writes meanwhile is kept. It is told of nothing before the handshake is over: then of what
 * was written and read, or of the end, with lw_transport.failure saying what went wrong.
 *
 * A peer's close_notify is its end (UV_EOF), and so is the end of the lower transport without one:
 * protocols that tell the end of their messages, as WebSocket and HTTP do, cannot be cut short
 * unnoticed. */
#ifndef LW_NET_TLS_H
#define LW_NET_TLS_H

#include "tls_context.h"

/* Takes over the lower transport and returns one around it; it is closed on failure, which is out
 * of memory, or the third layer of TLS. */
lw_transport *lw_tls_accept(lw_transport *lower, lw_tls_context *context);
/* `name` is the server's, a host name or a numeric address, which its certificate must be for. */
lw_transport *lw_tls_connect(lw_transport *lower, lw_tls_context *context, const char *name);

/* Calls fn(context, name, value) for each fact about the connection: version, cipher, alpn,
 * resumed, ktls, and of the peer's certificate: verified, subject, issuer, name (each), expires.
 * False, without a call, when the transport is not TLS or its handshake is not over. */
typedef void (*lw_tls_fact)(void *context, const char *name, const char *value);
bool lw_tls_describe(const lw_transport *t, lw_tls_fact fn, void *context);

/* Whether this build could let the kernel encrypt; whether the kernel does is seen by trying. */
bool lw_tls_knows_kernel(void);

#endif
