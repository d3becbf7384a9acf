#include "loop.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conn.h"
#include "server.h"

#define LOOP_OF(handle, member) ((lw_loop *)((char *)(handle)-offsetof(lw_loop, member)))

/* --- failures --- */

void lw__fail(lw_failure *failure, const char *code, const char *format, ...) {
  if (failure == NULL) return;
  va_list arguments;
  va_start(arguments, format);
  vsnprintf(failure->message, sizeof failure->message, format, arguments);
  va_end(arguments);
  snprintf(failure->code, sizeof failure->code, "%s", code);
}

void lw__fail_uv(lw_failure *failure, int error, const char *what) {
  lw__fail(failure, uv_err_name(error), "%s: %s", what, uv_strerror(error));
}

/* --- settling --- */

void lw__loop_enter(lw_loop *loop) {
  loop->depth++;
}
void lw__loop_leave(lw_loop *loop) {
  loop->depth--;
}

void lw__loop_unsettle(lw_loop *loop, lw_conn *conn) {
  if (conn->is_unsettled || conn == loop->current || loop->freed) return;
  conn->is_unsettled = true;
  conn->next_unsettled = NULL;
  lw_conn_hold(conn);
  *loop->unsettled_tail = conn;
  loop->unsettled_tail = &conn->next_unsettled;
  /* Keeps the loop running: the last connection may be over and its on_close still to be called. */
  lw_poller_stay_awake(loop->net.poller, true);
}

static lw_conn *take_unsettled(lw_loop *loop) {
  lw_conn *list = loop->unsettled;
  loop->unsettled = NULL;
  loop->unsettled_tail = &loop->unsettled;
  return list;
}

/* Settling may run handlers that make others unsettled; those wait for the next turn, so that two
 * connections that answer each other cannot keep the loop from its sockets. */
static void settle_all(void *context) {
  lw_loop *loop = context;
  if (loop->unsettled == NULL) return;
  lw_conn *conn = take_unsettled(loop);
  lw__loop_enter(loop);
  while (conn != NULL) {
    lw_conn *next = conn->next_unsettled;
    conn->is_unsettled = false;
    lw__conn_settle(conn);
    lw_conn_release(conn);
    conn = next;
  }
  lw__loop_leave(loop);
  if (loop->unsettled == NULL) lw_poller_stay_awake(loop->net.poller, false);
}

/* --- deadlines --- */

static void on_timer(uv_timer_t *handle);

static void schedule(lw_loop *loop) {
  uint64_t due;
  if (!lw_wheel_next(&loop->wheel, &due)) {
    uv_timer_stop(&loop->timer);
    loop->timer_due_ms = 0;
    return;
  }
  uint64_t now = uv_now(loop->net.uv);
  /* Not 0: what is overdue waits for a look at the sockets, and libuv would not get there. */
  uv_timer_start(&loop->timer, on_timer, due > now ? due - now : 1, 0);
  uv_unref((uv_handle_t *)&loop->timer); /* connections keep the loop running, time limits do not */
  loop->timer_due_ms = due;
}

/* What a peer sent in time must not be found late because a handler, or the machine, took long: so
 * this is judged by when the sockets were last looked at, and not by the clock. */
static void on_timer(uv_timer_t *handle) {
  lw_loop *loop = LOOP_OF(handle, timer);
  uint64_t heard = lw_poller_heard_ms(loop->net.poller);
  lw_wheel_node *node;
  lw__loop_enter(loop);
  while ((node = lw_wheel_expire(&loop->wheel, heard)) != NULL) lw__conn_deadline(node);
  lw__loop_leave(loop);
  schedule(loop);
}

void lw__loop_arm(lw_loop *loop, lw_wheel_node *node, uint64_t due_ms) {
  if (loop->timer_due_ms == 0) lw_wheel_init(&loop->wheel, uv_now(loop->net.uv));
  lw_wheel_arm(&loop->wheel, node, due_ms);
  if (loop->timer_due_ms == 0 || due_ms < loop->timer_due_ms) schedule(loop);
}

/* --- randomness --- */

bool lw_loop_random(lw_loop *loop, void *data, size_t size) {
  (void)loop;
  return uv_random(NULL, NULL, data, size, 0, NULL) == 0;
}

bool lw__loop_mask(lw_loop *loop, uint8_t key[4]) {
  if (loop->random_left < 4) {
    if (!lw_loop_random(loop, loop->random, sizeof loop->random)) return false;
    loop->random_left = sizeof loop->random;
  }
  loop->random_left -= 4;
  memcpy(key, loop->random + loop->random_left, 4);
  return true;
}

/* --- the time of day --- */

lw_slice lw__loop_date(lw_loop *loop) {
  uv_timeval64_t now;
  uint64_t now_ms = uv_now(loop->net.uv);
  lw_slice date = {loop->date, sizeof loop->date};
  if (now_ms < loop->date_until_ms) return date;
  if (uv_gettimeofday(&now) != 0 || now.tv_sec < 0) return (lw_slice){NULL, 0};
  lw_http_date(loop->date, (uint64_t)now.tv_sec);
  loop->date_until_ms = now_ms + 1000 - (uint64_t)now.tv_usec / 1000;
  return date;
}

/* --- life of a loop --- */

lw_loop *lw_loop_new(void *uv_loop, lw_failure *failure) {
  lw_loop *loop = calloc(1, sizeof *loop);
  if (loop == NULL) {
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  loop->owns_uv = uv_loop == NULL;
  loop->unsettled_tail = &loop->unsettled;
  int error = loop->owns_uv ? uv_loop_init(&loop->own) : 0;
  if (error == 0) {
    error = lw_net_init(&loop->net, loop->owns_uv ? &loop->own : uv_loop, loop->owns_uv);
    if (error != 0 && loop->owns_uv) uv_loop_close(&loop->own);
  }
  if (error != 0) {
    lw__fail_uv(failure, error, "the event loop cannot start");
    free(loop);
    return NULL;
  }
  uv_timer_init(loop->net.uv, &loop->timer);
  loop->timer.data = NULL;
  loop->handles = 1;
  lw_poller_before_wait(loop->net.poller, settle_all, loop);
  lw_wheel_init(&loop->wheel, uv_now(loop->net.uv));
  return loop;
}

static void on_timer_closed(uv_handle_t *handle) {
  LOOP_OF(handle, timer)->handles--;
}

void lw_loop_free(lw_loop *loop) {
  loop->freed = true;
  while (loop->servers != NULL) lw__server_drop(loop->servers);
  while (loop->conns != NULL) lw__conn_drop(loop->conns);
  for (lw_conn *conn = take_unsettled(loop), *next; conn != NULL; conn = next) {
    next = conn->next_unsettled;
    conn->is_unsettled = false;
    lw_conn_release(conn);
  }
  lw_poller_stay_awake(loop->net.poller, false);
  lw__timers_free(loop);
  uv_close((uv_handle_t *)&loop->timer, on_timer_closed);
  /* Everything is closing: this comes to an end by itself. On a borrowed loop it turns its owner's
   * handles as well; there is no other way to be told that ours are gone before their memory is. */
  while (loop->handles > 0 || loop->net.live > 0) lw_poller_turn(loop->net.poller, -1);
  lw__files_free(loop);
  lw_net_free(&loop->net);
  lw_deflate_pool_free(loop->deflate_pool);
  lw_block_release(loop->block);
  lw_buf_free(&loop->head);
  if (loop->owns_uv) uv_loop_close(&loop->own);
  free(loop);
}

/* --- running --- */

bool lw_loop_run(lw_loop *loop) {
  loop->runs = true;
  bool was_interrupted = lw_poller_run(loop->net.poller);
  loop->runs = false;
  return was_interrupted;
}

/* libuv would remember a stop for the next run. */
void lw_loop_stop(lw_loop *loop) {
  if (loop->runs || !loop->owns_uv) lw_poller_stop(loop->net.poller);
}

bool lw_loop_step(lw_loop *loop, int64_t timeout_ms) {
  lw_poller_turn(loop->net.poller, timeout_ms);
  return lw_poller_alive(loop->net.poller);
}

int lw_loop_fd(const lw_loop *loop) {
  return lw_poller_fd(loop->net.poller);
}
uint64_t lw_loop_now_ms(const lw_loop *loop) {
  return uv_now(loop->net.uv);
}
bool lw_loop_in_callback(const lw_loop *loop) {
  return loop->depth > 0;
}
void lw_loop_count(const lw_loop *loop, lw_loop_counts *counts) {
  *counts = loop->counts;
}
