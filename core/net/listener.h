/* A listening socket that turns what it accepts into transports. */
#ifndef LW_NET_LISTENER_H
#define LW_NET_LISTENER_H

#include "transport.h"

typedef struct lw_listener lw_listener;

typedef struct lw_listen_address {
  const char *host; /* a numeric address, or "*" for all of IPv4 and IPv6 (dual stack, IPv4 where
                       there is no IPv6), or "localhost" for 127.0.0.1; ignored with path */
  int port;         /* 0: the system chooses */
  const char *path; /* a unix socket instead; a stale one (nobody listens) is replaced */
  int backlog;      /* connections waiting to be accepted */
  bool reuse_port;  /* SO_REUSEPORT: several processes share the port */
} lw_listen_address;

typedef struct lw_listener_events {
  /* A connection came. The owner adopts the transport or closes it. No-delay is set. */
  void (*on_accept)(void *owner, lw_transport *transport);
  /* accept failed; accepting goes on. When the process is out of descriptors the waiting connection
   * is accepted and dropped, so that the loop does not spin, and error is UV_EMFILE. */
  void (*on_accept_error)(void *owner, int error);
  /* The listener is gone; forget the pointer. */
  void (*on_closed)(void *owner);
} lw_listener_events;

/* Listens. Returns 0 and sets *listener, or a negative libuv error (UV_EADDRINUSE, ...). */
int lw_listener_open(lw_listener **listener, lw_net *net, const lw_listen_address *address,
                     const lw_listener_events *events, void *owner);

/* The numeric address that it listens on, and the port (0 for a unix socket). */
int lw_listener_address(const lw_listener *listener, char *address, size_t size, int *port);

/* Stops listening (and removes a unix socket's file). on_closed comes later; nothing else does. */
void lw_listener_close(lw_listener *listener);

#endif
