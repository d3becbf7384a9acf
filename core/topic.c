#include "topic.h"

#include <stdlib.h>
#include <string.h>

/* Buckets at the start, which remain. A power of two. */
#define BUCKETS_MIN 16
#define SUBSCRIPTIONS_MIN 2

/* One subscriber of a topic, and where in its own array the topic is. */
typedef struct entry {
  lw_subscriber *subscriber;
  uint32_t back;
} entry;

/* One topic of a subscriber, and where in its array the subscriber is. */
typedef struct lw__subscription {
  lw_topic *topic;
  uint32_t back;
} subscription;

struct lw_topic {
  lw_topic *next; /* in its bucket */
  entry *entries; /* `only` while there is room in it */
  entry only;     /* most topics of a large number have one subscriber */
  uint32_t hash;
  uint32_t count, capacity;
  uint8_t name_size;
  char name[];
};

/* Linear hashing: bucket `split` is the next to be divided between itself and its sibling `half`
 * buckets on. Those before it, and the siblings, are divided already. */
struct lw_topics {
  lw_topic **buckets;
  size_t capacity; /* of the array */
  size_t half;     /* a power of two */
  size_t split;    /* below half; half + split buckets are in use */
  size_t count;    /* of topics */
  uint8_t key[LW_SIPHASH_KEY];
};

/* --- the table of names --- */

static size_t bucket_of(const lw_topics *t, uint32_t hash) {
  size_t index = hash & (t->half - 1);
  return index < t->split ? hash & (2 * t->half - 1) : index;
}

/* Moves the topics that belong into the bucket at `to` there from the one at `from`. */
static void divide(lw_topics *t, size_t from, size_t to) {
  lw_topic **place = &t->buckets[from];
  t->buckets[to] = NULL;
  while (*place != NULL) {
    lw_topic *topic = *place;
    if (bucket_of(t, topic->hash) == from) {
      place = &topic->next;
      continue;
    }
    *place = topic->next;
    topic->next = t->buckets[to];
    t->buckets[to] = topic;
  }
}

static bool resize(lw_topics *t, size_t capacity) {
  lw_topic **buckets = realloc(t->buckets, capacity * sizeof *buckets);
  if (buckets == NULL) return false;
  t->buckets = buckets;
  t->capacity = capacity;
  return true;
}

/* One bucket for each topic. Without the memory for more, buckets get longer and nothing else. */
static void grow(lw_topics *t) {
  size_t used = t->half + t->split;
  if (t->count <= used || (used == t->capacity && !resize(t, 2 * used))) return;
  size_t from = t->split++;
  divide(t, from, used);
  if (t->split < t->half) return;
  t->half *= 2;
  t->split = 0;
}

/* The other way, when only half of the buckets are needed. */
static void shrink(lw_topics *t) {
  size_t used = t->half + t->split;
  if (used == BUCKETS_MIN || t->count > used / 2) return;
  if (t->split == 0) {
    t->half /= 2;
    t->split = t->half;
  }
  t->split--;
  lw_topic **place = &t->buckets[t->split];
  while (*place != NULL) place = &(*place)->next;
  *place = t->buckets[used - 1];
  if (used - 1 <= t->capacity / 4) resize(t, t->capacity / 2); /* failing, it stays large */
}

uint64_t lw_topics_hash(const lw_topics *t, lw_slice text) {
  return lw_siphash(t->key, text.data, text.size);
}

static uint32_t hash_of(const lw_topics *t, lw_slice name) {
  return (uint32_t)lw_topics_hash(t, name);
}

static lw_topic *find(const lw_topics *t, lw_slice name, uint32_t hash) {
  lw_topic *topic = t->buckets[bucket_of(t, hash)];
  for (; topic != NULL; topic = topic->next) {
    bool same = topic->hash == hash && topic->name_size == name.size;
    if (same && memcmp(topic->name, name.data, name.size) == 0) break;
  }
  return topic;
}

lw_topic *lw_topics_find(const lw_topics *t, lw_slice name) {
  return find(t, name, hash_of(t, name));
}

static lw_topic *add_topic(lw_topics *t, lw_slice name, uint32_t hash) {
  lw_topic *topic = malloc(offsetof(lw_topic, name) + name.size);
  if (topic == NULL) return NULL;
  topic->entries = &topic->only;
  topic->hash = hash;
  topic->count = 0;
  topic->capacity = 1;
  topic->name_size = (uint8_t)name.size;
  memcpy(topic->name, name.data, name.size);
  t->count++;
  grow(t);
  lw_topic **bucket = &t->buckets[bucket_of(t, hash)];
  topic->next = *bucket;
  *bucket = topic;
  return topic;
}

static void free_entries(lw_topic *topic) {
  if (topic->entries != &topic->only) free(topic->entries);
}

static void remove_topic(lw_topics *t, lw_topic *topic) {
  lw_topic **place = &t->buckets[bucket_of(t, topic->hash)];
  while (*place != topic) place = &(*place)->next;
  *place = topic->next;
  free_entries(topic);
  free(topic);
  t->count--;
  shrink(t);
}

/* --- both arrays --- */

static bool reserve_entry(lw_topic *topic) {
  if (topic->count < topic->capacity) return true;
  if (topic->capacity > UINT32_MAX / 2) return false;
  uint32_t capacity = 2 * topic->capacity;
  bool is_first = topic->entries == &topic->only;
  entry *entries = realloc(is_first ? NULL : topic->entries, capacity * sizeof *entries);
  if (entries == NULL) return false;
  if (is_first) entries[0] = topic->only;
  topic->entries = entries;
  topic->capacity = capacity;
  return true;
}

static bool reserve_subscription(lw_subscriber *s) {
  if (s->count < s->capacity) return true;
  if (s->capacity > UINT32_MAX / 2) return false;
  uint32_t capacity = s->capacity > 0 ? s->capacity + s->capacity / 2 + 1 : SUBSCRIPTIONS_MIN;
  subscription *subscriptions = realloc(s->subscriptions, capacity * sizeof *subscriptions);
  if (subscriptions == NULL) return false;
  s->subscriptions = subscriptions;
  s->capacity = capacity;
  return true;
}

/* The index among its subscriptions, found in the shorter of both arrays; UINT32_MAX: none. */
static uint32_t index_of(const lw_subscriber *s, const lw_topic *topic) {
  if (s->count < topic->count) {
    for (uint32_t i = 0; i < s->count; i++) {
      if (s->subscriptions[i].topic == topic) return i;
    }
  } else {
    for (uint32_t i = 0; i < topic->count; i++) {
      if (topic->entries[i].subscriber == s) return topic->entries[i].back;
    }
  }
  return UINT32_MAX;
}

/* The last one takes the place of the one that goes, on either side. */
static void remove_entry(lw_topics *t, lw_topic *topic, uint32_t index) {
  uint32_t last = --topic->count;
  if (last == 0) {
    remove_topic(t, topic);
    return;
  }
  if (index != last) {
    entry moved = topic->entries[index] = topic->entries[last];
    moved.subscriber->subscriptions[moved.back].back = index;
  }
  if (last < topic->capacity / 4) {
    entry *entries = realloc(topic->entries, topic->capacity / 2 * sizeof *entries);
    if (entries == NULL) return; /* it stays large */
    topic->entries = entries;
    topic->capacity /= 2;
  }
}

static void remove_subscription(lw_subscriber *s, uint32_t index) {
  uint32_t last = --s->count;
  if (index == last) return;
  subscription moved = s->subscriptions[index] = s->subscriptions[last];
  moved.topic->entries[moved.back].back = index;
}

/* --- what others call --- */

lw_topics *lw_topics_new(const uint8_t key[LW_SIPHASH_KEY]) {
  lw_topics *t = calloc(1, sizeof *t);
  if (t == NULL) return NULL;
  t->buckets = calloc(BUCKETS_MIN, sizeof *t->buckets);
  if (t->buckets == NULL) {
    free(t);
    return NULL;
  }
  t->capacity = t->half = BUCKETS_MIN;
  memcpy(t->key, key, LW_SIPHASH_KEY);
  return t;
}

void lw_topics_free(lw_topics *t) {
  if (t == NULL) return;
  free(t->buckets);
  free(t);
}

size_t lw_topics_count(const lw_topics *t) {
  return t->count;
}

bool lw_topics_subscribe(lw_topics *t, lw_subscriber *s, lw_slice name) {
  uint32_t hash = hash_of(t, name);
  lw_topic *topic = find(t, name, hash);
  if (topic != NULL && index_of(s, topic) != UINT32_MAX) return true;
  if (!reserve_subscription(s)) return false;
  if (topic == NULL) topic = add_topic(t, name, hash);
  if (topic == NULL || !reserve_entry(topic)) return false; /* a new one has room */
  s->subscriptions[s->count] = (subscription){topic, topic->count};
  topic->entries[topic->count++] = (entry){s, s->count++};
  return true;
}

bool lw_topics_unsubscribe(lw_topics *t, lw_subscriber *s, lw_slice name) {
  lw_topic *topic = lw_topics_find(t, name);
  uint32_t index = topic != NULL ? index_of(s, topic) : UINT32_MAX;
  if (index == UINT32_MAX) return false;
  uint32_t back = s->subscriptions[index].back;
  remove_subscription(s, index);
  remove_entry(t, topic, back);
  return true;
}

bool lw_topics_has(const lw_topics *t, const lw_subscriber *s, lw_slice name) {
  const lw_topic *topic = lw_topics_find(t, name);
  return topic != NULL && index_of(s, topic) != UINT32_MAX;
}

void lw_topics_leave(lw_topics *t, lw_subscriber *s) {
  while (s->count > 0) {
    subscription last = s->subscriptions[--s->count];
    remove_entry(t, last.topic, last.back);
  }
  free(s->subscriptions);
  *s = (lw_subscriber){0};
}

lw_slice lw_subscriber_topic(const lw_subscriber *s, uint32_t index) {
  const lw_topic *topic = s->subscriptions[index].topic;
  return (lw_slice){topic->name, topic->name_size};
}

uint32_t lw_topic_count(const lw_topic *topic) {
  return topic->count;
}

lw_subscriber *lw_topic_subscriber(const lw_topic *topic, uint32_t index) {
  return topic->entries[index].subscriber;
}
