/* The parts of the UTF-8 check that pay for themselves on long text, for x86-64 processors with
 * AVX2. utf8.c asks at run time whether there is one, and does without elsewhere.
 */
#ifndef LW_PROTO_UTF8_AVX2_H
#define LW_PROTO_UTF8_AVX2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* LW_PORTABLE builds what processors and compilers unknown to us would get, to test it. */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(LW_PORTABLE)
#define LW_UTF8_AVX2 1
#endif

#define LW_UTF8_BLOCK 64

/* How many bytes at the beginning of data[0 .. size) are surely ASCII, by steps of two blocks. */
size_t lw__utf8_ascii_blocks(const uint8_t *data, size_t size);

/* Checks data[0 .. size), a multiple of LW_UTF8_BLOCK bytes, as the continuation of data[-3 .. -1],
 * which must be there and legal. A character may be open at the end. */
bool lw__utf8_check_blocks(const uint8_t *data, size_t size);

#endif
