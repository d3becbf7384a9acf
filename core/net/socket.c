#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* for accept4 */
#endif
#include "socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#if defined(__linux__)
#include <sys/sendfile.h>
#elif defined(__APPLE__)
#include <sys/uio.h>
#endif
#if LW__SOCKET_ENCRYPTS
#include <linux/tls.h>
#endif

#ifndef MSG_NOSIGNAL
#define MSG_NOSIGNAL 0 /* macOS: the socket itself is told, in prepare */
#endif

static int last_error(void) {
  return uv_translate_sys_error(errno);
}

static int result_of(int returned) {
  return returned == 0 ? 0 : last_error();
}

int lw__socket_set(lw__socket s, int level, int option, int value) {
  return result_of(setsockopt(s, level, option, &value, sizeof value));
}

/* --- making and ending --- */

#ifndef SOCK_CLOEXEC
static void configure(lw__socket s) {
  fcntl(s, F_SETFD, FD_CLOEXEC);
  fcntl(s, F_SETFL, O_NONBLOCK);
}
#endif

/* A listening socket hands these on to the sockets that it accepts. */
static void prepare(lw__socket s, int family) {
#ifdef SO_NOSIGPIPE
  lw__socket_set(s, SOL_SOCKET, SO_NOSIGPIPE, 1);
#endif
  if (family != AF_UNIX) lw__socket_set(s, IPPROTO_TCP, TCP_NODELAY, 1);
}

int lw__socket_open(lw__socket *result, int family) {
#ifdef SOCK_CLOEXEC
  *result = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
#else
  *result = socket(family, SOCK_STREAM, 0);
  if (*result >= 0) configure(*result);
#endif
  if (*result < 0) return last_error();
  prepare(*result, family);
  return 0;
}

void lw__socket_close(lw__socket s) {
  if (s != LW__SOCKET_NONE) close(s);
}

int lw__socket_accept(lw__socket *result, lw__socket listening, struct sockaddr_storage *peer) {
  socklen_t size = sizeof *peer;
  peer->ss_family = AF_UNSPEC;
#ifdef SOCK_CLOEXEC
  *result = accept4(listening, (struct sockaddr *)peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
#else
  *result = accept(listening, (struct sockaddr *)peer, &size);
  if (*result >= 0) configure(*result);
#endif
  return *result >= 0 ? 0 : last_error();
}

static socklen_t size_of(const struct sockaddr_storage *address) {
  switch (address->ss_family) {
  case AF_INET:
    return sizeof(struct sockaddr_in);
  case AF_INET6:
    return sizeof(struct sockaddr_in6);
  default:
    return sizeof(struct sockaddr_un);
  }
}

int lw__socket_bind(lw__socket s, const struct sockaddr_storage *address) {
#ifdef IP_BIND_ADDRESS_NO_PORT
  /* The port is then chosen by connect, which knows that others may share it. */
  if (address->ss_family == AF_INET) lw__socket_set(s, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, 1);
#endif
  return result_of(bind(s, (const struct sockaddr *)address, size_of(address)));
}

/* Failing is no harm: the system has its own times then. */
void lw__socket_keep_alive(lw__socket s) {
  lw__socket_set(s, SOL_SOCKET, SO_KEEPALIVE, 1);
#if defined(TCP_KEEPIDLE)
  lw__socket_set(s, IPPROTO_TCP, TCP_KEEPIDLE, 60);
#elif defined(TCP_KEEPALIVE) /* macOS */
  lw__socket_set(s, IPPROTO_TCP, TCP_KEEPALIVE, 60);
#endif
#if defined(TCP_KEEPINTVL) && defined(TCP_KEEPCNT)
  lw__socket_set(s, IPPROTO_TCP, TCP_KEEPINTVL, 15);
  lw__socket_set(s, IPPROTO_TCP, TCP_KEEPCNT, 4);
#endif
}

int lw__socket_connect(lw__socket s, const struct sockaddr_storage *address) {
  if (connect(s, (const struct sockaddr *)address, size_of(address)) == 0) return 0;
  /* When a signal came between, connecting goes on by itself. */
  return errno == EINPROGRESS || errno == EINTR ? 0 : last_error();
}

int lw__socket_error(lw__socket s) {
  int error = 0;
  socklen_t size = sizeof error;
  if (getsockopt(s, SOL_SOCKET, SO_ERROR, &error, &size) != 0) return last_error();
  return error == 0 ? 0 : uv_translate_sys_error(error);
}

int lw__socket_peer_path(lw__socket s, char *path, size_t size) {
  struct sockaddr_un name = {0};
  socklen_t length = sizeof name;
  if (getpeername(s, (struct sockaddr *)&name, &length) != 0) return last_error();
  /* The names that are no files, of Linux, begin with a zero. */
  bool has_file = length <= offsetof(struct sockaddr_un, sun_path) || name.sun_path[0] != '\0';
  size_t used = has_file ? strnlen(name.sun_path, sizeof name.sun_path)
                         : length - offsetof(struct sockaddr_un, sun_path);
  if (used >= size) return UV_ENOBUFS;
  memcpy(path, name.sun_path, used);
  path[used] = '\0';
  if (!has_file) path[0] = '@';
  return 0;
}

int lw__socket_shut(lw__socket s) {
  return result_of(shutdown(s, SHUT_WR));
}

/* --- moving bytes --- */

/* libuv lays out its uv_buf_t as the system's own iovec, for this purpose. */
static ssize_t receive_once(lw__socket s, const uv_buf_t *places, unsigned count) {
  if (count == 1) return recv(s, places->base, places->len, 0);
  struct msghdr message = {0};
  message.msg_iov = (struct iovec *)places;
  message.msg_iovlen = count;
  return recvmsg(s, &message, 0);
}

ssize_t lw__socket_receive(lw__socket s, const uv_buf_t *places, unsigned count) {
  ssize_t received;
  do received = receive_once(s, places, count);
  while (received < 0 && errno == EINTR);
  return received >= 0 ? received : last_error();
}

static ssize_t send_once(lw__socket s, const uv_buf_t *pieces, unsigned count) {
  if (count == 1) return send(s, pieces->base, pieces->len, MSG_NOSIGNAL);
  struct msghdr message = {0};
  message.msg_iov = (struct iovec *)pieces;
  message.msg_iovlen = count;
  return sendmsg(s, &message, MSG_NOSIGNAL);
}

ssize_t lw__socket_send(lw__socket s, const uv_buf_t *pieces, unsigned count) {
  ssize_t sent;
  do sent = send_once(s, pieces, count);
  while (sent < 0 && errno == EINTR);
  return sent >= 0 ? sent : last_error();
}

/* --- what the kernel encrypts --- */

#if LW__SOCKET_ENCRYPTS

#ifndef SOL_TLS
#define SOL_TLS 282
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

int lw__socket_start_tls(lw__socket s, const void *keys, size_t size) {
  static const char name[] = "tls";
  if (setsockopt(s, IPPROTO_TCP, TCP_ULP, name, sizeof name) != 0)
    return errno == ENOENT || errno == ENOPROTOOPT ? UV_ENOTSUP : last_error();
  if (setsockopt(s, SOL_TLS, TLS_TX, keys, (socklen_t)size) == 0) return 0;
  /* The kernel says this of a cipher that it lacks, and has others. */
  return errno == ENOTSUP ? UV_EINVAL : last_error();
}

ssize_t lw__socket_send_record(lw__socket s, const uv_buf_t *pieces, unsigned count, uint8_t type) {
  union {
    struct cmsghdr head;
    char room[CMSG_SPACE(sizeof type)];
  } control = {{0}};
  struct msghdr message = {0};
  message.msg_iov = (struct iovec *)pieces;
  message.msg_iovlen = count;
  message.msg_control = &control;
  message.msg_controllen = sizeof control.room;
  struct cmsghdr *head = CMSG_FIRSTHDR(&message);
  head->cmsg_level = SOL_TLS;
  head->cmsg_type = TLS_SET_RECORD_TYPE;
  head->cmsg_len = CMSG_LEN(sizeof type);
  memcpy(CMSG_DATA(head), &type, sizeof type);
  ssize_t sent;
  do sent = sendmsg(s, &message, MSG_NOSIGNAL);
  while (sent < 0 && errno == EINTR);
  return sent >= 0 ? sent : last_error();
}

#endif

/* --- files --- */

#if defined(__linux__)

/* There is no flag that keeps sendfile from raising SIGPIPE, so the signal is blocked meanwhile and
 * taken away, unless it was there before. It may have come although something was sent. */
static ssize_t send_file_once(lw__socket s, uv_file file, off_t offset, size_t size) {
  sigset_t pipe, before, pending;
  const struct timespec at_once = {0};
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  sigpending(&pending);
  pthread_sigmask(SIG_BLOCK, &pipe, &before);
  ssize_t sent = sendfile(s, file, &offset, size);
  int error = errno;
  bool may_have_come = sent < (ssize_t)size && !sigismember(&pending, SIGPIPE);
  if (may_have_come) sigtimedwait(&pipe, NULL, &at_once);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  errno = error;
  return sent;
}

#elif defined(__APPLE__)

/* It may fail and have sent something all the same. */
static ssize_t send_file_once(lw__socket s, uv_file file, off_t offset, size_t size) {
  off_t length = (off_t)size;
  int result = sendfile(file, s, offset, &length, NULL, 0);
  return result == 0 || length > 0 ? (ssize_t)length : -1;
}

#endif

#if LW__SOCKET_SENDS_FILES
ssize_t lw__socket_send_file(lw__socket s, uv_file file, uint64_t offset, size_t size) {
  ssize_t sent;
  do sent = send_file_once(s, file, (off_t)offset, size);
  while (sent < 0 && errno == EINTR);
  if (sent >= 0) return sent;
  return errno == EINVAL || errno == ENOSYS ? UV_ENOTSUP : last_error();
}
#endif
