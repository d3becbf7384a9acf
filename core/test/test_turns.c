#include "../turns.h"

#include <string.h>

#include "test.h"

static lw_turns turns;
static char order[16]; /* of those whose turn came later */

static void on_turn(void *owner) {
  strcat(order, owner);
}

/* Gets in line for the addresses in a text, one letter each. */
static lw_turn *join(const char *addresses, const char *name) {
  char keys[4][LW_TURN_KEY_MAX] = {""};
  size_t count = strlen(addresses);
  for (size_t i = 0; i < count; i++) keys[i][0] = addresses[i];
  return lw_turn_join(&turns, (const char(*)[LW_TURN_KEY_MAX])keys, count, on_turn, (void *)name);
}

static bool is_empty(void) {
  for (size_t i = 0; i < LW_TURNS_BUCKETS; i++) {
    if (turns.buckets[i] != NULL) return false;
  }
  order[0] = '\0';
  return true;
}

TEST(come_one_after_the_other) {
  lw_turn *a = join("x", "a"), *b = join("x", "b"), *c = join("x", "c");
  CHECK(lw_turn_has_come(a));
  CHECK(!lw_turn_has_come(b) && !lw_turn_has_come(c));
  lw_turn_leave(a);
  CHECK(strcmp(order, "b") == 0);
  CHECK(lw_turn_has_come(b));
  lw_turn_leave(b);
  lw_turn_leave(c);
  CHECK(strcmp(order, "bc") == 0);
  CHECK(is_empty());
}

TEST(of_other_addresses_do_not_wait) {
  lw_turn *a = join("x", "a"), *b = join("y", "b");
  CHECK(lw_turn_has_come(a) && lw_turn_has_come(b));
  lw_turn_leave(a);
  lw_turn_leave(b);
  CHECK(is_empty());
}

TEST(may_be_given_up_while_waiting) {
  lw_turn *a = join("x", "a"), *b = join("x", "b"), *c = join("x", "c");
  lw_turn_leave(b);
  CHECK(strcmp(order, "") == 0);
  lw_turn_leave(a);
  CHECK(strcmp(order, "c") == 0);
  lw_turn_leave(c);
  CHECK(is_empty());
}

TEST(need_all_addresses) {
  lw_turn *a = join("x", "a"), *b = join("y", "b"), *c = join("xy", "c"), *d = join("y", "d");
  lw_turn_leave(a);
  CHECK(!lw_turn_has_come(c));
  lw_turn_leave(b);
  CHECK(strcmp(order, "c") == 0);
  CHECK(!lw_turn_has_come(d));
  lw_turn_leave(c);
  CHECK(strcmp(order, "cd") == 0);
  lw_turn_leave(d);
  CHECK(is_empty());
}

/* In one order here and in the other there: nobody waits in a circle. */
TEST(never_block_each_other) {
  lw_turn *a = join("xy", "a"), *b = join("yx", "b"), *c = join("xyz", "c");
  CHECK(lw_turn_has_come(a));
  lw_turn_leave(a);
  lw_turn_leave(b);
  CHECK(strcmp(order, "bc") == 0);
  lw_turn_leave(c);
  CHECK(is_empty());
}

TEST(may_come_for_several_at_once) {
  lw_turn *a = join("xy", "a"), *b = join("x", "b"), *c = join("y", "c");
  lw_turn_leave(a);
  CHECK_INT(strlen(order), 2);
  CHECK(lw_turn_has_come(b) && lw_turn_has_come(c));
  lw_turn_leave(b);
  lw_turn_leave(c);
  CHECK(is_empty());
}

TEST(count_an_address_once) {
  lw_turn *a = join("xyx", "a");
  CHECK(lw_turn_has_come(a));
  lw_turn_leave(a);
  CHECK(is_empty());
}

TEST(survive_failing_allocations) {
  lw_turn *a = join("x", "a");
  for (unsigned n = 1; n <= 3; n++) { /* the turn, and the lines of y and z */
    test_fail_allocation(n);
    CHECK(join("xyz", "b") == NULL);
    CHECK(test_allocation_failed());
  }
  lw_turn_leave(a);
  CHECK(is_empty());
}

int main(void) {
  RUN(come_one_after_the_other);
  RUN(of_other_addresses_do_not_wait);
  RUN(may_be_given_up_while_waiting);
  RUN(need_all_addresses);
  RUN(never_block_each_other);
  RUN(may_come_for_several_at_once);
  RUN(count_an_address_once);
  RUN(survive_failing_allocations);
  return test_end();
}
