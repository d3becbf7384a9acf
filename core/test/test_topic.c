#include "../topic.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "test.h"

static const uint8_t key[LW_SIPHASH_KEY] = "a secret of ours";

static lw_slice name_of(char text[16], unsigned number) {
  return (lw_slice){text, (size_t)snprintf(text, 16, "topic %u", number)};
}

static uint32_t count_of(const lw_topics *topics, lw_slice name) {
  const lw_topic *topic = lw_topics_find(topics, name);
  return topic != NULL ? lw_topic_count(topic) : 0;
}

static bool subscribe(lw_topics *topics, lw_subscriber *subscriber, unsigned number) {
  char text[16];
  return lw_topics_subscribe(topics, subscriber, name_of(text, number));
}

static uint32_t count(const lw_topics *topics, unsigned number) {
  char text[16];
  return count_of(topics, name_of(text, number));
}

/* Both sides tell the same: every topic of the subscriber has it once. */
static bool is_consistent(const lw_topics *topics, const lw_subscriber *subscriber) {
  for (uint32_t i = 0; i < subscriber->count; i++) {
    const lw_topic *topic = lw_topics_find(topics, lw_subscriber_topic(subscriber, i));
    unsigned found = 0;
    if (topic == NULL) return false;
    for (uint32_t j = 0; j < lw_topic_count(topic); j++) {
      found += lw_topic_subscriber(topic, j) == subscriber;
    }
    if (found != 1) return false;
  }
  return true;
}

TEST(a_topic_is_there_while_it_has_subscribers) {
  lw_topics *topics = lw_topics_new(key);
  lw_subscriber a = {0}, b = {0};
  lw_slice name = LW_SLICE("news");
  CHECK(lw_topics_find(topics, name) == NULL);
  CHECK(lw_topics_subscribe(topics, &a, name));
  CHECK(lw_topics_subscribe(topics, &a, name)); /* once is enough */
  CHECK_INT(count_of(topics, name), 1);
  CHECK(lw_topics_subscribe(topics, &b, name));
  CHECK_INT(count_of(topics, name), 2);
  CHECK(lw_slice_equal(lw_subscriber_topic(&b, 0), name));
  CHECK(lw_topics_unsubscribe(topics, &a, name));
  CHECK(!lw_topics_unsubscribe(topics, &a, name));
  CHECK(!lw_topics_has(topics, &a, name));
  CHECK(lw_topics_has(topics, &b, name));
  CHECK(lw_topic_subscriber(lw_topics_find(topics, name), 0) == &b);
  CHECK(lw_topics_unsubscribe(topics, &b, name));
  CHECK(lw_topics_find(topics, name) == NULL);
  CHECK_INT(lw_topics_count(topics), 0);
  lw_topics_leave(topics, &a);
  lw_topics_leave(topics, &b);
  lw_topics_free(topics);
}

TEST(names_are_exact) {
  lw_topics *topics = lw_topics_new(key);
  lw_subscriber a = {0};
  CHECK(lw_topics_subscribe(topics, &a, LW_SLICE("a")));
  CHECK(lw_topics_subscribe(topics, &a, LW_SLICE("")));
  CHECK(lw_topics_subscribe(topics, &a, LW_SLICE("a\0b")));
  CHECK_INT(a.count, 3);
  CHECK(lw_topics_find(topics, LW_SLICE("A")) == NULL);
  CHECK(lw_topics_find(topics, LW_SLICE("a\0c")) == NULL);
  CHECK_INT(count_of(topics, LW_SLICE("")), 1);
  lw_topics_leave(topics, &a);
  CHECK_INT(a.count, 0);
  CHECK_INT(lw_topics_count(topics), 0);
  lw_topics_free(topics);
}

enum { SUBSCRIBERS = 40, TOPICS = 60 };

/* Subscriptions come and go in an order that is the same in each run, and are compared with a plain
 * table of them. */
TEST(agrees_with_a_plain_table) {
  static bool plain[SUBSCRIBERS][TOPICS];
  static lw_subscriber subscribers[SUBSCRIBERS];
  lw_topics *topics = lw_topics_new(key);
  uint64_t random = 1;
  for (int step = 0; step < 40000; step++) {
    char text[16];
    random = random * 6364136223846793005u + 1442695040888963407u;
    unsigned who = (unsigned)(random >> 33) % SUBSCRIBERS;
    unsigned what = (unsigned)(random >> 45) % TOPICS;
    lw_slice name = name_of(text, what);
    lw_subscriber *s = &subscribers[who];
    if ((random >> 60) < 7) {
      CHECK(lw_topics_subscribe(topics, s, name));
      plain[who][what] = true;
    } else if ((random >> 60) < 15) {
      CHECK(lw_topics_unsubscribe(topics, s, name) == plain[who][what]);
      plain[who][what] = false;
    } else {
      lw_topics_leave(topics, s);
      memset(plain[who], 0, sizeof plain[who]);
    }
    if (step % 16 != 0) continue;
    uint32_t expected = 0;
    for (unsigned i = 0; i < SUBSCRIBERS; i++) expected += plain[i][what];
    CHECK_INT(count_of(topics, name), expected);
    CHECK(is_consistent(topics, s));
  }
  for (unsigned i = 0; i < SUBSCRIBERS; i++) lw_topics_leave(topics, &subscribers[i]);
  CHECK_INT(lw_topics_count(topics), 0);
  lw_topics_free(topics);
}

/* As publishing does when it ends connections that are too slow. */
TEST(walking_backwards_bears_that_the_visited_leaves) {
  static lw_subscriber subscribers[10];
  lw_topics *topics = lw_topics_new(key);
  for (int i = 0; i < 10; i++) CHECK(subscribe(topics, &subscribers[i], 1));
  const lw_topic *topic = lw_topics_find(topics, LW_SLICE("topic 1"));
  unsigned visited = 0;
  for (uint32_t i = lw_topic_count(topic); i-- > 0; visited++) {
    lw_subscriber *s = lw_topic_subscriber(topic, i);
    if (visited % 3 != 0) lw_topics_leave(topics, s);
  }
  CHECK_INT(visited, 10);
  CHECK_INT(count(topics, 1), 4);
  for (int i = 0; i < 10; i++) lw_topics_leave(topics, &subscribers[i]);
  CHECK_INT(count(topics, 1), 0);
  lw_topics_free(topics);
}

TEST(a_million_topics_come_and_go) {
  enum { MANY = 1000000 };
  static lw_subscriber one, others[100];
  lw_topics *topics = lw_topics_new(key);
  for (unsigned i = 0; i < MANY; i++) CHECK(subscribe(topics, &others[i % 100], i));
  CHECK_INT(lw_topics_count(topics), MANY);
  for (unsigned i = 0; i < MANY; i += 997) CHECK_INT(count(topics, i), 1);
  CHECK(subscribe(topics, &one, 5));
  CHECK_INT(count(topics, 5), 2);
  for (unsigned i = 0; i < 100; i++) lw_topics_leave(topics, &others[i]);
  CHECK_INT(lw_topics_count(topics), 1);
  CHECK_INT(count(topics, 5), 1);
  lw_topics_leave(topics, &one);
  lw_topics_free(topics);
}

/* Whatever allocation fails: the call says so, and both sides stay as they were. */
TEST(without_memory_nothing_changes) {
  for (unsigned n = 1;; n++) {
    lw_subscriber subscribers[5] = {0};
    bool failed = false;
    test_fail_allocation(n);
    lw_topics *topics = lw_topics_new(key);
    for (unsigned i = 0; topics != NULL && i < 5 * 40; i++) {
      bool done = subscribe(topics, &subscribers[i % 5], i % 20);
      failed |= !done;
      if (!done) CHECK(subscribe(topics, &subscribers[i % 5], i % 20));
    }
    bool reached = test_allocation_failed();
    test_fail_allocation(0);
    if (topics != NULL) {
      for (unsigned i = 0; i < 5; i++) CHECK(is_consistent(topics, &subscribers[i]));
      for (unsigned i = 0; i < 5; i++) lw_topics_leave(topics, &subscribers[i]);
      CHECK_INT(lw_topics_count(topics), 0);
    }
    lw_topics_free(topics);
    if (!reached) {
      CHECK(!failed && n > 10);
      return;
    }
  }
}

int main(void) {
  RUN(a_topic_is_there_while_it_has_subscribers);
  RUN(names_are_exact);
  RUN(agrees_with_a_plain_table);
  RUN(walking_backwards_bears_that_the_visited_leaves);
  RUN(a_million_topics_come_and_go);
  RUN(without_memory_nothing_changes);
  return test_end();
}
