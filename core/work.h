/* Work that may wait for a disk. It is done by a thread of libuv's pool, so that the loop and all
 * its connections never wait with it. Knows nothing of what the work is. For core/ only. */
#ifndef LW_WORK_H
#define LW_WORK_H

#include "loop.h"

typedef struct lw__work lw__work;

struct lw__work {
  uv_work_t uv;
  lw_loop *loop;
  /* In a thread of the pool: touches the work itself and nothing that the loop's thread may. */
  void (*run)(lw__work *work);
  /* On the loop's thread, exactly once; frees the work. may_call is false while the loop is being
   * freed, when nobody is to be told any more. */
  void (*done)(lw__work *work, bool may_call);
};

/* Hands the work to the pool. The loop keeps running until it is done, and lw_loop_free waits for
 * it. */
void lw__work_start(lw_loop *loop, lw__work *work, void (*run)(lw__work *work),
                    void (*done)(lw__work *work, bool may_call));

#endif
