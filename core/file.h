/* What the files of core/ that deal with files share. For core/ only; lunawire.h has the interface.
 *
 * Everything that may wait for a disk is an lw__work. What runs in the pool calls libuv's file
 * functions without a loop and a callback, which makes them synchronous. */
#ifndef LW_FILE_H
#define LW_FILE_H

#include "lunawire_file.h"
#include "work.h"

#define LW_FILE_NONE (-1)

struct lw_file {
  lw_loop *loop;         /* NULL after lw_loop_free */
  lw_file *next, **back; /* in loop->files */
  uv_file fd;            /* LW_FILE_NONE once it is closed */
  bool is_busy;          /* a work uses fd */
  bool must_close;       /* lw_file_close was called meanwhile */
  bool must_finish;      /* lw_file_finish was */
  bool is_temporary;     /* removed when it is closed */
  char path[];           /* of a temporary one, else empty */
};

/* An open file of the loop's that takes fd over. path: of a temporary file, else NULL. NULL: no
 * memory; fd is closed then, and the path removed. */
lw_file *lw__file_new(lw_loop *loop, uv_file fd, const char *path);

/* Around each work that uses the file. */
void lw__file_begin(lw_file *file);
void lw__file_end(lw_file *file);

/* --- in the pool, or where waiting does no harm --- */

/* A copy, and a directory's path with a name in it; both to be freed. NULL: no memory. */
char *lw__fs_copy_text(const char *text);
char *lw__fs_join(const char *directory, const char *name);

/* The others return 0 or more, or a libuv error. */
int lw__fs_open(const char *path, int flags, uv_file *fd);
void lw__fs_close(uv_file fd);
void lw__fs_remove(const char *path);
int lw__fs_facts(uv_file fd, lw_file_facts *facts);
/* Reads until `size` bytes are read or the file ends; returns how many. */
int64_t lw__fs_read(uv_file fd, void *data, size_t size, uint64_t offset);
/* Writes all. */
int lw__fs_write(uv_file fd, const void *data, size_t size);

/* Opens `path`, which was made by appending a name to the directory `root`, for reading, unless it
 * is something else than a regular file or a directory, or lies outside of root in truth because of
 * a symbolic link: UV_ENOENT. Then *fd is open, and in *real, to be freed, the true path. */
int lw__fs_open_below(const char *root, const char *path, uv_file *fd, lw_file_facts *facts,
                      char **real);

#endif
