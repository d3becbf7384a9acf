/* Published messages that wait for one connection before they join its output: keyed ones while it
 * reads too slowly, of which the newest of each key is kept, and any while a streamed message is
 * under way. Knows no connection; a message is the bytes of its frame. */
#ifndef LW_HELD_H
#define LW_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/block.h"

/* Messages that one connection may hold: what a slow one costs is bounded in number as well. */
#define LW_HELD_MAX 1000

typedef struct lw_held_message {
  lw_block *block;     /* the frame, and behind it the label; held */
  size_t size;         /* of the frame */
  uint64_t label_hash; /* of the label, which is topic and key; counts when it has one */
  bool has_label;
  bool is_deflated; /* the frame's payload is compressed */
} lw_held_message;

/* All zero is valid and empty. */
typedef struct lw_held {
  size_t size; /* of all frames */
  uint32_t count, capacity;
  lw_held_message *messages; /* in the order in which they leave */
} lw_held;

/* The message with the same label; NULL: none. */
lw_held_message *lw_held_find(const lw_held *held, const lw_held_message *message);
/* Takes the place of `old`, one of those held, or goes to the end; holds the block. False when out
 * of memory or at LW_HELD_MAX; nothing has changed then. */
bool lw_held_put(lw_held *held, lw_held_message *old, const lw_held_message *message);
/* Takes those out for which take() is true, in order, and keeps the others. take() must not come
 * back to `held`. */
void lw_held_take(lw_held *held, bool (*take)(void *context, const lw_held_message *message),
                  void *context);
/* Releases everything and leaves it empty. */
void lw_held_free(lw_held *held);

#endif
