#include "transport.h"

/* macOS refuses to receive more than INT_MAX, and so does OpenSSL. */
#define ROOM_MAX ((size_t)1 << 30)

void lw_transport_adopt(lw_transport *t, const lw_transport_events *events, void *owner) {
  t->events = events;
  t->owner = owner;
}

int lw_transport_read_start(lw_transport *t) {
  return t->kind->read_start(t);
}

void lw_transport_read_stop(lw_transport *t) {
  t->kind->read_stop(t);
}

int lw_transport_write(lw_transport *t, lw_out *out) {
  return t->kind->write(t, out);
}

bool lw_transport_sends_files(const lw_transport *t) {
  return t->kind->send_file != NULL;
}

ssize_t lw_transport_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size) {
  return t->kind->send_file(t, file, offset, size);
}

bool lw_transport_can_start_tls(const lw_transport *t) {
  return t->kind->start_tls != NULL;
}

int lw_transport_start_tls(lw_transport *t, const void *keys, size_t size) {
  return t->kind->start_tls(t, keys, size);
}

int lw_transport_write_record(lw_transport *t, lw_out *out, uint8_t type) {
  return t->kind->write_record(t, out, type);
}

size_t lw_transport_unwritten(const lw_transport *t) {
  return t->kind->unwritten(t);
}

uint8_t *lw__transport_room(const lw_transport *t, size_t *size) {
  if (t->events->on_room == NULL) return NULL;
  uint8_t *room = t->events->on_room(t->owner, size);
  if (room != NULL && *size > ROOM_MAX) *size = ROOM_MAX;
  return room;
}

void lw_transport_pass_on(lw_transport *t, uint8_t *data, size_t size) {
  t->events->on_read(t->owner, data, size);
}

int lw_transport_shutdown(lw_transport *t) {
  return t->kind->shutdown(t);
}

void lw_transport_close(lw_transport *t) {
  t->kind->close(t);
}

const lw_transport_failure *lw_transport_failure_of(const lw_transport *t) {
  return t != NULL && t->kind->failure != NULL ? t->kind->failure(t) : NULL;
}

int lw_transport_peer(const lw_transport *t, char *address, size_t size, int *port) {
  return t->kind->peer(t, address, size, port);
}
