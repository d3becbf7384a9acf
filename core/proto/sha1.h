/* SHA-1 (FIPS 180-4), for Sec-WebSocket-Accept only (RFC 6455 section 4.2.2): no secret depends on
 * it.
 *
 * OpenSSL has a faster one, behind machinery that costs more than these two blocks, makes 2 MB of a
 * process resident that uses no TLS, and refuses where a policy of the system forbids SHA-1. */
#ifndef LW_PROTO_SHA1_H
#define LW_PROTO_SHA1_H

#include <stddef.h>
#include <stdint.h>

#define LW_SHA1_SIZE 20

void lw_sha1(uint8_t digest[LW_SHA1_SIZE], const void *data, size_t size);

#endif
