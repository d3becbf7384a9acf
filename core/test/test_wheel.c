#include "../wheel.h"

#include <string.h>

#include "test.h"

static lw_wheel wheel;

/* Expires everything that is due and returns how many nodes came. */
static unsigned expire(uint64_t now_ms) {
  unsigned count = 0;
  while (lw_wheel_expire(&wheel, now_ms) != NULL) count++;
  return count;
}

TEST(empty_wheel_has_no_deadline) {
  uint64_t due;
  lw_wheel_init(&wheel, 1000);
  CHECK(!lw_wheel_next(&wheel, &due));
  CHECK(lw_wheel_expire(&wheel, 1000000) == NULL);
}

TEST(never_early_and_hardly_late) {
  for (uint64_t delay = 0; delay < 40000; delay += 137) {
    lw_wheel_node node = {0};
    uint64_t due, now = 5000;
    lw_wheel_init(&wheel, now);
    lw_wheel_arm(&wheel, &node, now + delay);
    while (lw_wheel_next(&wheel, &due)) {
      CHECK(due >= now);
      now = due;
      if (expire(now) > 0) break;
    }
    CHECK(now >= 5000 + delay);
    CHECK(now <= 5000 + delay + 3 * LW_WHEEL_TICK_MS);
    CHECK(node.back == NULL);
  }
}

TEST(cancelled_nodes_do_not_come) {
  lw_wheel_node nodes[3];
  memset(nodes, 0, sizeof nodes);
  lw_wheel_init(&wheel, 0);
  for (int i = 0; i < 3; i++) lw_wheel_arm(&wheel, &nodes[i], 500);
  lw_wheel_cancel(&nodes[1]);
  lw_wheel_cancel(&nodes[1]);
  CHECK_INT(expire(1000), 2);
}

TEST(arming_again_moves) {
  lw_wheel_node node = {0};
  lw_wheel_init(&wheel, 0);
  lw_wheel_arm(&wheel, &node, 100);
  lw_wheel_arm(&wheel, &node, 10000);
  CHECK_INT(expire(9000), 0);
  CHECK_INT(expire(10200), 1);
}

/* What is armed for the past while expiring must not make expiring endless. */
TEST(armed_while_expiring_waits) {
  lw_wheel_node node = {0};
  lw_wheel_init(&wheel, 0);
  lw_wheel_arm(&wheel, &node, 100);
  unsigned rounds = 0;
  for (uint64_t now = 0; now < 3200; now += LW_WHEEL_TICK_MS) {
    for (lw_wheel_node *due; (due = lw_wheel_expire(&wheel, now)) != NULL; rounds++) {
      CHECK(rounds < 200);
      lw_wheel_arm(&wheel, due, 0);
    }
  }
  CHECK(rounds > 10);
}

TEST(further_away_than_the_wheel_is_long) {
  lw_wheel_node far = {0}, near = {0};
  uint64_t horizon = (uint64_t)LW_WHEEL_TICK_MS * LW_WHEEL_SLOTS;
  lw_wheel_init(&wheel, 0);
  lw_wheel_arm(&wheel, &far, 5 * horizon);
  lw_wheel_arm(&wheel, &near, 64);
  CHECK_INT(expire(200), 1);
  for (uint64_t now = 200; now < 5 * horizon; now += 1000) CHECK_INT(expire(now), 0);
  CHECK_INT(expire(5 * horizon + 200), 1);
}

/* After a long sleep of the process everything that is due comes at once, and only that. */
TEST(late_process) {
  lw_wheel_node nodes[100];
  memset(nodes, 0, sizeof nodes);
  lw_wheel_init(&wheel, 0);
  for (unsigned i = 0; i < 100; i++) lw_wheel_arm(&wheel, &nodes[i], 1000 * (i + 1));
  CHECK_INT(expire(50500), 50);
  CHECK_INT(expire(1000000), 50);
}

TEST(many_random_deadlines) {
  static lw_wheel_node nodes[2000];
  uint64_t state = 88172645463325252u, now = 777;
  unsigned came = 0;
  memset(nodes, 0, sizeof nodes);
  lw_wheel_init(&wheel, now);
  for (unsigned i = 0; i < 2000; i++) {
    state ^= state << 13, state ^= state >> 7, state ^= state << 17;
    lw_wheel_arm(&wheel, &nodes[i], now + state % 100000);
  }
  while (came < 2000) {
    uint64_t due;
    CHECK(lw_wheel_next(&wheel, &due));
    CHECK(due >= now);
    now = due;
    for (lw_wheel_node *node; (node = lw_wheel_expire(&wheel, now)) != NULL; came++) {
      CHECK(node->due_ms <= now);
      CHECK(node->due_ms + 3 * LW_WHEEL_TICK_MS >= now);
    }
  }
}

int main(void) {
  RUN(empty_wheel_has_no_deadline);
  RUN(never_early_and_hardly_late);
  RUN(cancelled_nodes_do_not_come);
  RUN(arming_again_moves);
  RUN(armed_while_expiring_waits);
  RUN(further_away_than_the_wheel_is_long);
  RUN(late_process);
  RUN(many_random_deadlines);
  return test_end();
}
