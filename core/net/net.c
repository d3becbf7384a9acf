#include "net.h"

#include <stdlib.h>

int lw_net_init(lw_net *net, uv_loop_t *uv, bool is_own) {
  int error;
  net->uv = uv;
  net->live = 0;
  net->has_no_ktls = false;
  net->plain = net->inner_plain = NULL;
  net->receive = malloc(LW_NET_RECEIVE_SIZE);
  net->outs = lw_out_pool_new();
  net->poller = lw_poller_new(uv, is_own, &error);
  if (error == 0 && (net->receive == NULL || net->outs == NULL)) error = UV_ENOMEM;
  if (error != 0) lw_net_free(net);
  return error;
}

void lw_net_free(lw_net *net) {
  free(net->receive);
  free(net->plain);
  free(net->inner_plain);
  lw_out_pool_free(net->outs);
  if (net->poller != NULL) lw_poller_free(net->poller);
  net->receive = NULL;
  net->plain = net->inner_plain = NULL;
  net->outs = NULL;
  net->poller = NULL;
}
