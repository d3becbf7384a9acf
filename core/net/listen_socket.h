/* The socket of a listener: made, bound and listening by plain system calls, which tell at once
 * what is wrong with an address. For listener.c only. POSIX. */
#ifndef LW_NET_LISTEN_SOCKET_H
#define LW_NET_LISTEN_SOCKET_H

#include <stdint.h>

#include "listener.h"

typedef struct lw__listen_socket {
  int fd;
  char *path;             /* of a unix socket; else NULL */
  uint64_t device, inode; /* which file the path was when it was made */
} lw__listen_socket;

/* 0 or a negative libuv error; nothing is left open then. */
int lw__listen_socket_open(lw__listen_socket *socket, const lw_listen_address *address);

/* Also removes a unix socket's file, unless another one has taken its place. */
void lw__listen_socket_close(lw__listen_socket *socket);

int lw__listen_socket_address(const lw__listen_socket *socket, char *text, size_t size, int *port);

#endif
