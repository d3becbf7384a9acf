/* The few calls on stream sockets that libuv does not make for us: all that is not the same on
 * every system is behind these. For core/net only; the sockets never block, and sending to a peer
 * that is gone raises no SIGPIPE. POSIX; Windows would need another socket.c. */
#ifndef LW_NET_SOCKET_H
#define LW_NET_SOCKET_H

#include <stddef.h>
#include <stdint.h>
#include <uv.h>

typedef uv_os_sock_t lw__socket;
#define LW__SOCKET_NONE ((lw__socket)-1)

/* All of these return 0 (or what they say) or a negative libuv error. */

/* Makes a socket that programs started later do not inherit. What it sends leaves at once
 * (no-delay), and so it is with the sockets that it accepts, if it is to listen. */
int lw__socket_open(lw__socket *result, int family);
void lw__socket_close(lw__socket s);

/* UV_EAGAIN: nobody waits. Sets `peer` to the address of whoever was accepted. */
int lw__socket_accept(lw__socket *result, lw__socket listening, struct sockaddr_storage *peer);

/* Gives a socket that will connect its own address, with any free port where that is 0. */
int lw__socket_bind(lw__socket s, const struct sockaddr_storage *address);

/* Lets TCP ask a peer that is silent for a minute whether it is still there, and give it up after
 * another. What a listening socket accepts inherits it. For peers that answer no ping: those that
 * are not open yet, or whose heartbeat is off. */
void lw__socket_keep_alive(lw__socket s);

/* Begins to connect. The socket becomes writable when that has ended, and then lw__socket_error
 * tells how. */
int lw__socket_connect(lw__socket s, const struct sockaddr_storage *address);
int lw__socket_error(lw__socket s);

/* Where the other end of a unix socket is bound: a path, which may be empty. */
int lw__socket_peer_path(lw__socket s, char *path, size_t size);

/* Whether files can be sent without their bytes coming by here. */
#if defined(__linux__) || defined(__APPLE__)
#define LW__SOCKET_SENDS_FILES 1
#else
#define LW__SOCKET_SENDS_FILES 0
#endif

/* Bytes of an open file; 0: it has none there. It waits for the disk, if they are not in memory.
 * UV_EAGAIN: not now. UV_ENOTSUP: the system cannot do that with this file. */
ssize_t lw__socket_send_file(lw__socket s, uv_file file, uint64_t offset, size_t size);

/* Whether the kernel can be asked to encrypt what is sent (kTLS); it may still refuse. */
#if defined(__linux__) && defined(__has_include) && !defined(LW_NO_KTLS)
#if __has_include(<linux/tls.h>)
#define LW__SOCKET_ENCRYPTS 1
#endif
#endif
#ifndef LW__SOCKET_ENCRYPTS
#define LW__SOCKET_ENCRYPTS 0
#endif

/* From here on the kernel makes TLS records of what is sent, with these keys: one of the system's
 * structures for them. UV_ENOTSUP: this kernel does not do that at all; other errors are about this
 * connection or this cipher. In any case of failure the socket is as good as before. */
int lw__socket_start_tls(lw__socket s, const void *keys, size_t size);

/* The same as lw__socket_send, for records of a type that is not application data (RFC 8446 section
 * 5.1), after lw__socket_start_tls. */
ssize_t lw__socket_send_record(lw__socket s, const uv_buf_t *pieces, unsigned count, uint8_t type);

/* How many bytes were received or sent; receiving none is the end. UV_EAGAIN: not now. */
ssize_t lw__socket_receive(lw__socket s, const uv_buf_t *places, unsigned count);
ssize_t lw__socket_send(lw__socket s, const uv_buf_t *pieces, unsigned count);

/* Ends our direction. */
int lw__socket_shut(lw__socket s);

int lw__socket_set(lw__socket s, int level, int option, int value);

#endif
