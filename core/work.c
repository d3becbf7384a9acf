#include "work.h"

static void on_run(uv_work_t *uv) {
  lw__work *work = (lw__work *)uv;
  work->run(work);
}

static void on_done(uv_work_t *uv, int status) {
  (void)status; /* nothing is ever cancelled */
  lw__work *work = (lw__work *)uv;
  lw_loop *loop = work->loop;
  loop->handles--;
  loop->counts.jobs--;
  lw__loop_enter(loop);
  work->done(work, !loop->freed);
  lw__loop_leave(loop);
}

void lw__work_start(lw_loop *loop, lw__work *work, void (*run)(lw__work *work),
                    void (*done)(lw__work *work, bool may_call)) {
  work->loop = loop;
  work->run = run;
  work->done = done;
  loop->handles++;
  loop->counts.jobs++;
  uv_queue_work(loop->net.uv, &work->uv, on_run, on_done); /* fails only without on_run */
}
