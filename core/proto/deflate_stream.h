/* The inside of lw_deflate, for deflate.c and inflate.c. */
#ifndef LW_PROTO_DEFLATE_STREAM_H
#define LW_PROTO_DEFLATE_STREAM_H

#include "deflate_pool.h"

struct lw_deflate {
  lw_deflate_pool *pool;
  const lw_deflate_options *options;
  lw_deflater *deflater; /* NULL while none is needed */
  lw_inflater *inflater;
  lw_deflate_agreement agreed;
  bool is_streaming;  /* a fragmented message is being sent */
  bool in_message;    /* some of an incoming message was inflated */
  bool at_start;      /* the inflater has not read a byte of its stream yet */
  uint8_t tail_given; /* bytes of the tail that ended the incoming message so far */
};

/* What a sender leaves out at the end of each message (section 7.2.1). */
extern const uint8_t lw__deflate_tail[4];

#endif
