/* Opening below a directory, as systems do it that can tell where an open file is, and as others
 * do. The rest of the file functions is tested by spec/files_safety_spec.lua. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../file.h"
#include "test.h"

static char directory[] = "/tmp/lunawire-test-XXXXXX";
static char root[128];
static bool has_proc = true;
static void (*in_between)(void); /* what happens after the file was opened */

/* In place of libuv's: this one asks /proc, or does as if there was none. */
int uv_fs_readlink(uv_loop_t *loop, uv_fs_t *request, const char *path, uv_fs_cb done) {
  static char target[512];
  (void)loop, (void)done;
  memset(request, 0, sizeof *request);
  if (in_between != NULL) in_between();
  if (!has_proc) return UV_ENOENT;
  ssize_t size = readlink(path, target, sizeof target - 1);
  if (size < 0) return UV_ENOENT;
  target[size] = '\0';
  request->ptr = malloc((size_t)size + 1);
  if (request->ptr == NULL) return UV_ENOMEM;
  memcpy(request->ptr, target, (size_t)size + 1);
  return 0;
}

static void path_of(char path[128], const char *name) {
  snprintf(path, 128, "%s/%s", directory, name);
}

static void write_file(const char *name, const char *text) {
  char path[128];
  path_of(path, name);
  int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (fd < 0 || write(fd, text, strlen(text)) < 0) abort();
  close(fd);
}

static void make_link(const char *target, const char *name) {
  char path[128];
  path_of(path, name);
  unlink(path);
  if (symlink(target, path) != 0) abort();
}

/* The size of what is opened, or an error. */
static int64_t open_below(const char *name) {
  char path[128], *real;
  lw_file_facts facts;
  uv_file fd;
  snprintf(path, sizeof path, "%s/top/%s", directory, name);
  int error = lw__fs_open_below(root, path, &fd, &facts, &real);
  if (error != 0) return error;
  free(real);
  lw__fs_close(fd);
  return (int64_t)facts.size;
}

TEST(follows_links_inside_only) {
  for (int i = 0; i < 2; i++) {
    has_proc = i == 0;
    CHECK_INT(open_below("file"), 6);
    CHECK(open_below(".") >= 0);
    make_link("file", "top/inner");
    CHECK_INT(open_below("inner"), 6);
    make_link("../secret", "top/outer");
    CHECK_INT(open_below("outer"), UV_ENOENT);
    make_link("../top2/file", "top/twin");
    CHECK_INT(open_below("twin"), UV_ENOENT);
    CHECK_INT(open_below("none"), UV_ENOENT);
  }
}

/* The name led out when it was opened, and leads inside when it is looked at. */
static void make_innocent(void) {
  make_link("file", "top/swapped");
}

TEST(is_not_fooled_by_a_link_that_changes) {
  for (int i = 0; i < 2; i++) {
    has_proc = i == 0;
    make_link("../secret", "top/swapped");
    in_between = make_innocent;
    int64_t result = open_below("swapped");
    in_between = NULL;
    CHECK_INT(result, UV_ENOENT);
  }
}

TEST(survives_any_allocation_that_fails) {
  for (int i = 0; i < 2; i++) {
    has_proc = i == 0;
    for (unsigned n = 1;; n++) {
      test_fail_allocation(n);
      int64_t result = open_below("file");
      if (!test_allocation_failed()) break;
      CHECK(result == 6 || result < 0);
    }
    test_fail_allocation(0);
  }
}

int main(void) {
  char path[128];
  if (mkdtemp(directory) == NULL) return 1;
  path_of(root, "top");
  mkdir(root, 0700);
  path_of(path, "top2");
  mkdir(path, 0700);
  write_file("top/file", "inside");
  write_file("top2/file", "outside");
  write_file("secret", "secret!");
  RUN(follows_links_inside_only);
  RUN(is_not_fooled_by_a_link_that_changes);
  RUN(survives_any_allocation_that_fails);
  char command[64];
  snprintf(command, sizeof command, "rm -rf %s", directory);
  if (system(command) != 0) return 1;
  return test_end();
}
