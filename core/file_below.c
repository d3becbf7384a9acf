/* Opening files that are below a directory, and none that only seem to be.
 *
 * A name without ".." can still lead out through a symbolic link. Looking first and opening then
 * would leave a moment in which a link can be put in place, so the file is opened first and then
 * the system is asked where what was opened is. Where it cannot tell, the path is resolved and must
 * lead to the very file that was opened. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

/* Without waiting for a pipe's other end, and without making a terminal ours. */
#if defined(_WIN32)
#define OPEN_FLAGS UV_FS_O_RDONLY
#else
#define OPEN_FLAGS (UV_FS_O_RDONLY | UV_FS_O_NONBLOCK | UV_FS_O_NOCTTY)
#endif

/* The path without links of what the path leads to; to be freed. */
static int resolve(const char *path, char **real) {
  uv_fs_t request;
  int error = uv_fs_realpath(NULL, &request, path, NULL);
  *real = error == 0 ? lw__fs_copy_text(request.ptr) : NULL;
  uv_fs_req_cleanup(&request);
  return error == 0 && *real == NULL ? UV_ENOMEM : error;
}

/* The same for an open file, from the system itself. UV_ENOSYS: it cannot tell. */
static int ask_system(uv_file fd, char **real) {
#if defined(__APPLE__)
  char path[PATH_MAX];
  if (fcntl(fd, F_GETPATH, path) != 0) return UV_ENOSYS;
  *real = lw__fs_copy_text(path);
#elif defined(__linux__)
  char name[40];
  uv_fs_t request;
  snprintf(name, sizeof name, "/proc/self/fd/%d", (int)fd);
  int error = uv_fs_readlink(NULL, &request, name, NULL);
  *real = error == 0 ? lw__fs_copy_text(request.ptr) : NULL;
  uv_fs_req_cleanup(&request);
  if (error != 0) return UV_ENOSYS; /* there is no /proc here */
#else
  (void)fd;
  *real = NULL;
  return UV_ENOSYS;
#endif
  return *real != NULL ? 0 : UV_ENOMEM;
}

/* Whether the path leads to the file with these facts. */
static bool leads_to(const char *path, const lw_file_facts *facts) {
  uv_fs_t request;
  int error = uv_fs_stat(NULL, &request, path, NULL);
  bool same = error == 0 && request.statbuf.st_dev == facts->device &&
              request.statbuf.st_ino == facts->inode;
  uv_fs_req_cleanup(&request);
  return same;
}

static int where_is(uv_file fd, const char *path, const lw_file_facts *facts, char **real) {
  int error = ask_system(fd, real);
  if (error != UV_ENOSYS) return error;
  error = resolve(path, real);
  if (error != 0 || leads_to(*real, facts)) return error;
  free(*real);
  *real = NULL;
  return UV_ENOENT;
}

static bool is_separator(char c) {
#if defined(_WIN32)
  return c == '/' || c == '\\';
#else
  return c == '/';
#endif
}

/* Whether a path without links is that of the directory, or below it. */
static bool is_below(const char *directory, const char *path) {
  size_t size = strlen(directory);
  if (strncmp(directory, path, size) != 0) return false;
  bool is_root = size > 0 && is_separator(directory[size - 1]);
  return is_root || path[size] == '\0' || is_separator(path[size]);
}

static int check(const char *root, const char *path, uv_file fd, lw_file_facts *facts,
                 char **real) {
  char *directory = NULL;
  int error = lw__fs_facts(fd, facts);
  if (error == 0) error = resolve(root, &directory);
  if (error == 0) error = where_is(fd, path, facts, real);
  if (error == 0 && !is_below(directory, *real)) error = UV_ENOENT;
  free(directory);
  return error;
}

int lw__fs_open_below(const char *root, const char *path, uv_file *fd, lw_file_facts *facts,
                      char **real) {
  *real = NULL;
  int error = lw__fs_open(path, OPEN_FLAGS, fd);
  if (error != 0) return error;
  error = check(root, path, *fd, facts, real);
  if (error == 0) return 0;
  free(*real);
  *real = NULL;
  lw__fs_close(*fd);
  return error;
}
