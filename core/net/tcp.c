#include "tcp.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"

/* On the stack, so not many: what the kernel takes at once is seldom more than this. */
#define SEND_PIECES 64
/* How often one wake-up receives or sends at most, so that a busy socket does not starve others. */
#define RECEIVES_MAX 4
#define SENDS_MAX 16

/* Small: there may be hundreds of thousands of idle connections. What each message touches is
 * before the peer. */
struct tcp {
  lw_transport head;
  lw_out *out; /* what the kernel did not take yet, or NULL */
  lw__watch watch;
  bool is_unix : 1;
  bool is_reading : 1, has_ended : 1, must_shut : 1;
  bool awaits_room : 1; /* of a file the kernel did not take all */
  bool is_tls : 1;      /* the kernel encrypts */
  uint8_t record_type;  /* of TLS, which `out` is to be; 0: application data, or plain bytes */
  lw__peer peer;
};

static struct tcp *of_transport(const lw_transport *t) {
  return (struct tcp *)t;
}

static struct tcp *of_watch(lw__watch *watch) {
  return (struct tcp *)(void *)((char *)watch - offsetof(struct tcp, watch));
}

static bool is_closed(const struct tcp *tcp) {
  return tcp->watch.is_stopped;
}

/* Tells the poller what is of interest now. */
static int watch(struct tcp *tcp) {
  bool is_sending = tcp->out != NULL || tcp->awaits_room;
  int wanted = (tcp->is_reading ? UV_READABLE : 0) | (is_sending ? UV_WRITABLE : 0);
  return lw__watch_want(tcp->head.net->poller, &tcp->watch, wanted);
}

static size_t total(const uv_buf_t *pieces, unsigned count) {
  size_t size = 0;
  for (unsigned i = 0; i < count; i++) size += pieces[i].len;
  return size;
}

/* --- reading --- */

static void end_reading(struct tcp *tcp, int error) {
  tcp->is_reading = false;
  tcp->has_ended = true;
  watch(tcp);
  tcp->head.events->on_end(tcp->head.owner, error);
}

/* Where to receive: the owner's own room, if it has any, and the shared buffer behind it. */
static unsigned find_places(const lw_transport *t, uv_buf_t places[2]) {
  size_t size;
  unsigned count = 0;
  uint8_t *room = lw__transport_room(t, &size);
  if (room != NULL) {
    places[count].base = (char *)room;
    places[count++].len = size;
  }
  places[count].base = t->net->receive;
  places[count++].len = LW_NET_RECEIVE_SIZE;
  return count;
}

/* Hands on what came, place by place. */
static void hand_on(struct tcp *tcp, const uv_buf_t *places, size_t size) {
  lw_transport *t = &tcp->head;
  for (; size > 0 && !is_closed(tcp); places++) {
    size_t part = size < places->len ? size : places->len;
    t->events->on_read(t->owner, (uint8_t *)places->base, part);
    size -= part;
  }
}

/* Receiving less than there is room for means that there is no more, and asking again is wasted;
 * but a unix socket also stops at descriptors that the peer passes. */
static void receive(struct tcp *tcp) {
  for (int i = 0; i < RECEIVES_MAX && tcp->is_reading; i++) {
    uv_buf_t places[2];
    unsigned count = find_places(&tcp->head, places);
    ssize_t size = lw__socket_receive(tcp->watch.socket, places, count);
    if (size == UV_EAGAIN) {
      lw__watch_blocked(&tcp->watch, UV_READABLE);
      return;
    }
    if (size <= 0) {
      end_reading(tcp, size == 0 ? UV_EOF : (int)size);
      return;
    }
    if ((size_t)size < total(places, count) && !tcp->is_unix) lw__watch_drained(&tcp->watch);
    hand_on(tcp, places, (size_t)size);
    if (!lw__watch_is_ready(&tcp->watch, UV_READABLE)) return;
  }
}

static int tcp_read_start(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  if (tcp->has_ended) return 0; /* the end would be reported again */
  tcp->is_reading = !is_closed(tcp);
  return watch(tcp);
}

static void tcp_read_stop(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  tcp->is_reading = false;
  watch(tcp);
}

/* --- writing --- */

static ssize_t send_pieces(struct tcp *tcp, const uv_buf_t *pieces, unsigned count) {
#if LW__SOCKET_ENCRYPTS
  if (tcp->record_type != 0)
    return lw__socket_send_record(tcp->watch.socket, pieces, count, tcp->record_type);
#endif
  return lw__socket_send(tcp->watch.socket, pieces, count);
}

/* Sends until all is sent (0), it is enough for now (UV_EAGAIN) or it fails. Less than was offered
 * means that the socket is full; who encrypts may have had other reasons, so it is asked again. */
static int send_now(struct tcp *tcp, lw_out *out) {
  uv_buf_t pieces[SEND_PIECES];
  for (int i = 0; i < SENDS_MAX && lw_out_size(out) > 0; i++) {
    unsigned count = lw_out_pieces(out, pieces, SEND_PIECES);
    ssize_t sent = send_pieces(tcp, pieces, count);
    if (sent > 0) lw_out_advance(out, (size_t)sent);
    if (lw_out_size(out) == 0) return 0;
    if (sent == (ssize_t)total(pieces, count) || (sent > 0 && tcp->is_tls)) continue;
    if (sent < 0 && sent != UV_EAGAIN) return (int)sent;
    lw__watch_blocked(&tcp->watch, UV_WRITABLE); /* the socket is full: asking again is wasted */
    return UV_EAGAIN;
  }
  return lw_out_size(out) > 0 ? UV_EAGAIN : 0;
}

/* The kernel takes more of what was kept. */
static void send_kept(struct tcp *tcp) {
  lw_transport *t = &tcp->head;
  int result = send_now(tcp, tcp->out);
  if (result == UV_EAGAIN) return;
  lw_out_give(t->net->outs, tcp->out);
  tcp->out = NULL;
  tcp->record_type = 0;
  if (tcp->must_shut) lw__socket_shut(tcp->watch.socket); /* reading sees what goes wrong */
  t->events->on_written(t->owner, result);
  watch(tcp); /* not before: often there is more to write at once */
}

static int tcp_write(lw_transport *t, lw_out *out) {
  struct tcp *tcp = of_transport(t);
  int result = tcp->out != NULL ? UV_EBUSY : is_closed(tcp) ? UV_EBADF : send_now(tcp, out);
  if (result == UV_EAGAIN) {
    tcp->out = out;
    result = watch(tcp);
    if (result == 0) return 0;
    tcp->out = NULL;
  }
  lw_out_give(t->net->outs, out);
  return result == 0 ? 1 : result;
}

#if LW__SOCKET_ENCRYPTS
static int tcp_start_tls(lw_transport *t, const void *keys, size_t size) {
  struct tcp *tcp = of_transport(t);
  if (tcp->out != NULL || tcp->awaits_room) return UV_EBUSY;
  if (is_closed(tcp)) return UV_EBADF;
  int result = lw__socket_start_tls(tcp->watch.socket, keys, size);
  tcp->is_tls = result == 0;
  return result;
}

static int tcp_write_record(lw_transport *t, lw_out *out, uint8_t type) {
  struct tcp *tcp = of_transport(t);
  if (tcp->out == NULL) tcp->record_type = type;
  int result = tcp_write(t, out);
  if (tcp->out == NULL) tcp->record_type = 0;
  return result;
}
#else
#define tcp_start_tls NULL
#define tcp_write_record NULL
#endif

static size_t tcp_unwritten(const lw_transport *t) {
  const struct tcp *tcp = of_transport(t);
  return tcp->out != NULL ? lw_out_size(tcp->out) : 0;
}

#if LW__SOCKET_SENDS_FILES
/* As with send_now, less than all is asked for again where the kernel encrypts. */
static ssize_t send_file_now(const struct tcp *tcp, uv_file file, uint64_t offset, size_t size) {
  size_t sent = 0;
  ssize_t result;
  do {
    result = lw__socket_send_file(tcp->watch.socket, file, offset + sent, size - sent);
    if (result > 0) sent += (size_t)result;
  } while (result > 0 && sent < size && tcp->is_tls);
  return sent > 0 ? (ssize_t)sent : result;
}

static ssize_t tcp_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size) {
  struct tcp *tcp = of_transport(t);
  if (tcp->out != NULL || tcp->awaits_room) return UV_EBUSY;
  if (is_closed(tcp)) return UV_EBADF;
  ssize_t sent = send_file_now(tcp, file, offset, size);
  if (sent == 0) return UV_EOF;
  if (sent == (ssize_t)size || (sent < 0 && sent != UV_EAGAIN)) return sent;
  lw__watch_blocked(&tcp->watch, UV_WRITABLE);
  tcp->awaits_room = true;
  int error = watch(tcp);
  return error != 0 ? error : sent > 0 ? sent : 0;
}
#else
#define tcp_send_file NULL
#endif

static void tell_of_room(struct tcp *tcp) {
  tcp->awaits_room = false;
  tcp->head.events->on_written(tcp->head.owner, 0);
  watch(tcp); /* not before: there is more to send, as a rule */
}

/* --- both --- */

static void on_ready(lw__watch *watch, int events) {
  struct tcp *tcp = of_watch(watch);
  if ((events & UV_READABLE) != 0) receive(tcp);
  if ((events & UV_WRITABLE) != 0 && tcp->out != NULL) {
    send_kept(tcp);
  } else if ((events & UV_WRITABLE) != 0 && tcp->awaits_room) {
    tell_of_room(tcp);
  }
}

/* --- ending --- */

static int tcp_shutdown(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  if (is_closed(tcp)) return UV_EBADF;
  tcp->must_shut = true;
  if (tcp->out == NULL) lw__socket_shut(tcp->watch.socket); /* reading sees what goes wrong */
  return 0;
}

static void on_stopped(lw__watch *watch) {
  struct tcp *tcp = of_watch(watch);
  const lw_transport_events *events = tcp->head.events;
  void *owner = tcp->head.owner;
  tcp->head.net->live--;
  free(tcp);
  if (events != NULL) events->on_closed(owner);
}

static void tcp_close(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  if (is_closed(tcp)) return;
  tcp->is_reading = tcp->awaits_room = false;
  lw__watch_stop(t->net->poller, &tcp->watch);
  lw__socket_close(tcp->watch.socket);
  if (tcp->out != NULL) lw_out_give(t->net->outs, tcp->out);
  tcp->out = NULL;
}

/* --- the peer --- */

static int tcp_peer(const lw_transport *t, char *address, size_t size, int *port) {
  struct sockaddr_storage peer;
  lw__peer_get(&of_transport(t)->peer, &peer);
  return lw__address_text(&peer, address, size, port);
}

static int unix_peer(const lw_transport *t, char *path, size_t size, int *port) {
  *port = 0;
  const struct tcp *tcp = of_transport(t);
  return is_closed(tcp) ? UV_EBADF : lw__socket_peer_path(tcp->watch.socket, path, size);
}

/* --- making one --- */

#define KIND(name, peer, start_tls, write_record)                                                  \
  {                                                                                                \
    name, tcp_read_start, tcp_read_stop, tcp_write, tcp_unwritten, tcp_shutdown, tcp_close, peer,  \
        tcp_send_file, start_tls, write_record, NULL                                               \
  }
static const lw_transport_kind tcp_kind = KIND("tcp", tcp_peer, tcp_start_tls, tcp_write_record);
static const lw_transport_kind unix_kind = KIND("unix", unix_peer, NULL, NULL);

static const lw__watch_events watch_events = {on_ready, on_stopped};

static struct tcp *new_tcp(lw_net *net, lw__socket socket, int *error) {
  struct tcp *tcp =
      malloc(sizeof *tcp); /* unlike calloc, glibc's soon gives out again what was freed */
  *error = UV_ENOMEM;
  if (tcp == NULL) return NULL;
  *tcp = (struct tcp){0};
  *error = lw__watch_start(net->poller, &tcp->watch, socket, &watch_events);
  if (*error == 0) return tcp;
  free(tcp);
  return NULL;
}

lw_transport *lw_tcp_new(lw_net *net, lw__socket socket, const struct sockaddr_storage *peer,
                         int *error) {
  struct tcp *tcp = new_tcp(net, socket, error);
  if (tcp == NULL) {
    lw__socket_close(socket);
    return NULL;
  }
  tcp->is_unix = peer->ss_family == AF_UNIX;
  tcp->head.kind = tcp->is_unix ? &unix_kind : &tcp_kind;
  tcp->head.net = net;
  lw__peer_set(&tcp->peer, peer);
  net->live++;
  return &tcp->head;
}
