/* What the tests of transports, listeners and dials do not reach. */
#include "../net/socket.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "test.h"

static int ours, theirs;

static void open_pair(void) {
  int fds[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, fds);
  ours = fds[0];
  theirs = fds[1];
  fcntl(ours, F_SETFL, O_NONBLOCK);
}

static ssize_t receive_from(int fd, char *text, size_t size) {
  return lw__socket_receive(fd, &(uv_buf_t){.base = text, .len = size}, 1);
}

TEST(never_blocks) {
  struct sockaddr_storage peer;
  lw__socket s, accepted;
  CHECK_INT(lw__socket_open(&s, AF_INET), 0);
  CHECK_INT(listen(s, 1), 0);
  CHECK_INT(lw__socket_accept(&accepted, s, &peer), UV_EAGAIN);
  CHECK(fcntl(s, F_GETFD) & FD_CLOEXEC);
  lw__socket_close(s);
  lw__socket_close(LW__SOCKET_NONE);
  CHECK_INT(lw__socket_open(&s, -1), UV_EAFNOSUPPORT);
}

TEST(sends_and_receives) {
  char text[16] = "";
  uv_buf_t pieces[2] = {{.base = (char *)"one ", .len = 4}, {.base = (char *)"two", .len = 3}};
  open_pair();
  CHECK_INT(receive_from(ours, text, sizeof text), UV_EAGAIN);
  CHECK_INT(lw__socket_send(theirs, pieces, 2), 7);
  CHECK_INT(lw__socket_send(theirs, pieces, 1), 4);
  CHECK_INT(receive_from(ours, text, sizeof text), 11);
  CHECK(strcmp(text, "one twoone ") == 0);
  CHECK_INT(lw__socket_shut(theirs), 0);
  CHECK_INT(receive_from(ours, text, sizeof text), 0);
  close(ours);
  close(theirs);
}

TEST(receives_in_several_places) {
  char one[3], two[16];
  uv_buf_t sent = {.base = (char *)"0123456", .len = 7};
  uv_buf_t places[2] = {{.base = one, .len = sizeof one}, {.base = two, .len = sizeof two}};
  open_pair();
  CHECK_INT(lw__socket_receive(ours, places, 2), UV_EAGAIN);
  CHECK_INT(lw__socket_send(theirs, &sent, 1), 7);
  CHECK_INT(lw__socket_receive(ours, places, 2), 7);
  CHECK(memcmp(one, "012", 3) == 0 && memcmp(two, "3456", 4) == 0);
  close(theirs);
  CHECK_INT(lw__socket_receive(ours, places, 2), 0);
  close(ours);
}

TEST(raises_no_signal) {
  uv_buf_t pieces[2] = {{.base = (char *)"a", .len = 1}, {.base = (char *)"b", .len = 1}};
  signal(SIGPIPE, SIG_DFL);
  open_pair();
  close(theirs);
  CHECK_INT(lw__socket_send(ours, pieces, 1), UV_EPIPE);
  CHECK_INT(lw__socket_send(ours, pieces, 2), UV_EPIPE);
  close(ours);
}

#if LW__SOCKET_SENDS_FILES
TEST(sends_files) {
  char text[8] = "";
  FILE *file = tmpfile();
  signal(SIGPIPE, SIG_DFL);
  CHECK(file != NULL && fputs("0123456789", file) >= 0 && fflush(file) == 0);
  open_pair();
  CHECK_INT(lw__socket_send_file(ours, fileno(file), 2, 5), 5);
  CHECK_INT(receive_from(theirs, text, sizeof text), 5);
  CHECK(strcmp(text, "23456") == 0);
  CHECK_INT(lw__socket_send_file(ours, fileno(file), 10, 5), 0);
  close(theirs);
  CHECK_INT(lw__socket_send_file(ours, fileno(file), 0, 5), UV_EPIPE);
  fclose(file);
  close(ours);
}
#endif

TEST(tells_how_connecting_ended) {
  lw__socket s;
  struct sockaddr_un name = {.sun_family = AF_UNIX, .sun_path = "/nowhere/at/all"};
  struct sockaddr_storage address = {0};
  memcpy(&address, &name, sizeof name);
  CHECK_INT(lw__socket_open(&s, AF_UNIX), 0);
  CHECK_INT(lw__socket_connect(s, &address), UV_ENOENT);
  CHECK_INT(lw__socket_error(s), 0);
  lw__socket_close(s);
  CHECK_INT(lw__socket_error(s), UV_EBADF);
}

TEST(knows_no_path_of_what_has_none) {
  char path[8] = "?";
  open_pair();
  CHECK_INT(lw__socket_peer_path(ours, path, sizeof path), 0);
  CHECK(strcmp(path, "") == 0);
  CHECK_INT(lw__socket_peer_path(ours, path, 0), UV_ENOBUFS);
  close(ours);
  close(theirs);
  CHECK_INT(lw__socket_peer_path(ours, path, sizeof path), UV_EBADF);
}

#ifdef __linux__
/* Connects `ours` to a listener whose name is no file. */
static int listen_without_file(const char *name_after_zero) {
  struct sockaddr_un name = {.sun_family = AF_UNIX};
  size_t length = strlen(name_after_zero);
  socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 + length);
  memcpy(name.sun_path + 1, name_after_zero, length);
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  bind(listening, (struct sockaddr *)&name, size);
  listen(listening, 1);
  ours = socket(AF_UNIX, SOCK_STREAM, 0);
  connect(ours, (struct sockaddr *)&name, size);
  return listening;
}

TEST(writes_names_that_are_no_files) {
  char path[64], name[32];
  snprintf(name, sizeof name, "lunawire-test-%d", (int)getpid());
  int listening = listen_without_file(name);
  CHECK_INT(lw__socket_peer_path(ours, path, sizeof path), 0);
  CHECK(path[0] == '@' && strcmp(path + 1, name) == 0);
  close(listening);
  close(ours);
}
#endif

int main(void) {
  RUN(never_blocks);
  RUN(sends_and_receives);
  RUN(receives_in_several_places);
  RUN(raises_no_signal);
#if LW__SOCKET_SENDS_FILES
  RUN(sends_files);
#endif
  RUN(tells_how_connecting_ended);
  RUN(knows_no_path_of_what_has_none);
#ifdef __linux__
  RUN(writes_names_that_are_no_files);
#endif
  return test_end();
}
