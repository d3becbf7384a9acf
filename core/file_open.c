/* Opening a file below a directory, and reading it at once when it is small. */
#include <stdlib.h>

#include "file.h"

typedef struct opening {
  lw__work work;
  uint64_t whole_max;
  bool has_known;
  lw_file_facts known;
  lw_file_opened done;
  void *context;
  char *root, *path;
  int error;
  uv_file fd;
  lw_file_found found;
  char *content;
} opening;

static void free_opening(opening *o) {
  if (o == NULL) return;
  if (o->fd != LW_FILE_NONE) lw__fs_close(o->fd);
  free(o->root);
  free(o->path);
  free(o->content);
  free(o);
}

static bool is_unchanged(const lw_file_facts *a, const lw_file_facts *b) {
  return a->size == b->size && a->modified_s == b->modified_s && a->modified_ns == b->modified_ns &&
         a->device == b->device && a->inode == b->inode && a->is_directory == b->is_directory;
}

/* Whole, if it is still as long as it was a moment ago; else as much as there is. */
static int read_content(opening *o) {
  size_t size = (size_t)o->found.facts.size;
  o->content = malloc(size + 1);
  if (o->content == NULL) return UV_ENOMEM;
  int64_t result = lw__fs_read(o->fd, o->content, size, 0);
  if (result < 0) return (int)result;
  o->found.facts.size = (uint64_t)result;
  o->found.data = o->content;
  return 0;
}

static void run_opening(lw__work *work) {
  opening *o = (opening *)work;
  lw_file_found *found = &o->found;
  char *real;
  o->error = lw__fs_open_below(o->root, o->path, &o->fd, &found->facts, &real);
  free(real);
  if (o->error != 0 || found->facts.is_directory || found->facts.size > o->whole_max) return;
  found->is_unchanged = o->has_known && is_unchanged(&found->facts, &o->known);
  if (!found->is_unchanged) o->error = read_content(o);
}

/* A file that was not read is handed over open. */
static void make_file(opening *o) {
  if (o->found.facts.is_directory || o->found.is_unchanged || o->found.data != NULL) return;
  o->found.file = lw__file_new(o->work.loop, o->fd, NULL);
  o->fd = LW_FILE_NONE; /* the file's, or closed */
  if (o->found.file == NULL) o->error = UV_ENOMEM;
}

static void opening_done(lw__work *work, bool may_call) {
  opening *o = (opening *)work;
  lw_failure failure;
  if (may_call && o->error == 0) make_file(o);
  if (o->error != 0) lw__fail_uv(&failure, o->error, o->path);
  if (may_call && o->error == 0) o->done(o->context, &o->found, NULL);
  if (may_call && o->error != 0) o->done(o->context, NULL, &failure);
  free_opening(o);
}

bool lw_file_open(lw_loop *loop, const lw_file_place *place, uint64_t whole_max,
                  const lw_file_facts *known, lw_file_opened done, void *context) {
  opening *o = calloc(1, sizeof *o);
  if (o == NULL) return false;
  o->fd = LW_FILE_NONE;
  o->root = lw__fs_join(place->root, NULL);
  o->path = lw__fs_join(place->root, place->name);
  if (o->root == NULL || o->path == NULL) {
    free_opening(o);
    return false;
  }
  o->whole_max = whole_max;
  o->has_known = known != NULL;
  if (known != NULL) o->known = *known;
  o->done = done;
  o->context = context;
  lw__work_start(loop, &o->work, run_opening, opening_done);
  return true;
}
