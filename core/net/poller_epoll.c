/* The poller of a loop of our own under Linux. libuv's loop, which does timers, signals, name
 * resolution and threads, is one member of an epoll set in which our sockets are themselves; it is
 * turned when its descriptor is ready, a timer is due or it has something to finish. */
#include "poller.h"

#if defined(__linux__) && !defined(LW_NO_EPOLL)

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

/* How many events one turn takes at most. */
#define BATCH 1024

/* When there are more, they are told within this time at the latest: the set is a queue. */
#define LAG_MAX_MS 1000

/* Timers of libuv's that are due sooner than this are waited for by epoll_wait: its clock may lag
 * by a millisecond behind the alarm's. */
#define NEAR_MS 2

/* Edge-triggered: what was told once is remembered in watch->ready until the kernel says that it is
 * over. Writing is added when it first blocks: else each new socket would wake us for that. Data
 * out of band, of which nobody makes use, cuts reads short as an end does. */
#define EVENTS_READING ((uint32_t)EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET)
#define EVENTS_BOTH (EVENTS_READING | EPOLLOUT)

struct epoll_poller {
  lw_poller head;
  int set;
  int alarm;         /* a timerfd, which rings when libuv's next timer is due; -1: there is none */
  uint64_t alarm_ms; /* when it rings, by libuv's clock; 0: it has rung, or was not set */
  bool is_awake, is_halted;
  bool is_interrupted; /* a signal ended the last wait */
  bool uv_is_ready;    /* libuv's descriptor */
  unsigned wanting;    /* watches that want something: they keep the loop running... */
  uv_async_t keeper;   /* ...as this handle, which has a reference meanwhile */
  lw__watch *again;    /* ready for what they want, and not told by the kernel again */
  lw__watch *stopped;  /* to be told so when no event of theirs can be on the way */
  lw__watch **again_tail;
  struct epoll_event batch[BATCH];
};

static struct epoll_poller *of_poller(const lw_poller *poller) {
  return (struct epoll_poller *)poller;
}

/* --- sockets --- */

static int control(const struct epoll_poller *p, int operation, int fd, uint32_t events,
                   lw__watch *watch) {
  struct epoll_event event = {.events = events, .data.ptr = watch};
  return epoll_ctl(p->set, operation, fd, &event) == 0 ? 0 : uv_translate_sys_error(errno);
}

static void hold(struct epoll_poller *p) {
  if (p->wanting++ == 0) uv_ref((uv_handle_t *)&p->keeper);
}

static void release(struct epoll_poller *p) {
  if (--p->wanting == 0) uv_unref((uv_handle_t *)&p->keeper);
}

static void look_again_later(struct epoll_poller *p, lw__watch *watch) {
  if (watch->is_listed || (watch->ready & watch->wanted) == 0) return;
  watch->is_listed = true;
  watch->next = NULL;
  *p->again_tail = watch;
  p->again_tail = &watch->next;
}

static int start(lw_poller *poller, lw__watch *watch) {
  return control(of_poller(poller), EPOLL_CTL_ADD, watch->socket, EVENTS_READING, watch);
}

static int want(lw_poller *poller, lw__watch *watch, int events) {
  struct epoll_poller *p = of_poller(poller);
  bool must_hear = (events & UV_WRITABLE) != 0 && !lw__watch_is_ready(watch, UV_WRITABLE);
  if (must_hear && !watch->hears_writable) {
    int error = control(p, EPOLL_CTL_MOD, watch->socket, EVENTS_BOTH, watch);
    if (error != 0) return error;
    watch->hears_writable = true;
  }
  if (watch->wanted == 0) hold(p);
  if (events == 0) release(p);
  watch->wanted = (uint8_t)events;
  look_again_later(p, watch);
  return 0;
}

/* Closing a socket takes it out of the set only if no other process has it, as a child that is just
 * being started may for a moment: so it is taken out here. */
static void stop(lw_poller *poller, lw__watch *watch) {
  struct epoll_poller *p = of_poller(poller);
  control(p, EPOLL_CTL_DEL, watch->socket, 0, watch);
  if (watch->wanted != 0) release(p);
  if (watch->is_listed) return; /* it is told when its turn comes */
  watch->next = p->stopped;
  p->stopped = watch;
}

static void call(struct epoll_poller *p, lw__watch *watch) {
  int due = watch->ready & watch->wanted;
  if (due != 0) watch->events->on_ready(watch, due);
  look_again_later(p, watch);
}

/* Those that had more to do than one turn gives them. Tells whether there were any. */
static bool look_again(struct epoll_poller *p) {
  lw__watch *watch = p->again;
  bool any = watch != NULL;
  p->again = NULL;
  p->again_tail = &p->again;
  while (watch != NULL) {
    lw__watch *next = watch->next;
    watch->is_listed = false;
    if (watch->is_stopped) {
      watch->events->on_stopped(watch);
    } else {
      call(p, watch);
    }
    watch = next;
  }
  return any;
}

static void tell_stopped(struct epoll_poller *p) {
  while (p->stopped != NULL) {
    lw__watch *watch = p->stopped;
    p->stopped = watch->next;
    watch->events->on_stopped(watch);
  }
}

/* --- events --- */

static void handle(struct epoll_poller *p, const struct epoll_event *event) {
  lw__watch *watch = event->data.ptr;
  uint32_t events = event->events;
  if (watch == NULL) {
    p->uv_is_ready = true;
    return;
  }
  if (event->data.ptr == p) {
    p->alarm_ms = 0;
    return;
  }
  if (watch->is_stopped) return; /* by another event of this batch */
  if ((events & ~(uint32_t)EPOLLOUT) != 0) watch->ready |= UV_READABLE;
  if ((events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) != 0) watch->ready |= UV_WRITABLE;
  if ((events & ~(uint32_t)(EPOLLIN | EPOLLOUT)) != 0) watch->is_ending = true;
  call(p, watch);
}

static bool has_more(const struct epoll_poller *p) {
  return p->is_awake || p->again != NULL || p->stopped != NULL;
}

/* --- waiting --- */

/* False when it cannot. An alarm that was set for a timer which was stopped meanwhile is left to
 * ring in vain, once; one that should have rung is not relied on. */
static bool set_alarm(struct epoll_poller *p, uint64_t due_ms) {
  if (p->alarm_ms > uv_now(p->head.uv) && p->alarm_ms <= due_ms) return true;
  int64_t left_ns = (int64_t)(due_ms * 1000000 - uv_hrtime());
  if (p->alarm < 0 || left_ns <= 0) return false;
  struct itimerspec time = {.it_value = {left_ns / 1000000000, left_ns % 1000000000}};
  if (timerfd_settime(p->alarm, 0, &time, NULL) != 0) return false;
  p->alarm_ms = due_ms;
  return true;
}

/* The limit of epoll_wait's own for libuv's next timer, which is `timeout` ms after its loop's
 * time; -1: none. The alarm, which stays set from turn to turn, is cheaper: for a limit the kernel
 * sets a timer each time that it sleeps. */
static int timer_limit_ms(struct epoll_poller *p, int timeout) {
  if (timeout <= 0) return timeout;
  if (timeout >= NEAR_MS && set_alarm(p, uv_now(p->head.uv) + (uint64_t)timeout)) return -1;
  uv_update_time(p->head.uv); /* handlers may have computed for long */
  return uv_backend_timeout(p->head.uv);
}

/* How long to wait, at most limit_ms, and in *due_ms when libuv's next timer is due. */
static int wait_ms(struct epoll_poller *p, int64_t limit_ms, uint64_t *due_ms) {
  int timeout = uv_backend_timeout(p->head.uv);
  *due_ms = timeout >= 0 ? uv_now(p->head.uv) + (uint64_t)timeout : UINT64_MAX;
  if (has_more(p)) return 0;
  timeout = timer_limit_ms(p, timeout);
  if (limit_ms >= 0 && (timeout < 0 || limit_ms < timeout))
    timeout = limit_ms < INT_MAX ? (int)limit_ms : INT_MAX;
  return timeout;
}

static void wait_and_handle(struct epoll_poller *p, int timeout_ms) {
  uint64_t began_ms = uv_now(p->head.uv);
  int count = epoll_wait(p->set, p->batch, BATCH, timeout_ms);
  p->is_interrupted = count < 0 && errno == EINTR;
  uv_update_time(p->head.uv);
  for (int i = 0; i < count; i++) handle(p, &p->batch[i]);
  if (count == BATCH) began_ms -= began_ms < LAG_MAX_MS ? began_ms : LAG_MAX_MS;
  if (p->head.heard_ms < began_ms) p->head.heard_ms = began_ms;
}

/* The time is looked at once, after waiting: if handlers computed for long since, a time limit is
 * only judged a turn later. */
static void turn_once(struct epoll_poller *p, int64_t limit_ms) {
  lw_poller *poller = &p->head;
  uint64_t due_ms;
  if (look_again(p)) limit_ms = 0;
  lw__poller_settle(poller);
  wait_and_handle(p, wait_ms(p, limit_ms, &due_ms));
  if (p->uv_is_ready || uv_now(poller->uv) >= due_ms) {
    p->uv_is_ready = false;
    uv_run(poller->uv, UV_RUN_NOWAIT);
  }
  tell_stopped(p);
}

/* --- the loop --- */

static void stay_awake(lw_poller *poller, bool awake) {
  of_poller(poller)->is_awake = awake;
}

static bool alive(const lw_poller *poller) {
  return has_more(of_poller(poller)) || uv_loop_alive(poller->uv) != 0;
}

static bool run(lw_poller *poller) {
  struct epoll_poller *p = of_poller(poller);
  p->is_halted = false;
  while (!p->is_halted && alive(poller)) {
    turn_once(p, -1);
    if (p->is_interrupted && !p->is_halted) return true;
  }
  return false;
}

static void halt(lw_poller *poller) {
  of_poller(poller)->is_halted = true;
}

/* Whether libuv has something to do at once: handles that a callback has closed, and the like. */
static bool uv_has_more(uv_loop_t *uv) {
  return uv_loop_alive(uv) != 0 && uv_backend_timeout(uv) == 0;
}

/* Whoever polls the set's descriptor between turns is to see that there is more to do, of which the
 * kernel knows nothing. */
static void turn(lw_poller *poller, int64_t timeout_ms) {
  struct epoll_poller *p = of_poller(poller);
  if (timeout_ms > 0) hold(p); /* the limit is something to wait for */
  turn_once(p, timeout_ms);
  if (timeout_ms > 0) release(p);
  lw__poller_settle(poller);
  if (has_more(p) || uv_has_more(poller->uv)) uv_async_send(&p->keeper);
}

static int fd(const lw_poller *poller) {
  return of_poller(poller)->set;
}

/* --- birth and death --- */

static void on_keeper_closed(uv_handle_t *handle) {
  *(bool *)handle->data = true;
}

static void free_poller(lw_poller *poller) {
  struct epoll_poller *p = of_poller(poller);
  bool closed = false;
  p->keeper.data = &closed;
  uv_close((uv_handle_t *)&p->keeper, on_keeper_closed);
  while (!closed) uv_run(poller->uv, UV_RUN_NOWAIT);
  close(p->set);
  if (p->alarm >= 0) close(p->alarm);
  free(p);
}

static const lw__poller_kind epoll_kind = {start, want, stop, free_poller, stay_awake,
                                           run,   halt, turn, alive,       fd};

/* Without one all works as well, only slower. */
static void open_alarm(struct epoll_poller *p) {
  struct epoll_event event = {.events = EPOLLIN | EPOLLET, .data.ptr = p};
  p->alarm = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
  if (p->alarm < 0 || epoll_ctl(p->set, EPOLL_CTL_ADD, p->alarm, &event) == 0) return;
  close(p->alarm);
  p->alarm = -1;
}

static int open_set(struct epoll_poller *p) {
  p->set = epoll_create1(EPOLL_CLOEXEC);
  if (p->set < 0) return uv_translate_sys_error(errno);
  int error = control(p, EPOLL_CTL_ADD, uv_backend_fd(p->head.uv), EPOLLIN, NULL);
  if (error == 0) error = uv_async_init(p->head.uv, &p->keeper, NULL);
  if (error != 0) {
    close(p->set);
    return error;
  }
  open_alarm(p);
  return 0;
}

lw_poller *lw__poller_epoll_new(uv_loop_t *uv, int *error) {
  struct epoll_poller *p = calloc(1, sizeof *p);
  *error = UV_ENOMEM;
  if (p == NULL) return NULL;
  p->head.kind = &epoll_kind;
  p->head.uv = uv;
  p->again_tail = &p->again;
  *error = open_set(p);
  if (*error == 0) {
    uv_unref((uv_handle_t *)&p->keeper);
    return &p->head;
  }
  free(p);
  return NULL;
}

#else

lw_poller *lw__poller_epoll_new(uv_loop_t *uv, int *error) {
  (void)uv;
  *error = UV_ENOSYS;
  return NULL;
}

#endif
