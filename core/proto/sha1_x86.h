/* SHA-1 by the instructions that x86-64 processors have for it. sha1.c asks at run time whether
 * they are there, and does without elsewhere. */
#ifndef LW_PROTO_SHA1_X86_H
#define LW_PROTO_SHA1_X86_H

#include <stdint.h>

/* The compilers that can ask for them by name. LW_PORTABLE builds what all others get, to test it.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !defined(LW_PORTABLE)
#if __GNUC__ >= 11
#define LW_SHA1_X86 1
#endif
#endif

/* Adds a block of 64 bytes to the hash so far. */
void lw__sha1_block_x86(uint32_t h[5], const uint8_t *block);

#endif
