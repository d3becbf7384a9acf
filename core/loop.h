/* The loop's inside, for the other files of core/: what all connections share. */
#ifndef LW_LOOP_H
#define LW_LOOP_H

#include <uv.h>

#include "lunawire.h"
#include "net/net.h"
#include "proto/deflate.h"
#include "proto/http_date.h"
#include "proto/spare.h"
#include "turns.h"
#include "wheel.h"

#define LW_RANDOM_POOL 4096 /* bytes drawn from the system at once, for masking keys */

typedef struct lw_upgrade lw_upgrade; /* conn_http.h */

/* A way along all connections. One that leaves the loop meanwhile is stepped over. */
typedef struct lw_walk {
  lw_conn *next;
  struct lw_walk *outer; /* it began before this one, and goes on after it */
} lw_walk;

struct lw_loop {
  lw_net net;
  uv_loop_t own; /* used when the loop is not borrowed */
  bool owns_uv;
  bool freed;            /* inside lw_loop_free: no callback may be made */
  bool runs;             /* inside lw_loop_run */
  unsigned depth;        /* of callbacks that are under way */
  unsigned handles;      /* libuv handles and works of the loop itself that are not over yet */
  uv_timer_t timer;      /* of the wheel */
  uint64_t timer_due_ms; /* when it fires; 0 while it is stopped */
  lw_wheel wheel;
  lw_turns turns; /* of clients, to connect */

  lw_buf head;                  /* for writing the head of an answer */
  char date[LW_HTTP_DATE_SIZE]; /* of now, for it */
  uint64_t date_until_ms;       /* when it has to be computed again */

  lw_spare spare;                /* for large messages; empty while there is no connection */
  lw_deflate_pool *deflate_pool; /* NULL until a connection compresses */
  lw_block *block;               /* of what was published last; NULL until then */

  const lw_upgrade *upgrade; /* the request that on_request is being called for; or NULL */

  lw_conn *current;   /* whose input is being handled: it settles itself at the end of that */
  lw_conn *unsettled; /* the others that need settling, through conn->next_unsettled */
  lw_conn **unsettled_tail;
  lw_conn *conns; /* all that have I/O */
  lw_walk *walks; /* along them, the innermost first */
  lw_server *servers;
  lw_timer *timers;
  lw_signal *signals;
  lw_file *files;
  lw_loop_counts counts;

  uint8_t random[LW_RANDOM_POOL];
  size_t random_left;
};

/* Around everything that libuv calls us for. */
void lw__loop_enter(lw_loop *loop);
void lw__loop_leave(lw_loop *loop);

/* Puts a connection on the list of those to settle before the loop blocks. */
void lw__loop_unsettle(lw_loop *loop, lw_conn *conn);

/* Arms, moves and cancels a deadline; lw__conn_deadline is called for it. */
void lw__loop_arm(lw_loop *loop, lw_wheel_node *node, uint64_t due_ms);

/* Four bytes that nobody can predict. False when the system has no randomness to give. */
bool lw__loop_mask(lw_loop *loop, uint8_t key[4]);

/* The time of day for the Date field; empty when the system does not know it. */
lw_slice lw__loop_date(lw_loop *loop);

/* Fills a failure: from a text of ours, or from a libuv error code and what was attempted. */
void lw__fail(lw_failure *failure, const char *code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
void lw__fail_uv(lw_failure *failure, int error, const char *what);

/* The timers and signals of scripts (timer.c), and open files (file.c). */
void lw__timers_free(lw_loop *loop);
void lw__files_free(lw_loop *loop);

#endif
