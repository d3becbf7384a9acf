/* libuv's timers under each kind of poller. */
#include "../net/poller.h"

#include <sys/resource.h>

#include "net_fixture.h"

static uv_timer_t timers[3];
static unsigned order[3], fired, turns;
static bool is_early;
static uint64_t began_ms;

static void count_turn(void *context) {
  (void)context;
  turns++;
}

static void start_timer(unsigned i, unsigned ms);

/* The last one to be due starts nothing; the first one starts another and stops the third. */
static void on_timer(uv_timer_t *timer) {
  unsigned i = (unsigned)(timer - timers);
  order[fired++] = i;
  if (uv_now(&loop) - began_ms < uv_timer_get_repeat(timer)) is_early = true;
  uv_timer_stop(timer);
  if (i != 1) return;
  uv_timer_stop(&timers[2]);
  start_timer(0, 40);
}

static void start_timer(unsigned i, unsigned ms) {
  uint64_t passed = uv_now(&loop) - began_ms;
  uv_timer_start(&timers[i], on_timer, ms, passed + ms); /* remembers when it may fire */
}

static void open_timers(void) {
  net_open();
  uv_unref((uv_handle_t *)&limit);
  lw_poller_before_wait(net.poller, count_turn, NULL);
  for (int i = 0; i < 3; i++) uv_timer_init(&loop, &timers[i]);
  began_ms = uv_now(&loop);
  is_early = false;
  fired = turns = 0;
}

static int close_timers(void) {
  for (int i = 0; i < 3; i++) uv_close((uv_handle_t *)&timers[i], NULL);
  return net_close();
}

/* Far ones are waited for in another way than near ones, a stopped one may still end the waiting,
 * and none of it may keep the loop busy. */
static void run_timers(void) {
  start_timer(2, 100);
  start_timer(1, 30);
  lw_poller_run(net.poller);
  CHECK_INT(fired, 2);
  CHECK_INT(order[0], 1);
  CHECK_INT(order[1], 0);
  CHECK(!is_early);
  CHECK(!is_late);
  CHECK(turns < 20);
}

TEST(waits_for_timers) {
  open_timers();
  run_timers();
  CHECK_INT(close_timers(), 0);
}

TEST(sets_a_nearer_timer_between_turns) {
  open_timers();
  start_timer(2, LIMIT_MS / 2);
  net_turn_now();
  start_timer(1, 30); /* which stops the other */
  lw_poller_run(net.poller);
  CHECK_INT(fired, 2);
  CHECK(!is_early && !is_late);
  CHECK_INT(close_timers(), 0);
}

static rlim_t descriptors_in_use(void) {
  int next = dup(STDIN_FILENO);
  close(next);
  return (rlim_t)next;
}

TEST(waits_for_timers_when_descriptors_run_out) {
  struct rlimit old, low;
  int error = 0;
  if (!loop_is_own) return; /* the other one needs none */
  open_timers();
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = descriptors_in_use() + 1;
  setrlimit(RLIMIT_NOFILE, &low);
  lw_poller *usual = net.poller, *poor = lw_poller_new(&loop, true, &error);
  setrlimit(RLIMIT_NOFILE, &old);
  CHECK(poor != NULL);
  if (poor != NULL) {
    net.poller = poor;
    lw_poller_before_wait(poor, count_turn, NULL);
    run_timers();
    lw_poller_free(poor);
    net.poller = usual;
  }
  CHECK_INT(close_timers(), 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(waits_for_timers);
    RUN(sets_a_nearer_timer_between_turns);
    RUN(waits_for_timers_when_descriptors_run_out);
  }
  return test_end();
}
