/* A connection as a subscriber: its topics, and what was published to it and has not left yet.
 *
 * What is published to many is in memory once. A member that has nothing else to write only
 * remembers which range of a block is for it, so that publishing touches little and all of a batch
 * leaves in one write from there. As soon as something else is to be written, the range moves to
 * the connection's output first. For core/ only; publish.c says what is published to whom. */
#ifndef LW_MEMBER_H
#define LW_MEMBER_H

#include "conn.h"
#include "held.h"
#include "topic.h"

struct lw_member {
  lw_subscriber subscriber; /* the first member: topics know its address */
  lw_conn *conn;
  lw_block *block; /* held: the range that is to be written next; NULL when there is none */
  const uint8_t *data;
  size_t size;
  lw_held held; /* behind everything else */
};

/* A frame that may go to any number of members. */
typedef struct lw_shared_frame {
  lw_block *block;
  const uint8_t *data;
  size_t size;
  bool is_deflated;
} lw_shared_frame;

/* Adds a frame to what leaves with this batch. False when out of memory. */
bool lw__member_add(lw_member *member, const lw_shared_frame *frame);

/* Appends the range to the connection's output, where more is about to follow it. */
bool lw__member_move_range(lw_member *member, lw_out *out);

/* Appends what is held to the connection's output: all of it, or what waits for the end of a
 * streamed message and as much else as high_water allows. False when out of memory. */
bool lw__member_send_held(lw_member *member, bool all);

/* The connection is not open any more: its subscriptions end, and what has not left is given up.
 * Nothing happens to one that never subscribed. */
void lw__member_leave(lw_conn *conn);

/* Bytes that wait here, besides those in the connection's output. */
size_t lw__member_size(const lw_member *member);

#endif
