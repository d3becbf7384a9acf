/* Reaching a host: resolves its name without blocking and races its addresses (RFC 8305).
 *
 * The addresses are tried in the resolver's order with IPv6 and IPv4 interleaved, a new one 250 ms
 * after the last or as soon as one fails, and the first that connects wins. */
#ifndef LW_NET_DIAL_H
#define LW_NET_DIAL_H

#include "transport.h"

typedef struct lw_dial lw_dial;

/* Called once, from the event loop only, when the addresses are known and before the first is
 * tried. They are tried when lw_dial_go is called, which may be at once. */
typedef void (*lw_dial_known)(void *owner);

typedef struct lw_dial_target {
  const char *host; /* a name or a numeric address (no brackets); copied */
  int port;
  const char *path;    /* a unix socket instead; copied */
  const char *local;   /* a numeric address to connect from; NULL: the system chooses */
  lw_dial_known known; /* NULL: the addresses are tried at once */
} lw_dial_target;

/* Called once, from the event loop only. The lw_dial is gone after it. On success `transport` is
 * the connection (no-delay is set) and the owner adopts or closes it; else it is NULL, error is the
 * last libuv error, and `tried` says for people what was tried, as in "127.0.0.1:81: connection
 * refused; [::1]:81: connection refused" (valid during the call). */
typedef void (*lw_dial_done)(void *owner, lw_transport *transport, int error, const char *tried);

/* Starts. Returns 0 and sets *dial, or an error at once; `done` is not called then. */
int lw_dial_start(lw_dial **dial, lw_net *net, const lw_dial_target *target, lw_dial_done done,
                  void *owner);

void lw_dial_go(lw_dial *dial);

/* The addresses, once they are known: how many, and each as text without brackets. 0 or an error.
 */
unsigned lw_dial_count(const lw_dial *dial);
int lw_dial_address(const lw_dial *dial, unsigned index, char *text, size_t size, int *port);

/* A host that is a numeric address, in the form of lw_dial_address. False when it is a name. */
bool lw_dial_numeric(const char *host, char *text, size_t size);

/* The same as `tried` above, for those who give up: what was tried until now. The caller frees it;
 * NULL when out of memory. */
char *lw_dial_tried(const lw_dial *dial);

/* The same with addresses that are known already, tried in this order. `port` is in them. */
int lw__dial_start_addresses(lw_dial **dial, lw_net *net, const struct sockaddr_storage *addresses,
                             unsigned count, lw_dial_done done, void *owner);

/* Gives up: `done` is not called any more. The memory goes when libuv is done with it, which for
 * a name that is being resolved is when the system's resolver answers. */
void lw_dial_cancel(lw_dial *dial);

#endif
