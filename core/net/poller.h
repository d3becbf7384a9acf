/* Waiting: turns libuv's loop and tells when sockets can be read from or written to.
 *
 * There are two kinds. On a loop of somebody else's, and where there is no epoll, libuv watches the
 * sockets (poller_uv.c). On a loop of our own under Linux they are in an epoll set of ours, of
 * which libuv's loop is just one member (poller_epoll.c): a socket is registered once and
 * edge-triggered, which saves system calls, and a watch is a tenth of a uv_poll_t.
 *
 * A poller knows nothing of what the sockets carry, moves no bytes and sets no policy. Of one
 * thread; nothing here may be called from inside lw_poller_run or lw_poller_turn but from
 * callbacks. */
#ifndef LW_NET_POLLER_H
#define LW_NET_POLLER_H

#include <stdbool.h>
#include <stdint.h>

#include "socket.h"

typedef struct lw_poller lw_poller;
typedef struct lw__watch lw__watch;

/* --- the sockets; for core/net only --- */

/* Called from the loop only, never from inside a call on the watch. */
typedef struct lw__watch_events {
  /* Some of what is wanted is possible: UV_READABLE, UV_WRITABLE or both. It comes again in the
   * next turn unless lw__watch_blocked was told or it is not wanted any more. */
  void (*on_ready)(lw__watch *watch, int events);
  /* The last call, after lw__watch_stop: the watch may be freed. */
  void (*on_stopped)(lw__watch *watch);
} lw__watch_events;

/* Embedded by its owner. The fields are the poller's. */
struct lw__watch {
  const lw__watch_events *events;
  lw__socket socket;
  uint8_t wanted;     /* UV_READABLE, UV_WRITABLE */
  uint8_t ready;      /* what is possible as far as is known */
  bool is_ending : 1; /* less than asked for does not mean that all was read */
  bool is_listed : 1; /* in the list of those to be looked at again */
  bool is_stopped : 1;
  bool hears_writable : 1;   /* epoll was asked for that, too */
  union {                    /* seldom touched, so behind the rest */
    lw__watch *next;         /* epoll: in one of the poller's lists */
    struct lw__uv_watch *uv; /* libuv: its handle */
  };
};

/* Begins to watch a connected or listening socket that does not block; nothing is wanted yet. 0, or
 * a libuv error, and then there is nothing to stop. */
int lw__watch_start(lw_poller *poller, lw__watch *watch, lw__socket socket,
                    const lw__watch_events *events);

/* What is of interest from now on. A watch that wants something keeps the loop running. 0 or a
 * libuv error. */
int lw__watch_want(lw_poller *poller, lw__watch *watch, int events);

/* Forgets the socket, which the owner closes at once. on_stopped comes later. */
void lw__watch_stop(lw_poller *poller, lw__watch *watch);

/* The kernel said UV_EAGAIN to one of them, or took less than it was offered. */
static inline void lw__watch_blocked(lw__watch *watch, int event) {
  watch->ready &= (uint8_t)~event;
  if (event == UV_READABLE) watch->is_ending = false;
}

/* The kernel gave less than there was room for, so it had no more: unless the stream is about to
 * end, of which we were told by the same event as of the bytes before. */
static inline void lw__watch_drained(lw__watch *watch) {
  if (!watch->is_ending) watch->ready &= (uint8_t)~UV_READABLE;
}

static inline bool lw__watch_is_ready(const lw__watch *watch, int event) {
  return (watch->ready & event) != 0;
}

/* --- the loop --- */

/* Chooses the kind: epoll where `is_own` says that nobody else runs this libuv loop, and the system
 * has it. NULL and *error on failure. */
lw_poller *lw_poller_new(uv_loop_t *uv, bool is_own, int *error);

/* Turns the loop until its own handles are closed. Nothing is watched any more. */
void lw_poller_free(lw_poller *poller);

/* Calls fn(context) each time before the loop would block, and at the end of lw_poller_turn. While
 * it is to `stay awake` the loop does not block, and does not end. */
void lw_poller_before_wait(lw_poller *poller, void (*fn)(void *context), void *context);
void lw_poller_stay_awake(lw_poller *poller, bool awake);

/* Turns it until nothing is left to wait for, or lw_poller_stop. True when it ended sooner because
 * a signal came while it waited, of which only epoll tells: run it again. */
bool lw_poller_run(lw_poller *poller);
void lw_poller_stop(lw_poller *poller);

/* Turns it once: waits until something happens, at most timeout_ms (0: not at all, negative: any
 * time), and makes the calls that became due. */
void lw_poller_turn(lw_poller *poller, int64_t timeout_ms);

/* Whether something is left to wait for. */
bool lw_poller_alive(const lw_poller *poller);

/* The loop's time, in ms, before which all that came was told: what a silent peer did since is not
 * known yet, however late it is now. A handler may have computed for seconds. */
uint64_t lw_poller_heard_ms(const lw_poller *poller);

/* Readable when a turn would find something, timers aside; -1 where the system has no such
 * thing. */
int lw_poller_fd(const lw_poller *poller);

/* --- the inside --- */

typedef struct lw__poller_kind {
  int (*start)(lw_poller *poller, lw__watch *watch);
  int (*want)(lw_poller *poller, lw__watch *watch, int events);
  void (*stop)(lw_poller *poller, lw__watch *watch);
  void (*free)(lw_poller *poller);
  void (*stay_awake)(lw_poller *poller, bool awake);
  bool (*run)(lw_poller *poller);
  void (*halt)(lw_poller *poller);
  void (*turn)(lw_poller *poller, int64_t timeout_ms);
  bool (*alive)(const lw_poller *poller);
  int (*fd)(const lw_poller *poller);
} lw__poller_kind;

struct lw_poller {
  const lw__poller_kind *kind;
  uv_loop_t *uv;
  void (*before_wait)(void *context); /* NULL: none */
  void *context;
  uint64_t heard_ms;
};

static inline void lw__poller_settle(const lw_poller *poller) {
  if (poller->before_wait != NULL) poller->before_wait(poller->context);
}

/* NULL and *error on failure; UV_ENOSYS where there is no epoll. */
lw_poller *lw__poller_uv_new(uv_loop_t *uv, int *error);
lw_poller *lw__poller_epoll_new(uv_loop_t *uv, int *error);

#endif
