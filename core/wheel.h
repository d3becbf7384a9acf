/* The deadline wheel: one timer for the time limits of all connections.
 *
 * A node sits in the slot of its due time, in ticks of 32 ms; the owner of the wheel asks which
 * slot comes next and runs a single timer for it. Arming, moving and cancelling cost a few stores.
 * A deadline further away than the wheel is long is looked at once a round and put back. */
#ifndef LW_WHEEL_H
#define LW_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define LW_WHEEL_TICK_MS 32
#define LW_WHEEL_SLOTS 1024 /* a power of two; one round is 32 seconds */

typedef struct lw_wheel_node {
  struct lw_wheel_node *next, **back; /* back is NULL while it is in no slot */
  uint64_t due_ms;
} lw_wheel_node;

typedef struct lw_wheel {
  lw_wheel_node *slots[LW_WHEEL_SLOTS];
  uint64_t used[LW_WHEEL_SLOTS / 64]; /* one bit for each slot that is not empty */
  uint64_t tick;                      /* every slot before this tick was expired */
} lw_wheel;

void lw_wheel_init(lw_wheel *wheel, uint64_t now_ms);

/* Puts the node (a zeroed one at first) where it expires at due_ms or up to three ticks later. */
void lw_wheel_arm(lw_wheel *wheel, lw_wheel_node *node, uint64_t due_ms);

void lw_wheel_cancel(lw_wheel_node *node);

/* Takes out the next node that is due, or NULL. Call it until NULL; what is armed meanwhile is left
 * for the next time. */
lw_wheel_node *lw_wheel_expire(lw_wheel *wheel, uint64_t now_ms);

/* When to call lw_wheel_expire next; false when no node is armed. */
bool lw_wheel_next(const lw_wheel *wheel, uint64_t *due_ms);

#endif
