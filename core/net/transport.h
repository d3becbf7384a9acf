/* The seam between protocols and whatever moves their bytes: TCP, a unix socket, TLS over either,
 * later an HTTP/2 stream. A transport is an ordered, reliable, two-way byte stream. It knows
 * nothing of WebSocket or HTTP, and its owner knows nothing of sockets.
 *
 * Errors are negative libuv codes (UV_ECONNRESET, UV_EOF, ...).
 *
 * Lifetime: a transport is born connected, owned by one lw_transport_owner. lw_transport_close may
 * be called at any time, also from inside any callback; the memory goes when libuv is done with the
 * handle, and on_closed is the last call. After lw_transport_close no other callback comes. */
#ifndef LW_NET_TRANSPORT_H
#define LW_NET_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net.h"

typedef struct lw_transport lw_transport;

/* Called by the transport, from the event loop only, never from inside a call on the transport. */
typedef struct lw_transport_events {
  /* Bytes came. They are writable and valid until the callback returns. */
  void (*on_read)(void *owner, uint8_t *data, size_t size);
  /* The peer sent its last byte (error is UV_EOF) or reading failed. Comes at most once. */
  void (*on_end)(void *owner, int error);
  /* An lw_out that lw_transport_write kept is written whole (error 0) or failed; the transport gave
   * it back to the pool already. */
  void (*on_written)(void *owner, int error);
  /* The transport is gone; forget the pointer. */
  void (*on_closed)(void *owner);
  /* Asked before receiving: where the owner would like to have the next bytes. The room is used at
   * once or not at all: on_read follows with its beginning, and may then come once more with what
   * came behind it, even if the owner stopped reading meanwhile. The pointer itself may be NULL,
   * and the answer: then on_read lends a buffer. */
  uint8_t *(*on_room)(void *owner, size_t *size);
} lw_transport_events;

/* What a libuv code cannot tell: a certificate that was refused, and the like. */
typedef struct lw_transport_failure {
  char code[32];  /* for programs: "TLS_HOSTNAME" */
  char text[400]; /* for people: one sentence */
} lw_transport_failure;

/* What a kind of transport implements; the functions below say what each must do. */
typedef struct lw_transport_kind {
  const char *name;
  int (*read_start)(lw_transport *t);
  void (*read_stop)(lw_transport *t);
  int (*write)(lw_transport *t, lw_out *out);
  size_t (*unwritten)(const lw_transport *t);
  int (*shutdown)(lw_transport *t);
  void (*close)(lw_transport *t);
  int (*peer)(const lw_transport *t, char *address, size_t size, int *port);
  ssize_t (*send_file)(lw_transport *t, uv_file file, uint64_t offset, size_t size); /* or NULL */
  int (*start_tls)(lw_transport *t, const void *keys, size_t size);                  /* or NULL */
  int (*write_record)(lw_transport *t, lw_out *out, uint8_t type); /* goes with start_tls */
  const lw_transport_failure *(*failure)(const lw_transport *t);   /* or NULL */
} lw_transport_kind;

struct lw_transport {
  const lw_transport_kind *kind;
  const lw_transport_events *events;
  void *owner; /* NULL until adopted */
  lw_net *net;
};

/* Gives a fresh transport its owner. It does not read before lw_transport_read_start. */
void lw_transport_adopt(lw_transport *t, const lw_transport_events *events, void *owner);

/* Starts or stops reading; both may be called again. Returns 0 or an error. */
int lw_transport_read_start(lw_transport *t);
void lw_transport_read_stop(lw_transport *t);

/* Takes the lw_out over and writes as much of it as the kernel accepts at once.
 * 1: all of it is written (and given back to the pool); on_written does not come.
 * 0: the rest is kept; on_written comes later, and nothing may be written before it.
 * Negative: an error; the lw_out was given back. The owner should close the transport. */
int lw_transport_write(lw_transport *t, lw_out *out);

/* True when it can send files without their bytes coming by here. */
bool lw_transport_sends_files(const lw_transport *t);

/* Sends bytes of an open file, while nothing is kept. Returns how many the kernel took; when these
 * are not all, on_written comes once there is room, and nothing may be written before it. UV_EOF:
 * the file has no such bytes. UV_ENOTSUP: not of this file, nothing was sent. */
ssize_t lw_transport_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size);

/* True when the kernel may be asked to encrypt what is written (kTLS). */
bool lw_transport_can_start_tls(const lw_transport *t);

/* From here on the kernel makes TLS records of what is written, with these keys: one of the
 * system's structures for them. While nothing is kept. 0, or an error, and then all is as before;
 * UV_ENOTSUP: this kernel never does. */
int lw_transport_start_tls(lw_transport *t, const void *keys, size_t size);

/* Writes records of another type than application data, which lw_transport_write writes then. */
int lw_transport_write_record(lw_transport *t, lw_out *out, uint8_t type);

/* Bytes of the kept lw_out that the kernel has not accepted yet. */
size_t lw_transport_unwritten(const lw_transport *t);

/* What on_room answers, no more than one call of the system may move; NULL: nothing. For
 * transports. */
uint8_t *lw__transport_room(const lw_transport *t, size_t *size);

/* Hands bytes to the owner as if they came just now: those that an owner before it read beyond what
 * was its own. From inside on_read only. */
void lw_transport_pass_on(lw_transport *t, uint8_t *data, size_t size);

/* Ends our direction after everything kept is written. Reading goes on. Returns 0 or an error; what
 * goes wrong later is seen by reading. */
int lw_transport_shutdown(lw_transport *t);

/* Ends both directions at once. Unwritten output is given up (its references are released). */
void lw_transport_close(lw_transport *t);

/* More about the error of on_end or of a call, which the transport owns; NULL: nothing is known, or
 * there is no transport. */
const lw_transport_failure *lw_transport_failure_of(const lw_transport *t);

/* The peer's numeric address (no brackets; the path for a unix socket, which may be empty) and port
 * (0 for a unix socket). Returns 0 or an error; an address is known as long as the transport is. */
int lw_transport_peer(const lw_transport *t, char *address, size_t size, int *port);

#endif
