/* Base64 with padding (RFC 4648 section 4). */
#ifndef LW_PROTO_BASE64_H
#define LW_PROTO_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LW_BASE64_SIZE(n) (((n) + 2) / 3 * 4)

/* Writes LW_BASE64_SIZE(size) characters, not terminated. */
void lw_base64_encode(char *to, const uint8_t *data, size_t size);

/* True when the text is the canonical encoding of exactly `bytes` bytes: padding where it belongs,
 * unused bits zero. */
bool lw_base64_is_encoding_of(size_t bytes, const char *text, size_t size);

#endif
