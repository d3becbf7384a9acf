/* SipHash-2-4: a hash under a secret key (Aumasson and Bernstein, 2012).
 *
 * It exists for tables whose keys peers may choose: who does not know the key cannot find texts
 * that fall together. It knows no table and no randomness; the key is its caller's. */
#ifndef LW_SIPHASH_H
#define LW_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

#define LW_SIPHASH_KEY 16 /* bytes */

uint64_t lw_siphash(const uint8_t key[LW_SIPHASH_KEY], const void *data, size_t size);

#endif
