#include "member.h"

#include <stdlib.h>

#include "server.h"

/* --- subscriptions --- */

static lw_send_result make_topics(lw_server *server) {
  uint8_t key[LW_SIPHASH_KEY];
  if (server->topics != NULL) return LW_SEND_OK;
  if (!lw_loop_random(server->loop, key, sizeof key)) return LW_SEND_RANDOM;
  server->topics = lw_topics_new(key);
  return server->topics != NULL ? LW_SEND_OK : LW_SEND_NOMEM;
}

static lw_member *new_member(lw_conn *conn) {
  lw_member *member = calloc(1, sizeof *member);
  if (member != NULL) member->conn = conn;
  return member;
}

/* Idle connections without subscriptions have no member. */
static void free_if_unused(lw_member *member) {
  if (member->subscriber.count > 0 || lw__member_size(member) > 0) return;
  lw__member_leave(member->conn);
}

lw_send_result lw_conn_subscribe(lw_conn *conn, const char *topic, size_t size) {
  lw_server *server = lw_conn_server(conn);
  if (size > LW_TOPIC_MAX) return LW_SEND_TOPIC_TOO_LONG;
  if (conn->state != LW_OPEN || server == NULL) return LW_SEND_CLOSED;
  lw_send_result result = make_topics(server);
  if (result != LW_SEND_OK) return result;
  if (conn->member == NULL) conn->member = new_member(conn);
  lw_member *member = conn->member;
  if (member == NULL) return LW_SEND_NOMEM;
  lw_slice name = {topic, size};
  bool is_full = member->subscriber.count >= server->max_topics;
  if (is_full && !lw_topics_has(server->topics, &member->subscriber, name)) {
    return LW_SEND_TOO_MANY_TOPICS;
  }
  if (lw_topics_subscribe(server->topics, &member->subscriber, name)) return LW_SEND_OK;
  free_if_unused(member);
  return LW_SEND_NOMEM;
}

bool lw_conn_unsubscribe(lw_conn *conn, const char *topic, size_t size) {
  lw_member *member = conn->member;
  if (member == NULL) return false;
  lw_slice name = {topic, size};
  bool had = lw_topics_unsubscribe(lw_conn_server(conn)->topics, &member->subscriber, name);
  free_if_unused(member);
  return had;
}

void lw_conn_topics(const lw_conn *conn, void (*fn)(void *context, const char *topic, size_t size),
                    void *context) {
  if (conn->member == NULL) return;
  const lw_subscriber *subscriber = &conn->member->subscriber;
  for (uint32_t i = 0; i < subscriber->count; i++) {
    lw_slice topic = lw_subscriber_topic(subscriber, i);
    fn(context, topic.data, topic.size);
  }
}

size_t lw_server_subscribers(const lw_server *server, const char *topic, size_t size) {
  if (server->topics == NULL) return 0;
  const lw_topic *found = lw_topics_find(server->topics, (lw_slice){topic, size});
  return found != NULL ? lw_topic_count(found) : 0;
}

static void give_range_up(lw_member *member) {
  lw_block_release(member->block);
  member->block = NULL;
  member->size = 0;
}

void lw__member_leave(lw_conn *conn) {
  lw_member *member = conn->member;
  if (member == NULL) return;
  conn->member = NULL;
  lw_topics_leave(lw_conn_server(conn)->topics, &member->subscriber);
  give_range_up(member);
  lw_held_free(&member->held);
  free(member);
}

/* --- output --- */

size_t lw__member_size(const lw_member *member) {
  return member->size + member->held.size;
}

bool lw__member_move_range(lw_member *member, lw_out *out) {
  if (member->block == NULL) return true;
  bool moved = lw_out_share(out, member->block, member->data, member->size);
  give_range_up(member);
  return moved;
}

/* Neither output nor anything else waits: the frame begins the range or goes on with it. */
static bool extend_range(lw_member *member, const lw_shared_frame *frame) {
  if (member->block == NULL) {
    member->block = lw_block_hold(frame->block);
    member->data = frame->data;
  } else if (member->block != frame->block || member->data + member->size != frame->data) {
    return false;
  }
  member->size += frame->size;
  return true;
}

bool lw__member_add(lw_member *member, const lw_shared_frame *frame) {
  lw_conn *conn = member->conn;
  /* The peer's window gets text that ours does not have. */
  if (frame->is_deflated) lw_deflate_forget(conn->session.deflate);
  bool is_first = conn->out == NULL && !conn->is_writing;
  if (is_first && extend_range(member, frame)) {
    lw__loop_unsettle(conn->loop, conn);
    return true;
  }
  lw_out *out = lw__conn_gather(conn);
  if (out == NULL) return false;
  /* What is small is copied: a reference would keep the whole block for a peer that is slow. */
  return frame->size < LW_OUT_REFERENCE_MIN
             ? lw_out_copy(out, frame->data, frame->size)
             : lw_out_share(out, frame->block, frame->data, frame->size);
}

/* --- what is held --- */

typedef struct sending {
  lw_member *member;
  bool all, failed;
} sending;

static bool send_one(void *context, const lw_held_message *message) {
  sending *s = context;
  lw_conn *conn = s->member->conn;
  size_t waiting = lw_conn_buffered(conn) - s->member->held.size;
  bool leaves = s->all || !message->has_label || waiting <= conn->settings->limits.high_water;
  if (!leaves) return false;
  lw_shared_frame frame = {message->block, message->block->data, message->size,
                           message->is_deflated};
  s->failed |= !lw__member_add(s->member, &frame);
  return true;
}

bool lw__member_send_held(lw_member *member, bool all) {
  sending s = {member, all, false};
  if (member->held.count > 0 && member->conn->session.sending == 0) {
    lw_held_take(&member->held, send_one, &s);
  }
  return !s.failed;
}
