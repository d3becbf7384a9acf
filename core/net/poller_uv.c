/* The poller of a loop that is not ours alone, and of systems without epoll: libuv does everything,
 * level-triggered. */
#include <stdlib.h>

#include "poller.h"

/* The handles' `data` stays NULL: a loop shared with luv demands it. */
struct uv_poller {
  lw_poller head;
  uv_prepare_t prepare; /* calls before_wait */
  uv_idle_t idle;       /* keeps the loop awake */
  uv_timer_t limit;     /* of a turn */
  unsigned handles;     /* that are not closed yet */
};

struct lw__uv_watch {
  uv_poll_t poll;
  lw__watch *watch;
};

#define CONTAINER_OF(pointer, type, member)                                                        \
  ((type *)(void *)((char *)(pointer)-offsetof(type, member)))

static struct uv_poller *of_poller(const lw_poller *poller) {
  return (struct uv_poller *)poller;
}

/* --- sockets --- */

/* An error or a hang-up comes as a status, and libuv has stopped watching then: the owner's next
 * read or write finds out. */
static void on_poll(uv_poll_t *poll, int status, int events) {
  lw__watch *watch = CONTAINER_OF(poll, struct lw__uv_watch, poll)->watch;
  if (status != 0) events = UV_READABLE | UV_WRITABLE;
  watch->ready = (uint8_t)events;
  if ((events & watch->wanted) != 0) watch->events->on_ready(watch, events & watch->wanted);
  if (status != 0 && watch->wanted != 0) uv_poll_start(poll, watch->wanted, on_poll);
}

static int start(lw_poller *poller, lw__watch *watch) {
  watch->uv = calloc(1, sizeof *watch->uv);
  if (watch->uv == NULL) return UV_ENOMEM;
  watch->uv->watch = watch;
  int error = uv_poll_init_socket(poller->uv, &watch->uv->poll, watch->socket);
  if (error != 0) free(watch->uv);
  return error;
}

static int want(lw_poller *poller, lw__watch *watch, int events) {
  (void)poller;
  watch->wanted = (uint8_t)events;
  uv_poll_t *poll = &watch->uv->poll;
  return events == 0 ? uv_poll_stop(poll) : uv_poll_start(poll, events, on_poll);
}

static void on_poll_closed(uv_handle_t *handle) {
  struct lw__uv_watch *uv = CONTAINER_OF(handle, struct lw__uv_watch, poll);
  lw__watch *watch = uv->watch;
  free(uv);
  watch->events->on_stopped(watch);
}

static void stop(lw_poller *poller, lw__watch *watch) {
  (void)poller;
  uv_close((uv_handle_t *)&watch->uv->poll, on_poll_closed); /* it forgets the socket at once */
}

/* --- the loop --- */

/* Sockets are looked at right after this, and timers come later. */
static void on_prepare(uv_prepare_t *handle) {
  lw_poller *poller = &CONTAINER_OF(handle, struct uv_poller, prepare)->head;
  poller->heard_ms = uv_now(poller->uv);
  lw__poller_settle(poller);
}

static void on_idle(uv_idle_t *handle) {
  (void)handle;
}

static void on_limit(uv_timer_t *handle) {
  (void)handle;
}

static void stay_awake(lw_poller *poller, bool awake) {
  uv_idle_t *idle = &of_poller(poller)->idle;
  if (awake) {
    uv_idle_start(idle, on_idle);
  } else {
    uv_idle_stop(idle);
  }
}

static bool run(lw_poller *poller) {
  uv_run(poller->uv, UV_RUN_DEFAULT);
  return false;
}

static void halt(lw_poller *poller) {
  uv_stop(poller->uv);
}

static void turn(lw_poller *poller, int64_t timeout_ms) {
  uv_timer_t *limit = &of_poller(poller)->limit;
  if (timeout_ms > 0) {
    uv_update_time(poller->uv);
    uv_timer_start(limit, on_limit, (uint64_t)timeout_ms, 0);
  }
  uv_run(poller->uv, timeout_ms == 0 ? UV_RUN_NOWAIT : UV_RUN_ONCE);
  uv_timer_stop(limit);
  lw__poller_settle(poller); /* libuv may have run timers last */
}

static bool alive(const lw_poller *poller) {
  return uv_loop_alive(poller->uv) != 0;
}

static int fd(const lw_poller *poller) {
  return uv_backend_fd(poller->uv);
}

/* --- birth and death --- */

static void on_prepare_closed(uv_handle_t *handle) {
  CONTAINER_OF(handle, struct uv_poller, prepare)->handles--;
}
static void on_idle_closed(uv_handle_t *handle) {
  CONTAINER_OF(handle, struct uv_poller, idle)->handles--;
}
static void on_limit_closed(uv_handle_t *handle) {
  CONTAINER_OF(handle, struct uv_poller, limit)->handles--;
}

/* On a borrowed loop this turns its owner's handles as well; there is no other way to be told that
 * ours are gone before their memory is. */
static void free_poller(lw_poller *poller) {
  struct uv_poller *p = of_poller(poller);
  uv_close((uv_handle_t *)&p->prepare, on_prepare_closed);
  uv_close((uv_handle_t *)&p->idle, on_idle_closed);
  uv_close((uv_handle_t *)&p->limit, on_limit_closed);
  while (p->handles > 0) uv_run(poller->uv, UV_RUN_ONCE);
  free(p);
}

static const lw__poller_kind uv_kind = {start, want, stop, free_poller, stay_awake,
                                        run,   halt, turn, alive,       fd};

lw_poller *lw__poller_uv_new(uv_loop_t *uv, int *error) {
  struct uv_poller *p = calloc(1, sizeof *p);
  *error = p == NULL ? UV_ENOMEM : 0;
  if (p == NULL) return NULL;
  p->head.kind = &uv_kind;
  p->head.uv = uv;
  p->handles = 3;
  /* None of these can fail. */
  uv_prepare_init(uv, &p->prepare);
  uv_idle_init(uv, &p->idle);
  uv_timer_init(uv, &p->limit);
  uv_prepare_start(&p->prepare, on_prepare);
  uv_unref((uv_handle_t *)&p->prepare);
  p->prepare.data = p->idle.data = p->limit.data = NULL;
  return &p->head;
}
