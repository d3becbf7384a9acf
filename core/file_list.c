/* The names in a directory. */
#include <stdlib.h>
#include <string.h>

#include "file.h"
#include "proto/buf.h"

#define NAMES_MAX 10000 /* more than anybody reads */
#define BATCH 64        /* names for one call into libuv */

typedef struct listing {
  lw__work work;
  lw_file_listed done;
  void *context;
  char *root, *path;
  int error;
  lw_buf names; /* each ends with a NUL, that of a directory with a slash before it */
  size_t count;
} listing;

static void free_listing(listing *l) {
  lw_buf_free(&l->names);
  free(l->root);
  free(l->path);
  free(l);
}

static int add_name(listing *l, const uv_dirent_t *found) {
  const char *end = found->type == UV_DIRENT_DIR ? "/" : "";
  bool added = lw_buf_append(&l->names, found->name, strlen(found->name)) &&
               lw_buf_append(&l->names, end, strlen(end) + 1);
  l->count += added;
  return added ? 0 : UV_ENOMEM;
}

static int read_directory(listing *l, uv_dir_t *directory) {
  uv_dirent_t batch[BATCH];
  int count, error = 0;
  directory->dirents = batch;
  directory->nentries = BATCH;
  do {
    uv_fs_t request;
    count = uv_fs_readdir(NULL, &request, directory, NULL);
    for (int i = 0; i < count && error == 0 && l->count < NAMES_MAX; i++) {
      error = add_name(l, &batch[i]);
    }
    uv_fs_req_cleanup(&request);
  } while (count > 0 && error == 0 && l->count < NAMES_MAX);
  return count < 0 ? count : error;
}

static int list_directory(listing *l, const char *real) {
  uv_fs_t request;
  int error = uv_fs_opendir(NULL, &request, real, NULL);
  uv_dir_t *directory = error == 0 ? request.ptr : NULL;
  uv_fs_req_cleanup(&request);
  if (error != 0) return error;
  error = read_directory(l, directory);
  uv_fs_closedir(NULL, &request, directory, NULL);
  uv_fs_req_cleanup(&request);
  return error;
}

static void run_listing(lw__work *work) {
  listing *l = (listing *)work;
  lw_file_facts facts;
  uv_file fd;
  char *real;
  l->error = lw__fs_open_below(l->root, l->path, &fd, &facts, &real);
  if (l->error != 0) return;
  l->error = facts.is_directory ? list_directory(l, real) : UV_ENOTDIR;
  lw__fs_close(fd);
  free(real);
}

static void listing_done(lw__work *work, bool may_call) {
  listing *l = (listing *)work;
  lw_failure failure;
  if (l->error != 0) lw__fail_uv(&failure, l->error, l->path);
  if (may_call && l->error == 0) l->done(l->context, (const char *)l->names.data, l->count, NULL);
  if (may_call && l->error != 0) l->done(l->context, NULL, 0, &failure);
  free_listing(l);
}

bool lw_file_list(lw_loop *loop, const lw_file_place *place, lw_file_listed done, void *context) {
  listing *l = calloc(1, sizeof *l);
  if (l == NULL) return false;
  l->root = lw__fs_join(place->root, NULL);
  l->path = lw__fs_join(place->root, place->name);
  l->done = done;
  l->context = context;
  if (l->root == NULL || l->path == NULL) {
    free_listing(l);
    return false;
  }
  lw__work_start(loop, &l->work, run_listing, listing_done);
  return true;
}
