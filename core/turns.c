#include "turns.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

typedef struct lw_line lw_line;

/* One's place in one line. */
typedef struct place {
  lw_turn *turn;
  lw_line *line;
  struct place *before, *behind;
} place;

/* Those who wait for one address; whose turn it is comes first. */
struct lw_line {
  lw_line *next, **back; /* in a bucket */
  place *first, *last;
  char key[];
};

struct lw_turn {
  lw_turns *turns;
  void (*on_turn)(void *owner);
  void *owner;
  lw_turn *next_ready;
  size_t waits; /* in how many lines somebody is before it */
  size_t count;
  place places[];
};

/* FNV-1a. */
static lw_line **bucket_of(lw_turns *turns, const char *key) {
  uint32_t hash = 2166136261u;
  for (; *key != '\0'; key++) hash = (hash ^ (uint8_t)*key) * 16777619u;
  return &turns->buckets[hash % LW_TURNS_BUCKETS];
}

/* The line for the address, made if there is none. NULL: no memory. */
static lw_line *find_line(lw_turns *turns, const char *key) {
  lw_line **bucket = bucket_of(turns, key);
  for (lw_line *line = *bucket; line != NULL; line = line->next) {
    if (strcmp(line->key, key) == 0) return line;
  }
  size_t size = strlen(key) + 1;
  lw_line *line = calloc(1, sizeof *line + size);
  if (line == NULL) return NULL;
  memcpy(line->key, key, size);
  line->next = *bucket;
  line->back = bucket;
  if (line->next != NULL) line->next->back = &line->next;
  *bucket = line;
  return line;
}

static void enter(lw_turn *turn, lw_line *line) {
  if (line->last != NULL && line->last->turn == turn) return; /* an address that is listed twice */
  place *own = &turn->places[turn->count++];
  *own = (place){.turn = turn, .line = line, .before = line->last};
  if (line->last != NULL) {
    line->last->behind = own;
    turn->waits++;
  } else {
    line->first = own;
  }
  line->last = own;
}

lw_turn *lw_turn_join(lw_turns *turns, const char (*keys)[LW_TURN_KEY_MAX], size_t count,
                      void (*on_turn)(void *owner), void *owner) {
  lw_turn *turn = calloc(1, sizeof *turn + count * sizeof *turn->places);
  if (turn == NULL) return NULL;
  turn->turns = turns;
  turn->on_turn = on_turn;
  turn->owner = owner;
  for (size_t i = 0; i < count; i++) {
    lw_line *line = find_line(turns, keys[i]);
    if (line == NULL) {
      lw_turn_leave(turn);
      return NULL;
    }
    enter(turn, line);
  }
  return turn;
}

bool lw_turn_has_come(const lw_turn *turn) {
  return turn->waits == 0;
}

static void remove_line(lw_line *line) {
  *line->back = line->next;
  if (line->next != NULL) line->next->back = line->back;
  free(line);
}

/* Leaves one line. Returns whose turn has come by that, or NULL. */
static lw_turn *leave(place *own) {
  lw_line *line = own->line;
  place *behind = own->behind;
  if (own->before != NULL) {
    own->before->behind = behind;
  } else {
    line->first = behind;
  }
  if (behind != NULL) {
    behind->before = own->before;
  } else {
    line->last = own->before;
  }
  if (line->first == NULL) remove_line(line);
  bool is_next = own->before == NULL && behind != NULL;
  return is_next && --behind->turn->waits == 0 ? behind->turn : NULL;
}

/* Those whose turn it is are told when nothing here is half done: one that fails leaves at once. */
void lw_turn_leave(lw_turn *turn) {
  lw_turn *ready = NULL;
  for (size_t i = 0; i < turn->count; i++) {
    lw_turn *next = leave(&turn->places[i]);
    if (next == NULL) continue;
    next->next_ready = ready;
    ready = next;
  }
  free(turn);
  while (ready != NULL) {
    lw_turn *next = ready;
    ready = next->next_ready;
    next->on_turn(next->owner);
  }
}
