#include "wheel.h"

#include <stddef.h>
#include <string.h>

#define SLOT_OF(tick) ((tick) & (LW_WHEEL_SLOTS - 1))

/* Rounded up, so that a slot never comes before the deadlines in it. */
static uint64_t tick_of(uint64_t ms) {
  return (ms + LW_WHEEL_TICK_MS - 1) / LW_WHEEL_TICK_MS;
}

void lw_wheel_init(lw_wheel *wheel, uint64_t now_ms) {
  memset(wheel, 0, sizeof *wheel);
  wheel->tick = now_ms / LW_WHEEL_TICK_MS + 1;
}

void lw_wheel_arm(lw_wheel *wheel, lw_wheel_node *node, uint64_t due_ms) {
  lw_wheel_cancel(node);
  /* Never into the slot that is being expired: lw_wheel_expire must come to an end. */
  uint64_t first = wheel->tick + 1, last = wheel->tick + LW_WHEEL_SLOTS - 1;
  uint64_t tick = tick_of(due_ms);
  if (tick < first) tick = first;
  if (tick > last) tick = last;
  unsigned slot = (unsigned)SLOT_OF(tick);

  node->due_ms = due_ms;
  node->next = wheel->slots[slot];
  node->back = &wheel->slots[slot];
  if (node->next != NULL) node->next->back = &node->next;
  wheel->slots[slot] = node;
  wheel->used[slot / 64] |= UINT64_C(1) << (slot % 64);
}

void lw_wheel_cancel(lw_wheel_node *node) {
  if (node->back == NULL) return;
  *node->back = node->next;
  if (node->next != NULL) node->next->back = node->back;
  /* The bit of a slot that becomes empty stays set until the slot comes round: finding the slot
   * here would cost more than one idle look at it. */
  node->back = NULL;
  node->next = NULL;
}

lw_wheel_node *lw_wheel_expire(lw_wheel *wheel, uint64_t now_ms) {
  uint64_t now = now_ms / LW_WHEEL_TICK_MS;
  uint64_t due;
  while (lw_wheel_next(wheel, &due) && due / LW_WHEEL_TICK_MS <= now) {
    uint64_t tick = due / LW_WHEEL_TICK_MS;
    unsigned slot = (unsigned)SLOT_OF(tick);
    wheel->tick = tick;
    lw_wheel_node *node = wheel->slots[slot];
    if (node == NULL) {
      wheel->used[slot / 64] &= ~(UINT64_C(1) << (slot % 64));
      wheel->tick = tick + 1;
      continue;
    }
    lw_wheel_cancel(node);
    if (node->due_ms <= now_ms) return node;
    lw_wheel_arm(wheel, node, node->due_ms); /* it is further away than the wheel is long */
  }
  if (wheel->tick <= now) wheel->tick = now + 1;
  return NULL;
}

/* The distance from `from` to the first slot in use at or after it, going round; LW_WHEEL_SLOTS
 * when none is. */
static unsigned distance_to_used(const lw_wheel *wheel, unsigned from) {
  unsigned words = LW_WHEEL_SLOTS / 64;
  uint64_t word = wheel->used[from / 64] & (~UINT64_C(0) << (from % 64));
  for (unsigned i = 0; i <= words; i++) {
    unsigned index = (from / 64 + i) % words;
    if (i > 0) word = wheel->used[index];
    if (word == 0) continue;
    unsigned bit = 0;
    while ((word >> bit & 1) == 0) bit++;
    return (index * 64 + bit - from) & (LW_WHEEL_SLOTS - 1);
  }
  return LW_WHEEL_SLOTS;
}

bool lw_wheel_next(const lw_wheel *wheel, uint64_t *due_ms) {
  unsigned distance = distance_to_used(wheel, (unsigned)SLOT_OF(wheel->tick));
  if (distance == LW_WHEEL_SLOTS) return false;
  *due_ms = (wheel->tick + distance) * LW_WHEEL_TICK_MS;
  return true;
}
