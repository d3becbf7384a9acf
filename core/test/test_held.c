#include "../held.h"

#include <string.h>

#include "test.h"

/* A message whose frame is the text in front of '|' and whose label is what follows. Labels of one
 * length have one hash here: the text decides. */
static lw_held_message message_of(const char *text) {
  const char *bar = strchr(text, '|');
  lw_held_message message = {.block = lw_block_new(strlen(text)), .has_label = bar != NULL};
  message.size = bar != NULL ? (size_t)(bar - text) : strlen(text);
  memcpy(message.block->data, text, strlen(text));
  message.block->size = strlen(text);
  message.label_hash = message.block->size - message.size;
  return message;
}

static bool put(lw_held *held, const char *text) {
  lw_held_message message = message_of(text);
  bool done = lw_held_put(held, lw_held_find(held, &message), &message);
  lw_block_release(message.block);
  return done;
}

static char taken[64];

static bool take_all(void *context, const lw_held_message *message) {
  (void)context;
  strncat(taken, (const char *)message->block->data, message->size);
  return true;
}

static bool take_unlabelled(void *context, const lw_held_message *message) {
  return !message->has_label && take_all(context, message);
}

TEST(keeps_the_newest_of_each_label) {
  lw_held held = {0};
  CHECK(put(&held, "one|a"));
  CHECK(put(&held, "two|b"));
  CHECK(put(&held, "three|a"));
  CHECK(put(&held, "four|aa"));
  CHECK_INT(held.count, 3);
  CHECK_INT(held.size, strlen("threetwofour"));
  taken[0] = '\0';
  lw_held_take(&held, take_all, NULL);
  CHECK(strcmp(taken, "threetwofour") == 0); /* the newest in the place of the oldest */
  CHECK_INT(held.count, 0);
  CHECK_INT(held.size, 0);
  CHECK(held.messages == NULL);
}

TEST(keeps_all_without_a_label_in_order) {
  lw_held held = {0};
  CHECK(put(&held, "a") && put(&held, "x|k") && put(&held, "b") && put(&held, "a"));
  CHECK_INT(held.count, 4);
  taken[0] = '\0';
  lw_held_take(&held, take_unlabelled, NULL);
  CHECK(strcmp(taken, "aba") == 0);
  CHECK_INT(held.count, 1);
  CHECK_INT(held.size, 1);
  lw_held_free(&held);
  lw_held_free(&held);
}

TEST(is_bounded_in_number) {
  lw_held held = {0};
  for (int i = 0; i < LW_HELD_MAX - 1; i++) CHECK(put(&held, "m"));
  CHECK(put(&held, "first|k"));
  CHECK(!put(&held, "m"));
  CHECK(!put(&held, "m|other"));
  CHECK(put(&held, "second|k")); /* takes a place that there is */
  CHECK_INT(held.count, LW_HELD_MAX);
  lw_held_free(&held);
}

TEST(without_memory_nothing_changes) {
  lw_held held = {0};
  lw_held_message message = message_of("m");
  test_fail_allocation(1);
  CHECK(!lw_held_put(&held, NULL, &message));
  CHECK_INT(held.count, 0);
  CHECK_INT(message.block->references, 1);
  lw_block_release(message.block);
}

int main(void) {
  RUN(keeps_the_newest_of_each_label);
  RUN(keeps_all_without_a_label_in_order);
  RUN(is_bounded_in_number);
  RUN(without_memory_nothing_changes);
  return test_end();
}
