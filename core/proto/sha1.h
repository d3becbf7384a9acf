/* SHA-1, for Sec-WebSocket-Accept only (RFC 6455 section 4.2.2): no secret depends on it.
 *
 * The one place in core/proto that knows OpenSSL. */
#ifndef LW_PROTO_SHA1_H
#define LW_PROTO_SHA1_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LW_SHA1_SIZE 20

/* False when OpenSSL cannot: out of memory, or a policy of the system forbids SHA-1. */
bool lw_sha1(uint8_t digest[LW_SHA1_SIZE], const void *data, size_t size);

#endif
