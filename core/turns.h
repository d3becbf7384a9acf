/* Whose turn it is to connect: at most one connection is in the CONNECTING state per remote
 * address, and the others wait (RFC 6455 section 4.1, number 2). It keeps a client that connects
 * often from flooding a server, and an attacker's page from scanning with many at one time.
 *
 * An address is a text here; this module knows nothing of connections or time. A host that has
 * several addresses stands in line for all of them at once, so nobody can block in a circle. */
#ifndef LW_TURNS_H
#define LW_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#define LW_TURNS_BUCKETS 64
#define LW_TURN_KEY_MAX 320 /* bytes of an address, terminated; a longer one is cut */

typedef struct lw_turn lw_turn; /* a place in the line of each address */

/* All lines of a loop. All zero at the start; empty again when everybody has left. */
typedef struct lw_turns {
  struct lw_line *buckets[LW_TURNS_BUCKETS];
} lw_turns;

/* Gets in line for all the addresses. NULL: no memory. When the turn has not come at once,
 * on_turn(owner) is called when it has, from inside another's lw_turn_leave. */
lw_turn *lw_turn_join(lw_turns *turns, const char (*keys)[LW_TURN_KEY_MAX], size_t count,
                      void (*on_turn)(void *owner), void *owner);
bool lw_turn_has_come(const lw_turn *turn);

/* Gives it up, having had it or not; it is gone then. */
void lw_turn_leave(lw_turn *turn);

#endif
