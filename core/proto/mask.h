/* Masking of payloads (RFC 6455 section 5.3). */
#ifndef LW_PROTO_MASK_H
#define LW_PROTO_MASK_H

#include <stddef.h>
#include <stdint.h>

/* XORs `size` bytes from `from` with the masking key and stores them at `to`. `from` and `to` may
 * be the same, and must not overlap otherwise. `offset` is the position of the first byte in its
 * payload: only its last two bits matter. Neither reads nor writes outside the two ranges. */
void lw_mask(uint8_t *to, const uint8_t *from, size_t size, const uint8_t key[4], size_t offset);

#endif
