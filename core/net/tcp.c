#include "tcp.h"

#include <stdlib.h>
#include <string.h>

#include "address.h"

/* On the stack, so not many: what the kernel takes at once is seldom more than this. */
#define TRY_PIECES 64
/* The most that one writev takes on all systems. */
#define QUEUE_PIECES 1024

struct tcp {
  lw_transport head;
  size_t beyond; /* bytes of the kept lw_out that come after the write under way */
  bool has_ended, is_writing, must_shut, is_shut;
  /* Goes on as a uv_tcp_t or a uv_pipe_t. Only as much is allocated as the kind needs: there may be
   * hundreds of thousands of idle connections. */
  uv_stream_t stream;
};

static struct tcp *of_transport(const lw_transport *t) {
  return (struct tcp *)t;
}

static struct tcp *of_stream(const void *stream) {
  return (struct tcp *)(void *)((char *)stream - offsetof(struct tcp, stream));
}

static bool is_unix(const struct tcp *tcp) {
  return tcp->stream.type == UV_NAMED_PIPE;
}

/* --- reading --- */

static void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)suggested;
  buffer->base = of_stream(handle)->head.net->receive;
  buffer->len = LW_NET_RECEIVE_SIZE;
}

/* libuv asks its own flags before each further read, so a read_stop or close in here is the end. */
static void on_uv_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  struct tcp *tcp = of_stream(stream);
  lw_transport *t = &tcp->head;
  if (size > 0) {
    t->events->on_read(t->owner, (uint8_t *)buffer->base, (size_t)size);
  } else if (size < 0) {
    tcp->has_ended = true;
    uv_read_stop(stream);
    t->events->on_end(t->owner, (int)size);
  }
}

static int tcp_read_start(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  if (tcp->has_ended) return 0; /* libuv would report the end again */
  int error = uv_read_start(&tcp->stream, lend_buffer, on_uv_read);
  return error == UV_EALREADY ? 0 : error;
}

static void tcp_read_stop(lw_transport *t) {
  uv_read_stop(&of_transport(t)->stream);
}

/* --- writing --- */

static size_t total(const uv_buf_t *pieces, unsigned count) {
  size_t size = 0;
  for (unsigned i = 0; i < count; i++) size += pieces[i].len;
  return size;
}

/* Writes until all is written (0), the kernel takes no more (UV_EAGAIN) or it fails. */
static int write_now(struct tcp *tcp, lw_out *out) {
  uv_buf_t pieces[TRY_PIECES];
  while (lw_out_size(out) > 0) {
    unsigned count = lw_out_pieces(out, pieces, TRY_PIECES);
    size_t size = total(pieces, count);
    int written = uv_try_write(&tcp->stream, pieces, count);
    if (written < 0) return written;
    lw_out_advance(out, (size_t)written);
    if ((size_t)written < size) return UV_EAGAIN; /* the socket is full: asking again is wasted */
  }
  return 0;
}

static void on_uv_written(uv_write_t *request, int status);
static int shut(struct tcp *tcp);

/* libuv copies the array, which may therefore live on the stack. */
static int write_later(struct tcp *tcp, lw_out *out) {
  uv_buf_t pieces[QUEUE_PIECES];
  unsigned count = lw_out_pieces(out, pieces, QUEUE_PIECES);
  int error = uv_write(lw_out_request(out), &tcp->stream, pieces, count, on_uv_written);
  tcp->is_writing = error == 0;
  tcp->beyond = error == 0 ? lw_out_size(out) - total(pieces, count) : 0;
  return error;
}

static void on_uv_written(uv_write_t *request, int status) {
  struct tcp *tcp = of_stream(request->handle);
  lw_out *out = lw_out_of_request(request);
  lw_transport *t = &tcp->head;
  bool is_closing = uv_is_closing((uv_handle_t *)&tcp->stream);
  if (status == 0 && tcp->beyond > 0 && !is_closing) {
    lw_out_advance(out, lw_out_size(out) - tcp->beyond);
    status = write_later(tcp, out);
    if (status == 0) return;
  }
  tcp->is_writing = false;
  tcp->beyond = 0;
  lw_out_give(t->net->outs, out);
  if (is_closing) return;
  if (tcp->must_shut) shut(tcp);
  t->events->on_written(t->owner, status);
}

static int tcp_write(lw_transport *t, lw_out *out) {
  struct tcp *tcp = of_transport(t);
  int result = tcp->is_writing ? UV_EBUSY : write_now(tcp, out);
  if (result == UV_EAGAIN) {
    result = write_later(tcp, out);
    if (result == 0) return 0;
  }
  lw_out_give(t->net->outs, out);
  return result == 0 ? 1 : result;
}

static size_t tcp_unwritten(const lw_transport *t) {
  const struct tcp *tcp = of_transport(t);
  return uv_stream_get_write_queue_size(&tcp->stream) + tcp->beyond;
}

/* --- ending --- */

static void on_uv_shut(uv_shutdown_t *request, int status) {
  (void)status; /* reading sees what went wrong */
  free(request);
}

static int shut(struct tcp *tcp) {
  tcp->must_shut = false;
  uv_shutdown_t *request = malloc(sizeof *request);
  if (request == NULL) return UV_ENOMEM;
  int error = uv_shutdown(request, &tcp->stream, on_uv_shut);
  if (error != 0) free(request);
  tcp->is_shut = error == 0;
  return error;
}

static int tcp_shutdown(lw_transport *t) {
  struct tcp *tcp = of_transport(t);
  if (tcp->is_shut) return 0;
  if (tcp->beyond == 0) return shut(tcp);
  /* libuv would end our direction after the write under way, which is not the last one. */
  tcp->must_shut = true;
  return 0;
}

static void on_uv_closed(uv_handle_t *handle) {
  struct tcp *tcp = of_stream(handle);
  const lw_transport_events *events = tcp->head.events;
  void *owner = tcp->head.owner;
  tcp->head.net->live--;
  free(tcp);
  if (events != NULL) events->on_closed(owner);
}

static void tcp_close(lw_transport *t) {
  uv_handle_t *handle = (uv_handle_t *)&of_transport(t)->stream;
  if (!uv_is_closing(handle)) uv_close(handle, on_uv_closed);
}

/* --- the peer --- */

static int unix_peer(const struct tcp *tcp, char *path, size_t size, int *port) {
  size_t length = size;
  *port = 0;
  int error = uv_pipe_getpeername((const uv_pipe_t *)&tcp->stream, path, &length);
  if (error != 0) return error;
  if (length > 0 && path[0] == '\0') path[0] = '@'; /* Linux's names that are no files */
  path[length] = '\0';
  return 0;
}

static int tcp_peer(const lw_transport *t, char *address, size_t size, int *port) {
  const struct tcp *tcp = of_transport(t);
  if (is_unix(tcp)) return unix_peer(tcp, address, size, port);
  struct sockaddr_storage peer;
  int length = sizeof peer;
  int error = uv_tcp_getpeername((const uv_tcp_t *)&tcp->stream, (struct sockaddr *)&peer, &length);
  return error != 0 ? error : lw__address_text(&peer, address, size, port);
}

/* --- making one --- */

#define KIND(name)                                                                                 \
  {                                                                                                \
    name, tcp_read_start, tcp_read_stop, tcp_write, tcp_unwritten, tcp_shutdown, tcp_close,        \
        tcp_peer                                                                                   \
  }
static const lw_transport_kind tcp_kind = KIND("tcp");
static const lw_transport_kind unix_kind = KIND("unix");

lw_transport *lw_tcp_new(lw_net *net, bool is_unix_socket, int *error) {
  size_t handle_size = is_unix_socket ? sizeof(uv_pipe_t) : sizeof(uv_tcp_t);
  struct tcp *tcp = calloc(1, offsetof(struct tcp, stream) + handle_size);
  if (tcp == NULL) {
    *error = UV_ENOMEM;
    return NULL;
  }
  tcp->head.kind = is_unix_socket ? &unix_kind : &tcp_kind;
  tcp->head.net = net;
  *error = is_unix_socket ? uv_pipe_init(net->uv, (uv_pipe_t *)&tcp->stream, 0)
                          : uv_tcp_init(net->uv, (uv_tcp_t *)&tcp->stream);
  if (*error != 0) {
    free(tcp);
    return NULL;
  }
  net->live++;
  return &tcp->head;
}

uv_stream_t *lw_tcp_stream(lw_transport *t) {
  return &of_transport(t)->stream;
}
