/* A file as the body of an answer: read by the pool piece by piece, each when the peer has taken
 * most of what came before, so that a slow client costs no more than two pieces of memory. */
#include <stdlib.h>

#include "conn_http.h"
#include "file.h"

#define PIECE_SIZE (64 * 1024)

struct lw_sending {
  lw_conn *conn; /* NULL once the answer is off */
  lw_file *file;
  uint64_t offset, left; /* of the file, bytes */
  bool is_reading;       /* a piece is under way, which then knows of us */
};

typedef struct piece {
  lw__work work;
  lw_sending *sending;
  uint64_t offset;
  size_t wanted;
  int64_t size; /* bytes read, or an error */
  uv_file fd;
  char data[PIECE_SIZE];
} piece;

static void read_next(lw_sending *s);

static void free_piece(void *context, intptr_t token) {
  (void)context;
  free((piece *)token);
}

/* The answer is complete, or cannot be: then it is shorter than it promised, and the connection
 * ends. */
static void finish(lw_sending *s) {
  lw_conn *conn = s->conn;
  lw__sending_stop(conn->http);
  lw_conn_answer_finish(conn);
}

static void write_piece(lw_sending *s, piece *p) {
  size_t size = (size_t)p->size;
  lw_part part = {.data = p->data, .size = size, .pinned = true, .token = (intptr_t)p};
  lw_outgoing body = {.parts = &part, .part_count = 1, .release = free_piece};
  lw_send_result result = lw_conn_answer_write(s->conn, &body);
  if (result < 0) return; /* the answer is off, and we with it */
  s->offset += size;
  s->left -= size;
  if (s->left == 0) {
    finish(s);
  } else if (result == LW_SEND_OK) {
    read_next(s);
  }
}

static void run_piece(lw__work *work) {
  piece *p = (piece *)work;
  p->size = lw__fs_read(p->fd, p->data, p->wanted, p->offset);
}

static void piece_done(lw__work *work, bool may_call) {
  piece *p = (piece *)work;
  lw_sending *s = p->sending;
  bool is_over = s->conn == NULL || !may_call;
  s->is_reading = false;
  lw__file_end(s->file);
  if (!is_over && p->size == (int64_t)p->wanted) {
    write_piece(s, p);
    return;
  }
  free(p);
  if (is_over) {
    free(s);
  } else {
    finish(s); /* it was cut short meanwhile */
  }
}

static void read_next(lw_sending *s) {
  piece *p = malloc(sizeof *p);
  if (p == NULL) {
    finish(s);
    return;
  }
  p->sending = s;
  p->offset = s->offset;
  p->wanted = s->left < PIECE_SIZE ? (size_t)s->left : PIECE_SIZE;
  p->fd = s->file->fd;
  s->is_reading = true;
  lw__file_begin(s->file);
  lw__work_start(s->conn->loop, &p->work, run_piece, piece_done);
}

void lw__sending_drained(lw_sending *s) {
  if (!s->is_reading) read_next(s);
}

void lw__sending_stop(lw_http *http) {
  lw_sending *s = http->sending;
  if (s == NULL) return;
  http->sending = NULL;
  s->conn = NULL;
  lw_file_close(s->file);
  if (!s->is_reading) free(s);
}

bool lw_conn_answer_file(lw_conn *conn, lw_file *file, uint64_t offset, uint64_t size) {
  lw_sending *s = NULL;
  bool may_send = lw__http_is_answering(conn) && conn->http->sending == NULL;
  if (may_send && !file->is_busy) s = calloc(1, sizeof *s);
  if (s == NULL) {
    lw_file_close(file);
    return false;
  }
  *s = (lw_sending){.conn = conn, .file = file, .offset = offset, .left = size};
  conn->http->sending = s;
  if (size == 0 || conn->http->exchange.answer == LW_ANSWER_NOTHING) {
    finish(s);
  } else {
    read_next(s);
  }
  return true;
}
