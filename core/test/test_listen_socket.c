/* The files of unix sockets; test_listener.c has the rest. */
#include "../net/listen_socket.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

static lw__listen_socket listening;
static char path[64];

static int open_path(const char *at) {
  lw_listen_address address = {.path = at, .backlog = 1};
  return lw__listen_socket_open(&listening, &address);
}

static const char *new_path(void) {
  snprintf(path, sizeof path, "/tmp/lunawire-test-%d.sock", (int)getpid());
  unlink(path);
  return path;
}

static bool exists(void) {
  struct stat file;
  return lstat(path, &file) == 0;
}

static int connect_to_path(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, path);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  fcntl(fd, F_SETFL, O_NONBLOCK);
  if (connect(fd, (struct sockaddr *)&name, sizeof name) == 0) return fd;
  close(fd);
  return -1;
}

/* What a server that was killed leaves behind. */
static void leave_stale(void) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  strcpy(name.sun_path, new_path());
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(fd, (struct sockaddr *)&name, sizeof name);
  close(fd);
}

TEST(keeps_what_it_accepts_alive) {
  lw_listen_address address = {.host = "127.0.0.1", .backlog = 1};
  struct sockaddr_in name;
  socklen_t size = sizeof name;
  int value = 0;
  CHECK_INT(lw__listen_socket_open(&listening, &address), 0);
  CHECK_INT(getsockname(listening.fd, (struct sockaddr *)&name, &size), 0);
  int client = socket(AF_INET, SOCK_STREAM, 0);
  CHECK_INT(connect(client, (struct sockaddr *)&name, sizeof name), 0);
  int accepted = accept(listening.fd, NULL, NULL);
  size = sizeof value;
  CHECK_INT(getsockopt(accepted, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
  CHECK(value != 0);
  close(accepted);
  close(client);
  lw__listen_socket_close(&listening);
}

TEST(replaces_a_stale_socket) {
  leave_stale();
  CHECK(exists());
  CHECK_INT(open_path(path), 0);
  lw__listen_socket_close(&listening);
  CHECK(!exists());
}

TEST(leaves_a_live_socket_alone) {
  CHECK_INT(open_path(new_path()), 0);
  lw__listen_socket first = listening;
  CHECK_INT(open_path(path), UV_EADDRINUSE);
  listening = first;
  int fd = connect_to_path();
  CHECK(fd >= 0);
  close(fd);
  lw__listen_socket_close(&listening);
}

TEST(leaves_a_full_socket_alone) {
  int fds[16], count = 0;
  CHECK_INT(open_path(new_path()), 0);
  lw__listen_socket first = listening;
  while (count < 16 && (fds[count] = connect_to_path()) >= 0) count++;
  CHECK(count < 16);
  CHECK_INT(open_path(path), UV_EADDRINUSE);
  listening = first;
  while (count > 0) close(fds[--count]);
  lw__listen_socket_close(&listening);
}

TEST(never_removes_what_is_no_socket) {
  close(open(new_path(), O_CREAT | O_WRONLY, 0600));
  CHECK_INT(open_path(path), UV_EADDRINUSE);
  CHECK(exists());
  unlink(path);
  CHECK_INT(symlink("/dev/null", path), 0);
  CHECK_INT(open_path(path), UV_EADDRINUSE);
  CHECK(exists());
  unlink(path);
  lw__listen_socket_close(&listening);
}

TEST(leaves_a_successors_file_alone) {
  CHECK_INT(open_path(new_path()), 0);
  unlink(path);
  close(open(path, O_CREAT | O_WRONLY, 0600));
  lw__listen_socket_close(&listening);
  CHECK(exists());
  unlink(path);
}

TEST(refuses_paths_that_cannot_be) {
  char long_path[200];
  memset(long_path, 'x', sizeof long_path);
  long_path[sizeof long_path - 1] = '\0';
  CHECK_INT(open_path(long_path), UV_ENAMETOOLONG);
  CHECK_INT(open_path(""), UV_EINVAL);
  CHECK_INT(open_path("/nonexistent/x.sock"), UV_ENOENT);
  lw__listen_socket_close(&listening);
}

TEST(survives_a_failed_allocation) {
  test_fail_allocation(1);
  CHECK_INT(open_path(new_path()), UV_ENOMEM);
  CHECK(!exists());
}

int main(void) {
  RUN(keeps_what_it_accepts_alive);
  RUN(replaces_a_stale_socket);
  RUN(leaves_a_live_socket_alone);
  RUN(leaves_a_full_socket_alone);
  RUN(never_removes_what_is_no_socket);
  RUN(leaves_a_successors_file_alone);
  RUN(refuses_paths_that_cannot_be);
  RUN(survives_a_failed_allocation);
  return test_end();
}
