/* Temporary files, for what is too large to be kept in memory. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "file.h"

#define PATH_SIZE 1024 /* of a directory and a name in it */

/* --- making one --- */

typedef struct creation {
  lw__work work;
  lw_file_created done;
  void *context;
  int error;
  uv_file fd;
  char path[PATH_SIZE];
} creation;

/* Only its owner may read it. */
static void run_creation(lw__work *work) {
  creation *c = (creation *)work;
  uv_fs_t request;
  int result = uv_fs_mkstemp(NULL, &request, c->path, NULL);
  c->error = result < 0 ? result : 0;
  c->fd = result;
  if (result >= 0) snprintf(c->path, sizeof c->path, "%s", request.path);
  uv_fs_req_cleanup(&request);
}

static void creation_done(lw__work *work, bool may_call) {
  creation *c = (creation *)work;
  lw_failure failure;
  lw_file *file = NULL;
  if (c->error == 0) {
    file = lw__file_new(work->loop, c->fd, c->path);
    if (file == NULL) c->error = UV_ENOMEM;
  }
  if (c->error != 0) lw__fail_uv(&failure, c->error, c->path);
  if (may_call) {
    c->done(c->context, file, file == NULL ? &failure : NULL);
  } else if (file != NULL) {
    lw_file_close(file);
  }
  free(c);
}

/* The template in the directory, or in the system's. */
static int write_template(char path[PATH_SIZE], const char *directory) {
  char system[PATH_SIZE];
  size_t size = sizeof system;
  int error = directory == NULL ? uv_os_tmpdir(system, &size) : 0;
  if (error != 0) return error;
  int written = snprintf(path, PATH_SIZE, "%s/lunawire-XXXXXX", directory ? directory : system);
  return written < 0 || written >= PATH_SIZE ? UV_ENAMETOOLONG : 0;
}

bool lw_file_create(lw_loop *loop, const char *directory, lw_file_created done, void *context,
                    lw_failure *failure) {
  creation *c = calloc(1, sizeof *c);
  int error = c != NULL ? write_template(c->path, directory) : UV_ENOMEM;
  if (error != 0) {
    free(c);
    lw__fail_uv(failure, error, "making a temporary file");
    return false;
  }
  c->done = done;
  c->context = context;
  lw__work_start(loop, &c->work, run_creation, creation_done);
  return true;
}

/* --- writing --- */

typedef struct writing {
  lw__work work;
  lw_file *file;
  uv_file fd;
  const void *data;
  size_t size;
  lw_file_done done;
  void *context;
  int error;
} writing;

static void run_writing(lw__work *work) {
  writing *w = (writing *)work;
  w->error = lw__fs_write(w->fd, w->data, w->size);
}

static void tell(lw_file_done done, void *context, int error, const char *what) {
  lw_failure failure;
  if (error != 0) lw__fail_uv(&failure, error, what);
  done(context, error != 0 ? &failure : NULL);
}

static void writing_done(lw__work *work, bool may_call) {
  writing *w = (writing *)work;
  lw__file_end(w->file); /* before the call, which may go on with the file */
  if (may_call) tell(w->done, w->context, w->error, "writing a temporary file");
  free(w);
}

bool lw_file_write(lw_file *file, const void *data, size_t size, lw_file_done done, void *context) {
  writing *w = file->fd != LW_FILE_NONE && !file->is_busy ? calloc(1, sizeof *w) : NULL;
  if (w == NULL) return false;
  *w = (writing){.file = file, .fd = file->fd, .data = data, .size = size, .done = done};
  w->context = context;
  lw__file_begin(file);
  lw__work_start(file->loop, &w->work, run_writing, writing_done);
  return true;
}

/* --- taking it --- */

typedef struct moving {
  lw__work work;
  lw_file *file;
  char *to;
  lw_file_done done;
  void *context;
  int error;
} moving;

/* Into another file system a file cannot be renamed; there it is copied. */
static void run_moving(lw__work *work) {
  moving *m = (moving *)work;
  uv_fs_t request;
  m->error = uv_fs_rename(NULL, &request, m->file->path, m->to, NULL);
  uv_fs_req_cleanup(&request);
  if (m->error != UV_EXDEV) return;
  m->error = uv_fs_copyfile(NULL, &request, m->file->path, m->to, 0, NULL);
  uv_fs_req_cleanup(&request);
  if (m->error == 0) lw__fs_remove(m->file->path);
}

static void moving_done(lw__work *work, bool may_call) {
  moving *m = (moving *)work;
  char what[200];
  snprintf(what, sizeof what, "moving a file to %s", m->to);
  if (m->error == 0) lw_file_keep(m->file); /* what had its path is gone */
  lw__file_end(m->file);                    /* before the call, which may go on with the file */
  if (may_call) tell(m->done, m->context, m->error, what);
  free(m->to);
  free(m);
}

bool lw_file_move(lw_file *file, const char *to, lw_file_done done, void *context) {
  moving *m =
      file->loop != NULL && file->is_temporary && !file->is_busy ? calloc(1, sizeof *m) : NULL;
  if (m == NULL) return false;
  *m = (moving){.file = file, .to = lw__fs_copy_text(to), .done = done, .context = context};
  if (m->to == NULL) {
    free(m);
    return false;
  }
  lw_file_finish(file); /* some systems do not move what is open */
  lw__file_begin(file);
  lw__work_start(file->loop, &m->work, run_moving, moving_done);
  return true;
}
