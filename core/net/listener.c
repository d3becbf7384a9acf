#include "listener.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "listen_socket.h"
#include "tcp.h"

/* How many connections one turn of the loop accepts at most, so that a flood of new ones does not
 * starve the old. */
#define ACCEPT_BATCH 64
/* How long accepting rests when the system has no memory or descriptor for it. */
#define ACCEPT_REST_MS 100

/* libuv's own listening (uv_listen) drops connections silently when descriptors run out, and
 * repeats for ever when memory does; so accepting is done here. */
struct lw_listener {
  lw_net *net;
  const lw_listener_events *events;
  void *owner;
  lw__listen_socket socket;
  int reserve; /* a descriptor to give up when there are no others, or -1 */
  bool is_closing;
  unsigned handles; /* not yet closed */
  lw__watch watch;
  uv_timer_t rest;
};

static lw_listener *of_watch(lw__watch *watch) {
  return (lw_listener *)(void *)((char *)watch - offsetof(lw_listener, watch));
}

static lw_listener *of_timer(void *timer) {
  return (lw_listener *)(void *)((char *)timer - offsetof(lw_listener, rest));
}

static int open_reserve(void) {
  return open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void close_fd(int fd) {
  if (fd >= 0) close(fd);
}

/* --- accepting --- */

static int listen_for(lw_listener *listener, int events) {
  return lw__watch_want(listener->net->poller, &listener->watch, events);
}

static void on_rested(uv_timer_t *timer) {
  listen_for(of_timer(timer), UV_READABLE);
}

static void rest(lw_listener *listener) {
  listen_for(listener, 0);
  uv_timer_start(&listener->rest, on_rested, ACCEPT_REST_MS, 0);
}

/* Accepting goes on at once or, when `must_rest`, a moment later. Tells whether at once. */
static bool report(lw_listener *listener, int error, bool must_rest) {
  if (must_rest) rest(listener);
  listener->events->on_accept_error(listener->owner, error);
  return !must_rest;
}

/* Everybody who waited was accepted. */
static bool stop_accepting(lw_listener *listener) {
  lw__watch_blocked(&listener->watch, UV_READABLE);
  return false;
}

static bool deliver(lw_listener *listener, lw__socket socket, struct sockaddr_storage *peer) {
  int error;
  if (listener->socket.path != NULL) peer->ss_family = AF_UNIX; /* some systems leave it out */
  lw_transport *t = lw_tcp_new(listener->net, socket, peer, &error);
  if (t == NULL) return report(listener, error, false);
  listener->events->on_accept(listener->owner, t);
  return true;
}

/* The process is out of descriptors: accepts with the reserved one and hangs up, for a connection
 * that just waits would wake the loop again and again. */
static bool drop_one(lw_listener *listener, int error) {
  struct sockaddr_storage peer;
  lw__socket socket;
  close_fd(listener->reserve);
  int second_error = lw__socket_accept(&socket, listener->socket.fd, &peer);
  if (second_error == 0) lw__socket_close(socket);
  listener->reserve = open_reserve();
  if (second_error == 0) return report(listener, error, false);
  if (second_error == UV_EAGAIN) return stop_accepting(listener);
  return report(listener, error, true);
}

/* What accept says about a connection that is gone again, not about us. */
static bool is_peers_error(int error) {
  switch (error) {
  case UV_EINTR:
  case UV_ECONNABORTED:
  case UV_EPROTO:
  case UV_ENETDOWN:
  case UV_ENETUNREACH:
  case UV_EHOSTUNREACH:
    return true;
  default:
    return false;
  }
}

/* Tells whether to try the next one now. */
static bool accept_one(lw_listener *listener) {
  struct sockaddr_storage peer;
  lw__socket socket;
  int error = lw__socket_accept(&socket, listener->socket.fd, &peer);
  if (error == 0) return deliver(listener, socket, &peer);
  if (error == UV_EAGAIN) return stop_accepting(listener);
  if (is_peers_error(error)) return true;
  if (error == UV_EMFILE || error == UV_ENFILE) return drop_one(listener, error);
  return report(listener, error, true);
}

static void on_ready(lw__watch *watch, int events) {
  lw_listener *listener = of_watch(watch);
  (void)events;
  for (int i = 0; i < ACCEPT_BATCH && !listener->is_closing; i++)
    if (!accept_one(listener)) break;
}

/* --- opening and closing --- */

static void handle_closed(lw_listener *listener) {
  if (--listener->handles > 0) return;
  const lw_listener_events *events = listener->events;
  void *owner = listener->owner;
  listener->net->live--;
  free(listener);
  events->on_closed(owner);
}

static void on_stopped(lw__watch *watch) {
  handle_closed(of_watch(watch));
}

static const lw__watch_events watch_events = {on_ready, on_stopped};

static int start(lw_listener *listener) {
  listener->reserve = open_reserve();
  if (listener->reserve < 0) return uv_translate_sys_error(errno);
  lw_poller *poller = listener->net->poller;
  int error = lw__watch_start(poller, &listener->watch, listener->socket.fd, &watch_events);
  if (error != 0) return error;
  uv_timer_init(listener->net->uv, &listener->rest);
  listener->handles = 2;
  listen_for(listener, UV_READABLE);
  return 0;
}

int lw_listener_open(lw_listener **result, lw_net *net, const lw_listen_address *address,
                     const lw_listener_events *events, void *owner) {
  lw_listener *listener = calloc(1, sizeof *listener);
  if (listener == NULL) return UV_ENOMEM;
  listener->net = net;
  listener->events = events;
  listener->owner = owner;
  listener->reserve = -1;
  int error = lw__listen_socket_open(&listener->socket, address);
  if (error == 0) {
    error = start(listener);
    if (error != 0) lw__listen_socket_close(&listener->socket);
  }
  if (error != 0) {
    close_fd(listener->reserve);
    free(listener);
    return error;
  }
  net->live++;
  *result = listener;
  return 0;
}

static void on_timer_closed(uv_handle_t *handle) {
  handle_closed(of_timer(handle));
}

void lw_listener_close(lw_listener *listener) {
  if (listener->is_closing) return;
  listener->is_closing = true;
  lw__watch_stop(listener->net->poller, &listener->watch);
  uv_close((uv_handle_t *)&listener->rest, on_timer_closed);
  lw__listen_socket_close(&listener->socket); /* the port is free at once */
  close_fd(listener->reserve);
  listener->reserve = -1;
}

int lw_listener_address(const lw_listener *listener, char *address, size_t size, int *port) {
  return lw__listen_socket_address(&listener->socket, address, size, port);
}
