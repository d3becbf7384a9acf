#include "net.h"

#include <signal.h>
#include <stdlib.h>

#ifdef _WIN32
static void survive_sigpipe(void) {}
#else
static void do_nothing(int signal_number) {
  (void)signal_number;
}

static void survive_sigpipe(void) {
  struct sigaction action;
  if (sigaction(SIGPIPE, NULL, &action) != 0) return;
  if ((action.sa_flags & SA_SIGINFO) != 0 || action.sa_handler != SIG_DFL) return;
  action.sa_handler = do_nothing;
  action.sa_flags = SA_RESTART;
  sigemptyset(&action.sa_mask);
  sigaction(SIGPIPE, &action, NULL);
}
#endif

int lw_net_init(lw_net *net, uv_loop_t *uv) {
  net->uv = uv;
  net->live = 0;
  net->receive = malloc(LW_NET_RECEIVE_SIZE);
  net->outs = lw_out_pool_new();
  if (net->receive == NULL || net->outs == NULL) {
    lw_net_free(net);
    return UV_ENOMEM;
  }
  survive_sigpipe();
  return 0;
}

void lw_net_free(lw_net *net) {
  free(net->receive);
  lw_out_pool_free(net->outs);
  net->receive = NULL;
  net->outs = NULL;
}
