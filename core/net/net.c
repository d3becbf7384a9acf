#include "net.h"

#include <stdlib.h>

int lw_net_init(lw_net *net, uv_loop_t *uv) {
  net->uv = uv;
  net->live = 0;
  net->plain = NULL;
  net->receive = malloc(LW_NET_RECEIVE_SIZE);
  net->outs = lw_out_pool_new();
  if (net->receive == NULL || net->outs == NULL) {
    lw_net_free(net);
    return UV_ENOMEM;
  }
  return 0;
}

void lw_net_free(lw_net *net) {
  free(net->receive);
  free(net->plain);
  lw_out_pool_free(net->outs);
  net->receive = NULL;
  net->plain = NULL;
  net->outs = NULL;
}
