/* Publishing: one message to all subscribers of a topic, encoded once. What becomes of it at each
 * subscriber is in member.c. */
#include <string.h>

#include "member.h"
#include "server.h"

/* What small frames are put into side by side, so that a batch of them is one piece to write. */
#define BLOCK_SIZE (16 * 1024)

/* What connections agree on differs little: one form is usual. Beyond so many they get it plain. */
#define FORMS_MAX 8

/* The message as connections with one agreement on compression get it. */
typedef struct form {
  lw_deflate_agreement agreement; /* all zero: without compression */
  lw_shared_frame frame;
  lw_block *held; /* the frame with its label, for lw_held; NULL until one is needed */
} form;

typedef struct publishing {
  const lw_publication *publication;
  lw_server *server;
  uint64_t label_hash;
  size_t payload_size;
  form plain;
  form deflated[FORMS_MAX];
  unsigned deflated_count;
} publishing;

/* --- encoding --- */

/* A block with room for a frame, held once for the caller. Large frames have blocks of their own;
 * small ones share the loop's, which begins anew when nobody uses it any more. */
static lw_block *block_for(lw_loop *loop, size_t size) {
  if (size >= LW_OUT_REFERENCE_MIN) return lw_block_new(size);
  lw_block *block = loop->block;
  if (block != NULL && block->references == 1) block->size = 0;
  if (block == NULL || block->capacity - block->size < size) {
    lw_block_release(block);
    block = loop->block = lw_block_new(BLOCK_SIZE);
    if (block == NULL) return NULL;
  }
  return lw_block_hold(block);
}

static bool encode(const publishing *p, bool is_deflated, const lw_part *parts, size_t part_count,
                   size_t size, lw_shared_frame *result) {
  uint8_t head[LW_FRAME_HEAD_MAX];
  lw_frame frame = {.length = size, .fin = true, .rsv1 = is_deflated};
  frame.opcode = (uint8_t)p->publication->message->kind;
  size_t head_size = lw_frame_encode(head, &frame);
  if (size > SIZE_MAX / 2) return false;
  lw_block *block = block_for(p->server->loop, head_size + size);
  if (block == NULL) return false;
  uint8_t *to = block->data + block->size;
  *result = (lw_shared_frame){block, to, head_size + size, is_deflated};
  block->size += result->size;
  memcpy(to, head, head_size);
  to += head_size;
  for (size_t i = 0; i < part_count; i++) {
    if (parts[i].size > 0) memcpy(to, parts[i].data, parts[i].size);
    to += parts[i].size;
  }
  return true;
}

static bool encode_plain(publishing *p) {
  const lw_outgoing *message = p->publication->message;
  p->payload_size = lw__outgoing_size(message);
  return encode(p, false, message->parts, message->part_count, p->payload_size, &p->plain.frame);
}

/* The payload is taken from the encoded frame, where it is in one piece. */
static bool encode_deflated(publishing *p, lw_deflate *deflate, form *f) {
  const lw_shared_frame *plain = &p->plain.frame;
  const char *payload = (const char *)plain->data + (plain->size - p->payload_size);
  lw_slice deflated;
  switch (lw_deflate_alone(deflate, (lw_slice){payload, p->payload_size}, &deflated)) {
  case LW_DEFLATED:
    return encode(p, true, &(lw_part){.data = deflated.data, .size = deflated.size}, 1,
                  deflated.size, &f->frame);
  case LW_DEFLATE_PLAIN:
    f->frame = *plain;
    lw_block_hold(plain->block);
    return true;
  case LW_DEFLATE_NOMEM:
    break;
  }
  return false;
}

static bool same_agreement(const lw_deflate_agreement *a, const lw_deflate_agreement *b) {
  return a->own_bits == b->own_bits && a->own_takeover == b->own_takeover &&
         a->peer_forgets == b->peer_forgets;
}

/* The form for a connection, made when the first one needs it. NULL: no memory. */
static form *form_for(publishing *p, const lw_conn *conn) {
  lw_deflate *deflate = conn->session.deflate;
  bool wanted = deflate != NULL && !p->publication->message->uncompressed &&
                lw_deflate_wants(deflate, p->payload_size);
  if (!wanted) return &p->plain;
  for (unsigned i = 0; i < p->deflated_count; i++) {
    if (same_agreement(&p->deflated[i].agreement, &conn->deflate)) return &p->deflated[i];
  }
  if (p->deflated_count == FORMS_MAX) return &p->plain;
  form *f = &p->deflated[p->deflated_count];
  *f = (form){.agreement = conn->deflate};
  if (!encode_deflated(p, deflate, f)) return NULL;
  p->deflated_count++;
  return f;
}

static void release_form(form *f) {
  lw_block_release(f->frame.block);
  lw_block_release(f->held);
}

/* --- holding back --- */

/* The frame in a block of its own, so that it keeps nothing else in memory, and behind it what is
 * replaced by its like: the key, and the topic that it belongs to. */
static lw_block *held_block(const lw_publication *m, const lw_shared_frame *frame) {
  size_t label_size = m->key != NULL ? 1 + m->key_size + m->topic_size : 0;
  lw_block *block = lw_block_new(frame->size + label_size);
  if (block == NULL) return NULL;
  memcpy(block->data, frame->data, frame->size);
  block->size = block->capacity;
  if (label_size == 0) return block;
  uint8_t *label = block->data + frame->size;
  label[0] = (uint8_t)m->key_size;
  memcpy(label + 1, m->key, m->key_size);
  memcpy(label + 1 + m->key_size, m->topic, m->topic_size);
  return block;
}

static bool describe_held(publishing *p, form *f, lw_held_message *message) {
  const lw_publication *m = p->publication;
  if (f->held == NULL) f->held = held_block(m, &f->frame);
  if (f->held == NULL) return false;
  *message = (lw_held_message){f->held, f->frame.size, 0, m->key != NULL, f->frame.is_deflated};
  if (m->key == NULL) return true;
  if (p->label_hash == 0) {
    lw_slice label = {(const char *)f->held->data + f->frame.size, f->held->size - f->frame.size};
    p->label_hash = lw_topics_hash(p->server->topics, label);
  }
  message->label_hash = p->label_hash;
  return true;
}

/* --- delivering --- */

static bool fits(const lw_conn *conn, size_t waiting, size_t size) {
  return waiting == 0 || waiting + size <= conn->settings->limits.max_buffered;
}

static bool out_of_memory(lw_conn *conn) {
  lw__conn_finish_uv(conn, UV_ENOMEM);
  return false;
}

static bool too_slow(lw_conn *conn) {
  lw__conn_too_slow(conn);
  return false;
}

static bool hold_back(publishing *p, lw_member *member, form *f) {
  lw_conn *conn = member->conn;
  lw_held *held = &member->held;
  lw_held_message message;
  if (!describe_held(p, f, &message)) return out_of_memory(conn);
  lw_held_message *old = lw_held_find(held, &message);
  size_t waiting = lw_conn_buffered(conn) - (old != NULL ? old->size : 0);
  bool has_room = old != NULL || held->count < LW_HELD_MAX;
  if (!has_room || !fits(conn, waiting, message.size)) return too_slow(conn);
  lw__loop_unsettle(conn->loop, conn);
  return lw_held_put(held, old, &message) || out_of_memory(conn);
}

/* A keyed message waits while more than high_water does, and while an older one of its key waits;
 * any message waits while a streamed one is under way, because frames of two must not mix. */
static bool must_hold(const publishing *p, const lw_member *member, size_t waiting) {
  const lw_conn *conn = member->conn;
  if (conn->session.sending != 0) return true;
  if (p->publication->key == NULL) return false;
  return member->held.count > 0 || waiting > conn->settings->limits.high_water;
}

/* True when the connection took the message. It may end the connection, and touches no other. */
static bool deliver(publishing *p, lw_member *member) {
  lw_conn *conn = member->conn;
  form *f = form_for(p, conn);
  if (f == NULL) return out_of_memory(conn);
  size_t waiting = lw_conn_buffered(conn);
  if (must_hold(p, member, waiting)) return hold_back(p, member, f);
  if (!fits(conn, waiting, f->frame.size)) return too_slow(conn);
  if (!lw__member_add(member, &f->frame)) return out_of_memory(conn);
  lw__conn_active(conn);
  if (waiting + f->frame.size >= LW_FLUSH_SIZE) lw__conn_flush(conn);
  return true;
}

/* From the last to the first, because a connection that ends meanwhile leaves the topic. */
static size_t deliver_to_all(publishing *p, const lw_topic *topic) {
  size_t count = 0;
  for (uint32_t i = lw_topic_count(topic); i-- > 0;) {
    lw_member *member = (lw_member *)lw_topic_subscriber(topic, i);
    if (member->conn != p->publication->except) count += deliver(p, member);
  }
  return count;
}

lw_send_result lw_server_publish(lw_server *server, const lw_publication *publication,
                                 size_t *deliveries) {
  const lw_outgoing *message = publication->message;
  lw_utf8 text = 0;
  *deliveries = 0;
  size_t key_size = publication->key != NULL ? publication->key_size : 0;
  if (publication->topic_size > LW_TOPIC_MAX || key_size > LW_TOPIC_MAX) {
    return LW_SEND_TOPIC_TOO_LONG;
  }
  bool is_valid = message->kind == LW_BINARY || lw__outgoing_is_text(message, &text);
  if (!is_valid || text != 0) return LW_SEND_UTF8;
  if (server->topics == NULL || server->loop == NULL) return LW_SEND_OK;
  lw_slice name = {publication->topic, publication->topic_size};
  const lw_topic *topic = lw_topics_find(server->topics, name);
  if (topic == NULL) return LW_SEND_OK;

  publishing p = {.publication = publication, .server = server};
  if (!encode_plain(&p)) return LW_SEND_NOMEM;
  *deliveries = deliver_to_all(&p, topic);
  server->stats.messages_out += *deliveries;
  server->stats.bytes_out += *deliveries * p.payload_size;
  release_form(&p.plain);
  for (unsigned i = 0; i < p.deflated_count; i++) release_form(&p.deflated[i]);
  return LW_SEND_OK;
}
