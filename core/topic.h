/* Who has subscribed to what: the topics of one server.
 *
 * Each topic holds its subscribers in an array, and each subscriber its topics; every entry knows
 * the place of its counterpart. So leaving one topic costs the same however many there are, and
 * leaving all takes time in proportion to the topics that are left. A topic exists while somebody
 * has subscribed to it. The table of names grows and shrinks by a bucket at a time, so that no call
 * pays for all of it, and hashes under a secret key, because peers may choose the names.
 *
 * It knows no connection and no message: those are core/member.h and core/publish.c. */
#ifndef LW_TOPIC_H
#define LW_TOPIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/buf.h"
#include "siphash.h"

typedef struct lw_topics lw_topics;
typedef struct lw_topic lw_topic;
struct lw__subscription;

/* Part of something that its owner finds by its address. All zero: no subscription. */
typedef struct lw_subscriber {
  struct lw__subscription *subscriptions; /* NULL when there is none */
  uint32_t count, capacity;
} lw_subscriber;

/* NULL: no memory. */
lw_topics *lw_topics_new(const uint8_t key[LW_SIPHASH_KEY]);
/* All subscribers must have left. NULL is fine. */
void lw_topics_free(lw_topics *topics);
size_t lw_topics_count(const lw_topics *topics);

/* A subscriber is in a topic once, however often it subscribes. False when out of memory; nothing
 * has changed then. */
bool lw_topics_subscribe(lw_topics *topics, lw_subscriber *subscriber, lw_slice name);
/* False when it had not subscribed. */
bool lw_topics_unsubscribe(lw_topics *topics, lw_subscriber *subscriber, lw_slice name);
/* Ends all its subscriptions and releases what they took. */
void lw_topics_leave(lw_topics *topics, lw_subscriber *subscriber);

bool lw_topics_has(const lw_topics *topics, const lw_subscriber *subscriber, lw_slice name);

/* The name of one of its subscriptions, in no order; valid while the subscription is. */
lw_slice lw_subscriber_topic(const lw_subscriber *subscriber, uint32_t index);

/* NULL when nobody has subscribed. */
lw_topic *lw_topics_find(const lw_topics *topics, lw_slice name);
uint32_t lw_topic_count(const lw_topic *topic); /* at least 1 */
/* In no order. Whoever walks from the last to the first may end the subscription of the one it is
 * at; when that was the last one (index 0), the topic is gone. */
lw_subscriber *lw_topic_subscriber(const lw_topic *topic, uint32_t index);

/* For other texts that peers may choose. */
uint64_t lw_topics_hash(const lw_topics *topics, lw_slice text);

#endif
