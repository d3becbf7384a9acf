#include "poller.h"

int lw__watch_start(lw_poller *poller, lw__watch *watch, lw__socket socket,
                    const lw__watch_events *events) {
  *watch = (lw__watch){.events = events, .socket = socket, .ready = UV_WRITABLE};
  return poller->kind->start(poller, watch);
}

int lw__watch_want(lw_poller *poller, lw__watch *watch, int events) {
  if (watch->is_stopped) return UV_EBADF;
  return watch->wanted == events ? 0 : poller->kind->want(poller, watch, events);
}

void lw__watch_stop(lw_poller *poller, lw__watch *watch) {
  poller->kind->stop(poller, watch);
  watch->is_stopped = true;
  watch->wanted = 0;
}

lw_poller *lw_poller_new(uv_loop_t *uv, bool is_own, int *error) {
  lw_poller *poller = NULL;
  *error = UV_ENOSYS;
  if (is_own) poller = lw__poller_epoll_new(uv, error);
  if (*error == UV_ENOSYS) poller = lw__poller_uv_new(uv, error);
  return poller;
}

void lw_poller_free(lw_poller *poller) {
  poller->kind->free(poller);
}

void lw_poller_before_wait(lw_poller *poller, void (*fn)(void *context), void *context) {
  poller->before_wait = fn;
  poller->context = context;
}

void lw_poller_stay_awake(lw_poller *poller, bool awake) {
  poller->kind->stay_awake(poller, awake);
}

bool lw_poller_run(lw_poller *poller) {
  return poller->kind->run(poller);
}

void lw_poller_stop(lw_poller *poller) {
  poller->kind->halt(poller);
}

void lw_poller_turn(lw_poller *poller, int64_t timeout_ms) {
  poller->kind->turn(poller, timeout_ms);
}

bool lw_poller_alive(const lw_poller *poller) {
  return poller->kind->alive(poller);
}

uint64_t lw_poller_heard_ms(const lw_poller *poller) {
  return poller->heard_ms;
}

int lw_poller_fd(const lw_poller *poller) {
  return poller->kind->fd(poller);
}
