/* lunawire: files, without ever waiting for a disk.
 *
 * The third part of the C interface, for what HTTP serves and takes. Everything that may wait for a
 * disk is done by libuv's thread pool; what comes of it is told by a callback, exactly once, unless
 * the loop is freed before. The functions that start something return false when they cannot, and
 * then there is no callback. What lunawire.h says about callbacks, errors and units holds here. */
#ifndef LUNAWIRE_FILE_H
#define LUNAWIRE_FILE_H

#include "lunawire.h"

/* --- what is below a directory --- */

/* Where a file is. The name is relative to root and has no ".." (see lw_file_open). */
typedef struct lw_file_place {
  const char *root, *name;
} lw_file_place;

typedef struct lw_file_facts {
  uint64_t size;          /* bytes */
  int64_t modified_s;     /* when its content was last written: seconds since 1970, UTC, */
  uint32_t modified_ns;   /*   and nanoseconds */
  uint64_t device, inode; /* which file it is */
  bool is_directory;
} lw_file_facts;

typedef struct lw_file_found {
  lw_file_facts facts;
  bool is_unchanged; /* since the known facts; then it was not read again */
  const char *data;  /* the content of a small file, valid during the call; else NULL */
  lw_file *file;     /* a larger one, open, for the receiver to close; else NULL */
} lw_file_found;

typedef void (*lw_file_opened)(void *context, lw_file_found *found, const lw_failure *failure);

/* Opens a regular file for reading, or looks at a directory. Files of at most whole_max bytes are
 * read at once, unless they are as the known facts say (NULL: none). What is neither, or is not
 * below root in truth but only through a symbolic link, is not there: ENOENT. */
bool lw_file_open(lw_loop *loop, const lw_file_place *place, uint64_t whole_max,
                  const lw_file_facts *known, lw_file_opened done, void *context);

/* Looks at once; for the start of a program. */
bool lw_file_is_directory(const char *path);

/* names: one after the other, each with a NUL behind it, and a directory's with a slash before
 * that; in no order. At most 10,000 of them. */
typedef void (*lw_file_listed)(void *context, const char *names, size_t count,
                               const lw_failure *failure);
bool lw_file_list(lw_loop *loop, const lw_file_place *place, lw_file_listed done, void *context);

/* --- temporary files --- */

/* Makes a temporary file, in the system's directory for these when directory is NULL. It is removed
 * when it is closed, unless it was moved or kept. */
typedef void (*lw_file_created)(void *context, lw_file *file, const lw_failure *failure);
bool lw_file_create(lw_loop *loop, const char *directory, lw_file_created done, void *context,
                    lw_failure *failure);
const char *lw_file_path(const lw_file *file);
void lw_file_keep(lw_file *file);

typedef void (*lw_file_done)(void *context, const lw_failure *failure);
/* Appends; the data must stay valid until done. One thing at a time is done to a file. */
bool lw_file_write(lw_file *file, const void *data, size_t size, lw_file_done done, void *context);
/* Ends the writing: the descriptor is closed, the file stays. What is being done is done first. */
void lw_file_finish(lw_file *file);
/* Moves a temporary file to a path, also in another file system, and ends the writing. */
bool lw_file_move(lw_file *file, const char *to, lw_file_done done, void *context);

/* --- open files --- */

/* The rest of an answer, and its end: `size` bytes of the file from `offset`, as fast as the peer
 * takes them. When the file turns out to be shorter the connection ends. Takes the file over, also
 * on false: no answer is under way, or memory is short. */
bool lw_conn_answer_file(lw_conn *conn, lw_file *file, uint64_t offset, uint64_t size);

/* Closes the file, once what is being done to it is done. The pointer is void after it. */
void lw_file_close(lw_file *file);

#endif
