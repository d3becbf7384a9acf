#include "held.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY_MIN 4

static bool same_label(const lw_held_message *a, const lw_held_message *b) {
  size_t size = a->block->size - a->size;
  return a->has_label && a->label_hash == b->label_hash && b->block->size - b->size == size &&
         memcmp(a->block->data + a->size, b->block->data + b->size, size) == 0;
}

lw_held_message *lw_held_find(const lw_held *held, const lw_held_message *message) {
  for (uint32_t i = 0; message->has_label && i < held->count; i++) {
    if (same_label(&held->messages[i], message)) return &held->messages[i];
  }
  return NULL;
}

static bool reserve(lw_held *held) {
  if (held->count < held->capacity) return true;
  if (held->count >= LW_HELD_MAX) return false;
  uint32_t capacity = held->capacity > 0 ? 2 * held->capacity : CAPACITY_MIN;
  if (capacity > LW_HELD_MAX) capacity = LW_HELD_MAX;
  lw_held_message *messages = realloc(held->messages, capacity * sizeof *messages);
  if (messages == NULL) return false;
  held->messages = messages;
  held->capacity = capacity;
  return true;
}

bool lw_held_put(lw_held *held, lw_held_message *old, const lw_held_message *message) {
  if (old == NULL && !reserve(held)) return false;
  lw_block_hold(message->block);
  if (old != NULL) {
    held->size -= old->size;
    lw_block_release(old->block);
  } else {
    old = &held->messages[held->count++];
  }
  *old = *message;
  held->size += message->size;
  return true;
}

void lw_held_take(lw_held *held, bool (*take)(void *context, const lw_held_message *message),
                  void *context) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < held->count; i++) {
    lw_held_message message = held->messages[i];
    if (!take(context, &message)) {
      held->messages[kept++] = message;
      continue;
    }
    held->size -= message.size;
    lw_block_release(message.block);
  }
  held->count = kept;
  if (kept == 0) lw_held_free(held);
}

void lw_held_free(lw_held *held) {
  for (uint32_t i = 0; i < held->count; i++) lw_block_release(held->messages[i].block);
  free(held->messages);
  *held = (lw_held){0};
}
