/* The chunked transfer coding of a body that comes in (RFC 9112 section 7.1).
 *
 * Takes the coding off in place, in any pieces, and keeps nothing but numbers. Strict: CRLF only,
 * no white space behind a size, no sign, no prefix. Extensions and trailers are passed over; what
 * they may cost is bounded. It does not know how long a body may be. */
#ifndef LW_PROTO_CHUNKED_H
#define LW_PROTO_CHUNKED_H

#include "http.h"

/* Extensions and trailers together may have that many bytes more than the body. */
#define LW_CHUNKED_EXTRA_MAX (16 * 1024)

/* All zero at the start of each body. */
typedef struct lw_chunked {
  uint64_t left;            /* bytes of this chunk that are still to come */
  uint64_t size;            /* bytes of the body so far */
  uint64_t extra;           /* bytes of extensions so far */
  lw_http_scanner trailers; /* counts their bytes and fields itself */
  uint8_t state;            /* chunked.c */
  uint8_t digits;           /* of the size that is being read */
  uint8_t error;            /* lw_error; not 0: broken for good */
} lw_chunked;

/* Decodes the next piece: moves the bytes of the body that are in it to its front, *got of them,
 * and sets *used: how many bytes belong to the coded body. LW_DONE: the body is whole, and what
 * follows data + *used is another request. LW_MORE: all of it was used. LW_BROKEN:
 * chunked->error tells why. */
lw_result lw_chunked_decode(lw_chunked *chunked, uint8_t *data, size_t size, size_t *used,
                            size_t *got);

#define LW_CHUNK_HEAD_MAX 18 /* sixteen digits, CR, LF */

/* Writes what stands before a chunk of `size` bytes, which is not 0, and returns its length. Behind
 * the chunk comes CR LF, and behind the last one LW_CHUNKED_END. */
size_t lw_chunked_head(char head[LW_CHUNK_HEAD_MAX], uint64_t size);

#define LW_CHUNKED_END "0\r\n\r\n"

#endif
