/* libuv's timers under each kind of poller. */
#include "../net/poller.h"

#include <poll.h>
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

/* --- timers that the callback of a socket starts --- */

static lw__watch watch;
static int fds[2];
static void (*on_byte)(void);

static void on_ready(lw__watch *w, int what) {
  char byte;
  (void)what;
  CHECK_INT(read(fds[0], &byte, 1), 1);
  lw__watch_blocked(w, UV_READABLE); /* there is no more */
  on_byte();
}

static void on_stopped(lw__watch *w) {
  (void)w;
}

static const lw__watch_events watch_events = {on_ready, on_stopped};

/* Calls fn from the next turn that looks at the sockets. */
static void call_later(void (*fn)(void)) {
  on_byte = fn;
  CHECK_INT(write(fds[1], "x", 1), 1);
}

static void open_watched(void) {
  open_timers();
  CHECK_INT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
  CHECK_INT(lw__watch_start(net.poller, &watch, fds[0], &watch_events), 0);
  CHECK_INT(lw__watch_want(net.poller, &watch, UV_READABLE), 0);
  for (int i = 0; i < 4; i++) net_turn_now(); /* libuv has nothing to begin with any more */
}

static int close_watched(void) {
  lw__watch_stop(net.poller, &watch);
  close(fds[0]);
  close(fds[1]);
  return close_timers();
}

static uint64_t computed_ns;

static void compute(void) {
  start_timer(0, 50);
  uint64_t until = uv_hrtime() + UINT64_C(60) * 1000000;
  while (uv_hrtime() < until) continue;
  computed_ns = uv_hrtime();
}

/* It would be 50 ms late each time if the next turn went by the time of before. A machine that
 * stands still may make it late, but not ten times. */
TEST(fires_at_once_what_became_due_in_a_callback) {
  bool was_at_once = false;
  open_watched();
  for (int i = 0; i < 10 && !was_at_once; i++) {
    fired = 0;
    call_later(compute);
    while (fired == 0 && !is_late) net_turn();
    was_at_once = uv_hrtime() - computed_ns < UINT64_C(40) * 1000000;
  }
  CHECK(was_at_once);
  CHECK_INT(close_watched(), 0);
}

static void start_at_once(void) {
  start_timer(0, 0);
}

/* Who polls the descriptor, of which libuv's is a part, is to turn again for what libuv does at
 * once. */
TEST(has_a_descriptor_that_tells_of_what_is_due_at_once) {
  open_watched();
  if (lw_poller_fd(net.poller) == uv_backend_fd(&loop)) { /* libuv's own tells of no timers */
    CHECK_INT(close_watched(), 0);
    return;
  }
  struct pollfd polled = {.fd = uv_backend_fd(&loop), .events = POLLIN};
  CHECK_INT(poll(&polled, 1, 0), 0);
  call_later(start_at_once);
  net_turn();
  CHECK_INT(poll(&polled, 1, 0), 1);
  net_turn_now();
  CHECK_INT(fired, 1);
  CHECK_INT(poll(&polled, 1, 0), 0);
  CHECK_INT(close_watched(), 0);
}

/* --- without what the alarm needs --- */

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
    RUN(fires_at_once_what_became_due_in_a_callback);
    RUN(has_a_descriptor_that_tells_of_what_is_due_at_once);
    RUN(waits_for_timers_when_descriptors_run_out);
  }
  return test_end();
}
