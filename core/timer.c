/* Timers and signals of scripts. Each is a libuv handle of its own: unlike the connections'
 * deadlines they are few and must be exact. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "loop.h"

struct lw_timer {
  uv_timer_t handle;
  lw_loop *loop;
  void (*fn)(void *context);
  void *context;
  lw_timer *next, **back;
};

struct lw_signal {
  uv_signal_t handle;
  lw_loop *loop;
  void (*fn)(void *context);
  void *context;
  lw_signal *next, **back;
};

static void on_timer_closed(uv_handle_t *handle) {
  lw_timer *timer = (lw_timer *)handle;
  timer->loop->handles--;
  free(timer);
}

void lw_timer_stop(lw_timer *timer) {
  *timer->back = timer->next;
  if (timer->next != NULL) timer->next->back = timer->back;
  timer->loop->counts.timers--;
  uv_close((uv_handle_t *)&timer->handle, on_timer_closed);
}

static void on_timer(uv_timer_t *handle) {
  lw_timer *timer = (lw_timer *)handle;
  lw_loop *loop = timer->loop;
  void (*fn)(void *) = timer->fn;
  void *context = timer->context;
  if (uv_timer_get_repeat(handle) == 0) lw_timer_stop(timer);
  lw__loop_enter(loop);
  fn(context);
  lw__loop_leave(loop);
}

lw_timer *lw_timer_start(lw_loop *loop, uint64_t delay_ms, uint64_t every_ms,
                         void (*fn)(void *context), void *context) {
  lw_timer *timer = calloc(1, sizeof *timer);
  if (timer == NULL) return NULL;
  timer->loop = loop;
  timer->fn = fn;
  timer->context = context;
  uv_timer_init(loop->net.uv, &timer->handle);
  loop->handles++;
  loop->counts.timers++;
  timer->next = loop->timers;
  timer->back = &loop->timers;
  if (timer->next != NULL) timer->next->back = &timer->next;
  loop->timers = timer;
  uv_update_time(loop->net.uv); /* a script may have computed for long since the turn began */
  uv_timer_start(&timer->handle, on_timer, delay_ms, every_ms);
  return timer;
}

/* --- signals --- */

static int signal_number(const char *name) {
  static const struct {
    const char *name;
    int number;
  } signals[] = {
      {"SIGINT", SIGINT},     {"SIGTERM", SIGTERM},
#ifdef SIGHUP
      {"SIGHUP", SIGHUP},
#endif
#ifdef SIGUSR1
      {"SIGUSR1", SIGUSR1},   {"SIGUSR2", SIGUSR2},
#endif
#ifdef SIGQUIT
      {"SIGQUIT", SIGQUIT},
#endif
#ifdef SIGWINCH
      {"SIGWINCH", SIGWINCH},
#endif
#ifdef SIGCHLD
      {"SIGCHLD", SIGCHLD},
#endif
  };
  for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
    if (strcmp(name, signals[i].name) == 0) return signals[i].number;
  }
  return -1;
}

static void on_signal_closed(uv_handle_t *handle) {
  lw_signal *signal = (lw_signal *)handle;
  signal->loop->handles--;
  free(signal);
}

void lw_signal_stop(lw_signal *signal) {
  *signal->back = signal->next;
  if (signal->next != NULL) signal->next->back = signal->back;
  signal->loop->counts.signals--;
  uv_close((uv_handle_t *)&signal->handle, on_signal_closed);
}

static void on_signal(uv_signal_t *handle, int number) {
  (void)number;
  lw_signal *signal = (lw_signal *)handle;
  lw_loop *loop = signal->loop;
  lw__loop_enter(loop);
  signal->fn(signal->context);
  lw__loop_leave(loop);
}

lw_signal *lw_signal_start(lw_loop *loop, const char *name, void (*fn)(void *context),
                           void *context, lw_failure *failure) {
  int number = signal_number(name);
  if (number < 0) {
    lw__fail(failure, "EINVAL", "there is no signal \"%s\" to wait for: try SIGINT or SIGTERM",
             name);
    return NULL;
  }
  lw_signal *signal = calloc(1, sizeof *signal);
  if (signal == NULL) {
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  signal->loop = loop;
  signal->fn = fn;
  signal->context = context;
  int error = uv_signal_init(loop->net.uv, &signal->handle);
  if (error != 0) {
    free(signal);
    lw__fail_uv(failure, error, "waiting for a signal");
    return NULL;
  }
  loop->handles++;
  loop->counts.signals++;
  signal->next = loop->signals;
  signal->back = &loop->signals;
  if (signal->next != NULL) signal->next->back = &signal->next;
  loop->signals = signal;
  uv_unref((uv_handle_t *)&signal->handle);
  error = uv_signal_start(&signal->handle, on_signal, number);
  if (error == 0) return signal;
  lw_signal_stop(signal);
  lw__fail_uv(failure, error, "waiting for a signal");
  return NULL;
}

void lw__timers_free(lw_loop *loop) {
  while (loop->timers != NULL) lw_timer_stop(loop->timers);
  while (loop->signals != NULL) lw_signal_stop(loop->signals);
}
