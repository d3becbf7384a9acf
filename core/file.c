/* Open files: looking at and reading files below a directory, and temporary files. */
#include "file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* --- in the pool --- */

char *lw__fs_copy_text(const char *text) {
  return lw__fs_join(text, NULL);
}

char *lw__fs_join(const char *directory, const char *name) {
  size_t size = strlen(directory) + (name != NULL ? strlen(name) + 1 : 0) + 1;
  char *path = malloc(size);
  if (path == NULL) return NULL;
  snprintf(path, size, "%s%s%s", directory, name != NULL ? "/" : "", name != NULL ? name : "");
  return path;
}

int lw__fs_open(const char *path, int flags, uv_file *fd) {
  uv_fs_t request;
  int result = uv_fs_open(NULL, &request, path, flags, 0600, NULL);
  uv_fs_req_cleanup(&request);
  *fd = result >= 0 ? result : LW_FILE_NONE;
  return result >= 0 ? 0 : result;
}

void lw__fs_close(uv_file fd) {
  uv_fs_t request;
  uv_fs_close(NULL, &request, fd, NULL);
  uv_fs_req_cleanup(&request);
}

void lw__fs_remove(const char *path) {
  uv_fs_t request;
  uv_fs_unlink(NULL, &request, path, NULL);
  uv_fs_req_cleanup(&request);
}

/* What is neither a regular file nor a directory does not exist for us. */
int lw__fs_facts(uv_file fd, lw_file_facts *facts) {
  uv_fs_t request;
  int error = uv_fs_fstat(NULL, &request, fd, NULL);
  const uv_stat_t *s = &request.statbuf;
  uint64_t type = error == 0 ? s->st_mode & S_IFMT : 0;
  if (error == 0) {
    *facts = (lw_file_facts){
        .size = s->st_size,
        .modified_s = s->st_mtim.tv_sec,
        .modified_ns = (uint32_t)s->st_mtim.tv_nsec,
        .device = s->st_dev,
        .inode = s->st_ino,
        .is_directory = type == S_IFDIR,
    };
  }
  uv_fs_req_cleanup(&request);
  return error == 0 && type != S_IFREG && type != S_IFDIR ? UV_ENOENT : error;
}

int64_t lw__fs_read(uv_file fd, void *data, size_t size, uint64_t offset) {
  size_t have = 0;
  while (have < size) {
    uv_fs_t request;
    uv_buf_t piece = uv_buf_init((char *)data + have, (unsigned)(size - have));
    int result = uv_fs_read(NULL, &request, fd, &piece, 1, (int64_t)(offset + have), NULL);
    uv_fs_req_cleanup(&request);
    if (result < 0) return result;
    if (result == 0) break;
    have += (size_t)result;
  }
  return (int64_t)have;
}

#define WRITE_MAX ((size_t)1 << 30) /* what every system takes in one call */

int lw__fs_write(uv_file fd, const void *data, size_t size) {
  const char *from = data;
  while (size > 0) {
    uv_fs_t request;
    uv_buf_t piece = {.base = (char *)(uintptr_t)from, .len = size < WRITE_MAX ? size : WRITE_MAX};
    int result = uv_fs_write(NULL, &request, fd, &piece, 1, -1, NULL);
    uv_fs_req_cleanup(&request);
    if (result < 0) return result;
    from += result;
    size -= (size_t)result;
  }
  return 0;
}

bool lw_file_is_directory(const char *path) {
  uv_fs_t request;
  int error = uv_fs_stat(NULL, &request, path, NULL);
  bool is_directory = error == 0 && (request.statbuf.st_mode & S_IFMT) == S_IFDIR;
  uv_fs_req_cleanup(&request);
  return is_directory;
}

/* --- open files --- */

lw_file *lw__file_new(lw_loop *loop, uv_file fd, const char *path) {
  size_t size = path != NULL ? strlen(path) : 0;
  lw_file *file = calloc(1, sizeof *file + size + 1);
  if (file == NULL) {
    lw__fs_close(fd);
    if (path != NULL) lw__fs_remove(path);
    return NULL;
  }
  file->loop = loop;
  file->fd = fd;
  file->is_temporary = path != NULL;
  if (path != NULL) memcpy(file->path, path, size + 1);
  file->next = loop->files;
  file->back = &loop->files;
  if (file->next != NULL) file->next->back = &file->next;
  loop->files = file;
  loop->counts.files++;
  return file;
}

/* Closing a file and removing a name is not worth a way to the pool. */
void lw_file_finish(lw_file *file) {
  file->must_finish = file->is_busy; /* the pool uses the descriptor: its number stays taken */
  if (file->is_busy) return;
  if (file->fd != LW_FILE_NONE) lw__fs_close(file->fd);
  file->fd = LW_FILE_NONE;
}

static void close_now(lw_file *file) {
  lw_file_finish(file);
  if (file->is_temporary) lw__fs_remove(file->path);
  file->is_temporary = false;
}

static void leave_loop(lw_file *file) {
  if (file->loop == NULL) return;
  *file->back = file->next;
  if (file->next != NULL) file->next->back = file->back;
  file->loop->counts.files--;
  file->loop = NULL;
}

static void free_file(lw_file *file) {
  close_now(file);
  leave_loop(file);
  free(file);
}

void lw_file_close(lw_file *file) {
  file->must_close = true;
  if (!file->is_busy) free_file(file);
}

void lw__file_begin(lw_file *file) {
  file->is_busy = true;
}

void lw__file_end(lw_file *file) {
  file->is_busy = false;
  if (file->must_finish) lw_file_finish(file);
  if (file->must_close) free_file(file);
}

const char *lw_file_path(const lw_file *file) {
  return file->path;
}

void lw_file_keep(lw_file *file) {
  file->is_temporary = false;
}

void lw__files_free(lw_loop *loop) {
  while (loop->files != NULL) {
    lw_file *file = loop->files;
    close_now(file); /* whoever holds it still frees it */
    leave_loop(file);
  }
}
