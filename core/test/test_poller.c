#include "../net/poller.h"

#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include "net_fixture.h"

/* One end of a socketpair is watched, and the test has the other. */
struct watched {
  lw__watch watch;
  int fd, peer;
  unsigned calls, stops;
  int events; /* of the last call */
  void (*on_ready)(struct watched *w);
};

static struct watched one, two;

static struct watched *of_watch(lw__watch *watch) {
  return (struct watched *)(void *)watch;
}

static void on_ready(lw__watch *watch, int events) {
  struct watched *w = of_watch(watch);
  w->calls++;
  w->events = events;
  if (w->on_ready != NULL) w->on_ready(w);
}

static void on_stopped(lw__watch *watch) {
  of_watch(watch)->stops++;
}

static const lw__watch_events events = {on_ready, on_stopped};

static void open_watched(struct watched *w) {
  int fds[2];
  memset(w, 0, sizeof *w);
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds);
  w->fd = fds[0];
  w->peer = fds[1];
  if (lw__watch_start(net.poller, &w->watch, w->fd, &events) != 0) abort();
}

static int want(struct watched *w, int what) {
  return lw__watch_want(net.poller, &w->watch, what);
}

static void stop(struct watched *w) {
  lw__watch_stop(net.poller, &w->watch);
  close(w->fd);
}

/* Reads one byte; more may be left. */
static void read_byte(struct watched *w) {
  char byte;
  if (recv(w->fd, &byte, 1, 0) < 0) lw__watch_blocked(&w->watch, UV_READABLE);
}

static void start(void) {
  net_open();
  open_watched(&one);
  open_watched(&two);
}

static int close_all(void) {
  if (!one.watch.is_stopped) stop(&one);
  if (!two.watch.is_stopped) stop(&two);
  close(one.peer);
  close(two.peer);
  int error = net_close();
  return error != 0 ? error : one.stops == 1 && two.stops == 1 ? 0 : -1;
}

static void turn_a_few_times(void) {
  for (int i = 0; i < 4; i++) net_turn_now();
}

/* --- what it tells --- */

TEST(tells_nothing_that_is_not_wanted) {
  start();
  CHECK_INT(write(one.peer, "ab", 2), 2);
  turn_a_few_times();
  CHECK_INT(one.calls, 0);
  CHECK_INT(want(&one, UV_READABLE), 0);
  CHECK_INT(one.calls, 0); /* never from inside the call */
  RUN_UNTIL(one.calls == 1);
  CHECK_INT(one.events, UV_READABLE);
  CHECK_INT(close_all(), 0);
}

TEST(tells_each_turn_until_it_blocks) {
  start();
  one.on_ready = read_byte;
  CHECK_INT(write(one.peer, "abc", 3), 3);
  CHECK_INT(want(&one, UV_READABLE), 0);
  for (unsigned i = 1; i <= 3; i++) {
    net_turn();
    CHECK_INT(one.calls, i);
  }
  turn_a_few_times();
  unsigned calls = one.calls;
  CHECK(calls <= 4); /* the last may have learned that there is no more */
  turn_a_few_times();
  CHECK_INT(one.calls, calls);
  CHECK_INT(write(one.peer, "d", 1), 1);
  RUN_UNTIL(one.calls > calls);
  CHECK_INT(close_all(), 0);
}

static void pause_watch(struct watched *w) {
  want(w, 0);
}

TEST(remembers_while_it_is_not_wanted) {
  start();
  one.on_ready = pause_watch;
  CHECK_INT(write(one.peer, "ab", 2), 2);
  for (unsigned i = 1; i <= 3; i++) {
    CHECK_INT(want(&one, UV_READABLE), 0);
    RUN_UNTIL(one.calls == i);
    turn_a_few_times();
    CHECK_INT(one.calls, i);
  }
  CHECK_INT(close_all(), 0);
}

TEST(tells_when_it_can_be_written) {
  static char bytes[65536];
  uv_buf_t piece = uv_buf_init(bytes, sizeof bytes);
  start();
  while (lw__socket_send(one.fd, &piece, 1) > 0) continue;
  lw__watch_blocked(&one.watch, UV_WRITABLE);
  CHECK_INT(want(&one, UV_WRITABLE), 0);
  turn_a_few_times();
  CHECK_INT(one.calls, 0);
  while (read(one.peer, bytes, sizeof bytes) > 0) continue;
  RUN_UNTIL(one.calls == 1);
  CHECK_INT(one.events, UV_WRITABLE);
  CHECK_INT(want(&one, UV_READABLE | UV_WRITABLE), 0);
  CHECK_INT(write(one.peer, "a", 1), 1);
  RUN_UNTIL(one.events == (UV_READABLE | UV_WRITABLE));
  CHECK_INT(close_all(), 0);
}

/* What was read short before it is no reason to miss the end. */
TEST(tells_the_end_behind_the_last_bytes) {
  char bytes[16];
  start();
  CHECK_INT(write(one.peer, "ab", 2), 2);
  shutdown(one.peer, SHUT_WR);
  CHECK_INT(want(&one, UV_READABLE), 0);
  RUN_UNTIL(one.calls == 1);
  CHECK_INT(recv(one.fd, bytes, sizeof bytes, 0), 2);
  lw__watch_drained(&one.watch);
  RUN_UNTIL(one.calls == 2);
  CHECK_INT(recv(one.fd, bytes, sizeof bytes, 0), 0);
  CHECK_INT(close_all(), 0);
}

TEST(refuses_a_stopped_watch) {
  start();
  stop(&one);
  CHECK_INT(want(&one, UV_READABLE), UV_EBADF);
  CHECK_INT(close_all(), 0);
}

/* --- stopping --- */

static void stop_both(struct watched *w) {
  stop(w);
  stop(w == &one ? &two : &one);
}

/* Both are ready in the same batch; the second event is stale then. */
TEST(tells_nothing_after_a_stop_in_the_same_batch) {
  start();
  one.on_ready = two.on_ready = stop_both;
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(write(two.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  CHECK_INT(want(&two, UV_READABLE), 0);
  RUN_UNTIL(one.stops == 1 && two.stops == 1);
  CHECK_INT(one.calls + two.calls, 1);
  CHECK_INT(close_all(), 0);
}

/* The same where both wait to be looked at again. */
TEST(tells_nothing_after_a_stop_by_another) {
  start();
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(write(two.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  CHECK_INT(want(&two, UV_READABLE), 0);
  RUN_UNTIL(one.calls > 0 && two.calls > 0);
  unsigned calls = one.calls + two.calls;
  one.on_ready = two.on_ready = stop_both;
  RUN_UNTIL(one.stops == 1 && two.stops == 1);
  CHECK_INT(one.calls + two.calls, calls + 1);
  CHECK_INT(close_all(), 0);
}

TEST(stops_what_waits_to_be_looked_at) {
  start();
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  RUN_UNTIL(one.calls > 0);
  unsigned calls = one.calls;
  stop(&one);
  CHECK_INT(one.stops, 0); /* never from inside the call */
  RUN_UNTIL(one.stops == 1);
  CHECK_INT(one.calls, calls);
  CHECK_INT(close_all(), 0);
}

/* --- sharing the loop with libuv --- */

static unsigned ticks;

static void on_tick(uv_idle_t *idle) {
  (void)idle;
  ticks++;
}

/* A socket that is always ready and a handle that is always due. */
TEST(starves_neither_sockets_nor_handles) {
  uv_idle_t idle;
  start();
  ticks = 0;
  uv_idle_init(&loop, &idle);
  uv_idle_start(&idle, on_tick);
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  for (int i = 0; i < 100; i++) net_turn();
  CHECK(ticks >= 50);
  CHECK(one.calls >= 50);
  uv_close((uv_handle_t *)&idle, NULL);
  CHECK_INT(close_all(), 0);
}

static uv_poll_t handle;
static unsigned handle_calls;

static void on_handle(uv_poll_t *poll, int status, int what) {
  (void)status;
  (void)what;
  handle_calls++;
  uv_close((uv_handle_t *)poll, NULL);
}

static void start_handle(struct watched *w) {
  read_byte(w);
  uv_poll_init_socket(&loop, &handle, w->peer);
  uv_poll_start(&handle, UV_WRITABLE, on_handle);
}

TEST(turns_handles_that_are_started_in_a_callback) {
  start();
  handle_calls = 0;
  one.on_ready = start_handle;
  CHECK_INT(want(&one, UV_READABLE), 0);
  CHECK_INT(write(one.peer, "a", 1), 1);
  RUN_UNTIL(handle_calls == 1);
  CHECK_INT(one.calls, 1);
  CHECK_INT(close_all(), 0);
}

/* --- the loop --- */

TEST(runs_as_long_as_something_is_wanted) {
  start();
  uv_unref((uv_handle_t *)&limit);
  lw_poller_run(net.poller); /* nothing is */
  one.on_ready = pause_watch;
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  CHECK(lw_poller_alive(net.poller));
  lw_poller_run(net.poller);
  CHECK_INT(one.calls, 1);
  CHECK(!lw_poller_alive(net.poller));
  CHECK_INT(close_all(), 0);
}

static void halt(struct watched *w) {
  (void)w;
  lw_poller_stop(net.poller);
}

TEST(stops_running_and_runs_again) {
  start();
  one.on_ready = halt;
  CHECK_INT(write(one.peer, "a", 1), 1);
  CHECK_INT(want(&one, UV_READABLE), 0);
  for (unsigned i = 1; i <= 3; i++) {
    lw_poller_run(net.poller);
    CHECK_INT(one.calls, i);
  }
  CHECK_INT(close_all(), 0);
}

static volatile sig_atomic_t alarms;

static void on_alarm(int number) {
  (void)number;
  if (++alarms == 10 && write(one.peer, "a", 1) != 1) abort();
}

TEST(comes_back_when_a_signal_ends_the_wait) {
  bool ever_came_back = false;
  struct itimerval often = {{0, 10000}, {0, 10000}}, never = {{0, 0}, {0, 0}};
  start();
  one.on_ready = halt;
  CHECK_INT(want(&one, UV_READABLE), 0);
  alarms = 0;
  signal(SIGALRM, on_alarm);
  setitimer(ITIMER_REAL, &often, NULL);
  while (lw_poller_run(net.poller)) ever_came_back = true;
  setitimer(ITIMER_REAL, &never, NULL);
  signal(SIGALRM, SIG_DFL);
  CHECK_INT(one.calls, 1); /* run again, it goes on */
  bool is_libuvs = lw_poller_fd(net.poller) == uv_backend_fd(&loop);
  CHECK(ever_came_back == !is_libuvs);
  CHECK_INT(close_all(), 0);
}

TEST(turns_no_longer_than_its_limit) {
  start();
  turn_a_few_times(); /* libuv has nothing to begin with any more */
  uv_update_time(&loop);
  uint64_t began = uv_now(&loop);
  lw_poller_turn(net.poller, 20);
  CHECK(uv_now(&loop) - began >= 20);
  CHECK(!is_late);
  CHECK_INT(close_all(), 0);
}

static unsigned waits;

static void count_wait(void *context) {
  (void)context;
  if (++waits == 3) lw_poller_stay_awake(net.poller, false);
}

TEST(stays_awake_while_it_is_to) {
  start();
  uv_unref((uv_handle_t *)&limit);
  waits = 0;
  lw_poller_before_wait(net.poller, count_wait, NULL);
  lw_poller_stay_awake(net.poller, true);
  CHECK(lw_poller_alive(net.poller));
  lw_poller_run(net.poller);
  CHECK(waits >= 3);
  CHECK(!is_late);
  CHECK_INT(close_all(), 0);
}

static bool fd_is_readable(int timeout_ms) {
  struct pollfd polled = {.fd = lw_poller_fd(net.poller), .events = POLLIN};
  return poll(&polled, 1, timeout_ms) == 1;
}

TEST(has_a_descriptor_that_tells_when_to_turn) {
  start();
  one.on_ready = read_byte;
  CHECK_INT(want(&one, UV_READABLE), 0);
  turn_a_few_times();
  CHECK(!fd_is_readable(0));
  CHECK_INT(write(one.peer, "ab", 2), 2);
  for (unsigned i = 1; i <= 2; i++) {
    CHECK(fd_is_readable(LIMIT_MS));
    while (one.calls < i) net_turn_now();
  }
  CHECK_INT(close_all(), 0);
}

TEST(says_that_there_are_no_descriptors) {
  struct rlimit old, low;
  int error = 0;
  if (!loop_is_own) return; /* the other one needs none */
  start();
  getrlimit(RLIMIT_NOFILE, &old);
  low = old;
  low.rlim_cur = 3;
  setrlimit(RLIMIT_NOFILE, &low);
  lw_poller *poller = lw_poller_new(&loop, true, &error);
  setrlimit(RLIMIT_NOFILE, &old);
  if (poller != NULL) lw_poller_free(poller); /* where there is no epoll */
  CHECK(poller != NULL || error == UV_EMFILE);
  CHECK_INT(close_all(), 0);
}

int main(void) {
  WITH_EACH_POLLER {
    RUN(tells_nothing_that_is_not_wanted);
    RUN(tells_each_turn_until_it_blocks);
    RUN(remembers_while_it_is_not_wanted);
    RUN(tells_when_it_can_be_written);
    RUN(tells_the_end_behind_the_last_bytes);
    RUN(refuses_a_stopped_watch);
    RUN(tells_nothing_after_a_stop_in_the_same_batch);
    RUN(tells_nothing_after_a_stop_by_another);
    RUN(stops_what_waits_to_be_looked_at);
    RUN(starves_neither_sockets_nor_handles);
    RUN(turns_handles_that_are_started_in_a_callback);
    RUN(runs_as_long_as_something_is_wanted);
    RUN(stops_running_and_runs_again);
    RUN(comes_back_when_a_signal_ends_the_wait);
    RUN(turns_no_longer_than_its_limit);
    RUN(stays_awake_while_it_is_to);
    RUN(has_a_descriptor_that_tells_when_to_turn);
    RUN(says_that_there_are_no_descriptors);
  }
  return test_end();
}
