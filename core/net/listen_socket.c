#include "listen_socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "address.h"
#include "socket.h"

static int last_error(void) {
  return uv_translate_sys_error(errno);
}

static int bind_to(int fd, const void *address, socklen_t size) {
  return bind(fd, address, size) == 0 ? 0 : last_error();
}

static int start_listening(int fd, int backlog) {
  return listen(fd, backlog > 0 ? backlog : SOMAXCONN) == 0 ? 0 : last_error();
}

/* --- TCP --- */

static int set_reuse_port(int fd) {
#if defined(SO_REUSEPORT)
  return lw__socket_set(fd, SOL_SOCKET, SO_REUSEPORT, 1);
#else
  (void)fd;
  return UV_ENOTSUP;
#endif
}

static int bind_tcp(int fd, const struct sockaddr_storage *address, bool is_dual, bool reuse_port) {
  bool is_ip6 = address->ss_family == AF_INET6;
  /* Else a server could not be restarted while old connections are in TIME_WAIT. */
  int error = lw__socket_set(fd, SOL_SOCKET, SO_REUSEADDR, 1);
  if (error == 0 && is_ip6) error = lw__socket_set(fd, IPPROTO_IPV6, IPV6_V6ONLY, !is_dual);
  if (error == 0 && reuse_port) error = set_reuse_port(fd);
  if (error != 0) return error;
  return bind_to(fd, address,
                 is_ip6 ? sizeof(struct sockaddr_in6) : (socklen_t)sizeof(struct sockaddr_in));
}

static int open_tcp(lw__listen_socket *listening, const lw_listen_address *address,
                    const char *host) {
  struct sockaddr_storage numeric;
  bool is_dual = strcmp(host, "*") == 0;
  if (address->port < 0 || address->port > 65535) return UV_EINVAL;
  if (!lw__address_parse(is_dual ? "::" : host, address->port, &numeric)) return UV_EINVAL;
  lw__socket fd;
  int error = lw__socket_open(&fd, numeric.ss_family);
  if (error != 0) return error;
  lw__socket_keep_alive(fd);
  error = bind_tcp(fd, &numeric, is_dual, address->reuse_port);
  if (error == 0) error = start_listening(fd, address->backlog);
  if (error != 0) {
    close(fd);
    return error;
  }
  listening->fd = fd;
  return 0;
}

/* IPv6 may be missing from the kernel or switched off for all interfaces. */
static bool is_without_ip6(int error) {
  return error == UV_EAFNOSUPPORT || error == UV_EADDRNOTAVAIL || error == UV_EPROTONOSUPPORT;
}

static int open_host(lw__listen_socket *listening, const lw_listen_address *address) {
  const char *host = address->host;
  if (host == NULL || strcmp(host, "localhost") == 0) host = "127.0.0.1";
  int error = open_tcp(listening, address, host);
  if (is_without_ip6(error) && strcmp(host, "*") == 0)
    error = open_tcp(listening, address, "0.0.0.0");
  return error;
}

/* --- unix sockets --- */

/* Whether somebody accepts there. Connecting to a unix socket never waits when it may not block. */
static bool is_alive(const struct sockaddr_un *name) {
  lw__socket fd;
  if (lw__socket_open(&fd, AF_UNIX) != 0) return true;
  bool is_refused =
      connect(fd, (const struct sockaddr *)name, sizeof *name) != 0 && errno == ECONNREFUSED;
  close(fd);
  return !is_refused;
}

/* Removes what a server that died left behind, and nothing else. */
static int remove_stale(const struct sockaddr_un *name) {
  struct stat file;
  if (lstat(name->sun_path, &file) != 0) return errno == ENOENT ? 0 : last_error();
  if (!S_ISSOCK(file.st_mode) || is_alive(name)) return UV_EADDRINUSE;
  return unlink(name->sun_path) == 0 || errno == ENOENT ? 0 : last_error();
}

static int bind_unix(int fd, const struct sockaddr_un *name) {
  int error = bind_to(fd, name, sizeof *name);
  if (error != UV_EADDRINUSE) return error;
  error = remove_stale(name);
  return error != 0 ? error : bind_to(fd, name, sizeof *name);
}

static void remember_file(lw__listen_socket *listening) {
  struct stat file;
  if (lstat(listening->path, &file) != 0) return;
  listening->device = (uint64_t)file.st_dev;
  listening->inode = (uint64_t)file.st_ino;
}

static int listen_unix(lw__listen_socket *listening, const struct sockaddr_un *name, int backlog) {
  int error = bind_unix(listening->fd, name);
  if (error != 0) return error;
  remember_file(listening);
  return start_listening(listening->fd, backlog);
}

static int open_unix(lw__listen_socket *listening, const lw_listen_address *address) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  size_t length = strlen(address->path);
  if (length == 0) return UV_EINVAL;
  if (length >= sizeof name.sun_path) return UV_ENAMETOOLONG;
  memcpy(name.sun_path, address->path, length);
  listening->path = malloc(length + 1);
  if (listening->path == NULL) return UV_ENOMEM;
  memcpy(listening->path, address->path, length + 1);
  int error = lw__socket_open(&listening->fd, AF_UNIX);
  if (error == 0) error = listen_unix(listening, &name, address->backlog);
  if (error != 0) lw__listen_socket_close(listening);
  return error;
}

static void remove_file(const lw__listen_socket *listening) {
  struct stat file;
  if (listening->inode == 0 || lstat(listening->path, &file) != 0) return;
  if ((uint64_t)file.st_dev == listening->device && (uint64_t)file.st_ino == listening->inode)
    unlink(listening->path);
}

/* --- both --- */

int lw__listen_socket_open(lw__listen_socket *listening, const lw_listen_address *address) {
  *listening = (lw__listen_socket){.fd = -1};
  return address->path != NULL ? open_unix(listening, address) : open_host(listening, address);
}

void lw__listen_socket_close(lw__listen_socket *listening) {
  if (listening->path != NULL) remove_file(listening);
  free(listening->path);
  listening->path = NULL;
  if (listening->fd >= 0) close(listening->fd);
  listening->fd = -1;
}

int lw__listen_socket_address(const lw__listen_socket *listening, char *text, size_t size,
                              int *port) {
  if (listening->path != NULL) {
    size_t length = strlen(listening->path);
    if (length >= size) return UV_ENOBUFS;
    memcpy(text, listening->path, length + 1);
    *port = 0;
    return 0;
  }
  struct sockaddr_storage name;
  socklen_t length = sizeof name;
  if (getsockname(listening->fd, (struct sockaddr *)&name, &length) != 0) return last_error();
  return lw__address_text(&name, text, size, port);
}
