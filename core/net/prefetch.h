/* Asking the processor for memory before it is needed. With thousands of busy connections hardly
 * anything of one is still in the caches when its turn comes; what is asked for while the one
 * before it is handled is there in time. */
#ifndef LW_NET_PREFETCH_H
#define LW_NET_PREFETCH_H

#include <stddef.h>

#define LW__CACHE_LINE 64 /* bytes; a wrong guess costs some of the effect */

/* The bytes need not exist any more. */
static inline void lw__prefetch(const void *data, size_t size) {
#if defined(__GNUC__)
  for (size_t at = 0; at < size; at += LW__CACHE_LINE) __builtin_prefetch((const char *)data + at);
#else
  (void)data, (void)size;
#endif
}

#endif
