/* UTF-8, checked as it arrives (RFC 3629; RFC 6455 section 8.1).
 *
 * The state is one byte, 0 at the start and at every character boundary. It rejects at the first
 * byte that no valid text could have there, so overlong forms, surrogates and code points above
 * U+10FFFF end at their second byte, however the text is cut into pieces. */
#ifndef LW_PROTO_UTF8_H
#define LW_PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint8_t lw_utf8;

/* Checks the next piece. True when it is a legal continuation; *state then says whether a character
 * is still incomplete (not 0). After false the state must not be used again. */
bool lw_utf8_check(lw_utf8 *state, const uint8_t *data, size_t size);

/* True when the whole range is valid and ends at a character boundary. */
bool lw_utf8_valid(const uint8_t *data, size_t size);

#endif
