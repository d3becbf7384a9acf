/* The floor on raw epoll: epoll_echo PORT. cc -O3 -o epoll_echo epoll_echo.c -lcrypto */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "floor.h"

typedef struct conn {
  int fd;
  floor_conn state;
} conn;

static uint8_t buffer[FLOOR_BUFFER + 1];
static int poller;

static void watch(int fd, void *owner) {
  struct epoll_event event = {.events = EPOLLIN, .data.ptr = owner};
  epoll_ctl(poller, EPOLL_CTL_ADD, fd, &event);
}

static void drop(conn *c) {
  close(c->fd);
  free(c->state.kept);
  free(c);
}

/* Waits for a peer that is slow: this is a floor, no server. */
static bool write_all(int fd, const uint8_t *data, size_t size) {
  while (size > 0) {
    ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      struct pollfd wait = {.fd = fd, .events = POLLOUT};
      if (poll(&wait, 1, 1000) != 1) return false;
      continue;
    }
    data += sent;
    size -= (size_t)sent;
  }
  return true;
}

static bool answer(conn *c, size_t size) {
  char text[256];
  buffer[size] = '\0';
  size_t length = floor_upgrade((const char *)buffer, text);
  c->state.is_open = length > 0;
  return length > 0 && write_all(c->fd, (const uint8_t *)text, length);
}

static bool is_close(const uint8_t *data) {
  return (data[0] & 0x0f) == 8;
}

static bool echo(conn *c, size_t size) {
  uint8_t *data = buffer;
  size_t used;
  if (is_close(data) && c->state.kept_size == 0) {
    static const uint8_t close_frame[2] = {0x88, 0};
    write_all(c->fd, close_frame, sizeof close_frame);
    return false;
  }
  size_t out = floor_echo(data, size, &used);
  if (out > 0 && !write_all(c->fd, data, out)) return false;
  return floor_keep(&c->state, data + used, size - used);
}

static void on_readable(conn *c) {
  size_t kept = c->state.kept_size;
  if (kept > 0) memcpy(buffer, c->state.kept, kept);
  ssize_t size = recv(c->fd, buffer + kept, FLOOR_BUFFER - kept, 0);
  bool alive = size > 0;
  if (alive) alive = c->state.is_open ? echo(c, kept + (size_t)size) : answer(c, (size_t)size);
  if (!alive) drop(c);
}

static void on_accept(int listener) {
  int on = 1;
  conn *c = calloc(1, sizeof *c);
  if (c == NULL) return;
  c->fd = accept4(listener, NULL, NULL, SOCK_NONBLOCK);
  if (c->fd < 0) {
    free(c);
    return;
  }
  setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  watch(c->fd, c);
}

int main(int count, char **arguments) {
  int on = 1, listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in address = {.sin_family = AF_INET,
                                .sin_port = htons((uint16_t)(count > 1 ? atoi(arguments[1]) : 0))};
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(listener, (struct sockaddr *)&address, sizeof address) != 0) return 1;
  if (listen(listener, 511) != 0) return 1;
  poller = epoll_create1(0);
  watch(listener, NULL);
  for (;;) {
    struct epoll_event events[1024];
    int ready = epoll_wait(poller, events, 1024, -1);
    for (int i = 0; i < ready; i++) {
      if (events[i].data.ptr == NULL) {
        on_accept(listener);
      } else {
        on_readable(events[i].data.ptr);
      }
    }
  }
}
