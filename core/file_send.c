/* A file as the body of an answer, piece by piece, each when the peer has taken most of what came
 * before, so that a slow client costs no more than two pieces of memory.
 *
 * Where the transport can send files itself their bytes never come by here, which takes half of the
 * time. Then the pool only sees to it that the next of them are in memory, because sending
 * must not wait for the disk. Else, as with most TLS, the pool reads them. */
#include <stdlib.h>

#include "conn_http.h"
#include "file.h"

#define PIECE_SIZE (64 * 1024)  /* to read */
#define WARM_SIZE (2048 * 1024) /* to see to that it is in memory */
#define PAGE_SIZE 4096          /* the smallest there is: what the system reads at least */

struct lw_sending {
  lw_conn *conn; /* NULL once the answer is off */
  lw_file *file;
  uint64_t offset, left; /* of the file, bytes */
  size_t warm;           /* bytes from offset that are in memory */
  bool is_reading;       /* a piece is under way, which then knows of us */
  bool by_transport;     /* it sends the bytes itself */
};

typedef struct piece {
  lw__work work;
  lw_sending *sending;
  uint64_t offset;
  size_t wanted;
  int64_t size; /* bytes that are there, or an error */
  uv_file fd;
  char data[]; /* when it is to be read */
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

/* Sends what is in memory, as far as the peer takes it. */
static void send_warm(lw_sending *s) {
  lw_conn *conn = s->conn;
  lw_http *http = conn->http;
  lw__conn_flush(conn);
  if (http->sending != s) return; /* that failed, and the answer is off */
  ssize_t sent = 0;
  if (!conn->is_writing) {
    sent = lw_transport_send_file(conn->io, s->file->fd, s->offset, s->warm);
    if (sent == UV_ENOTSUP) {
      s->by_transport = false;
      s->warm = 0;
      read_next(s);
      return;
    }
    if (sent < 0) {
      if (sent == UV_EOF) finish(s); /* it was cut short meanwhile */
      if (sent != UV_EOF) lw__conn_finish_uv(conn, (int)sent);
      return;
    }
    lw_exchange_write(&http->exchange, (uint64_t)sent);
    s->offset += (uint64_t)sent;
    s->left -= (uint64_t)sent;
    s->warm -= (size_t)sent;
  }
  if (s->warm > 0) {
    conn->is_writing = conn->is_slow = true; /* it will tell of room */
    lw__loop_unsettle(conn->loop, conn);
  } else if (s->left == 0) {
    finish(s);
  } else {
    read_next(s);
  }
}

/* Reads a byte of each page, which brings it into memory. */
static int64_t warm(const piece *p) {
  char byte;
  for (size_t at = 0; at < p->wanted; at += PAGE_SIZE) {
    int64_t got = lw__fs_read(p->fd, &byte, 1, p->offset + at);
    if (got != 1) return got < 0 ? got : (int64_t)at;
  }
  return (int64_t)p->wanted;
}

static void run_warming(lw__work *work) {
  piece *p = (piece *)work;
  p->size = warm(p);
}

static void run_reading(lw__work *work) {
  piece *p = (piece *)work;
  p->size = lw__fs_read(p->fd, p->data, p->wanted, p->offset);
}

static void piece_done(lw__work *work, bool may_call) {
  (void)may_call; /* when the loop is being freed, the connection went before */
  piece *p = (piece *)work;
  lw_sending *s = p->sending;
  bool is_off = s->conn == NULL, is_whole = p->size == (int64_t)p->wanted;
  s->is_reading = false;
  lw__file_end(s->file);
  if (!is_off && is_whole && !s->by_transport) {
    write_piece(s, p);
    return;
  }
  s->warm = p->wanted;
  free(p);
  if (is_off) {
    free(s);
  } else if (is_whole) {
    send_warm(s);
  } else {
    finish(s); /* it was cut short meanwhile */
  }
}

static void read_next(lw_sending *s) {
  size_t most = s->by_transport ? WARM_SIZE : PIECE_SIZE;
  size_t wanted = s->left < most ? (size_t)s->left : most;
  piece *p = malloc(sizeof *p + (s->by_transport ? 0 : wanted));
  if (p == NULL) {
    finish(s);
    return;
  }
  p->sending = s;
  p->offset = s->offset;
  p->wanted = wanted;
  p->fd = s->file->fd;
  s->is_reading = true;
  lw__file_begin(s->file);
  lw__work_start(s->conn->loop, &p->work, s->by_transport ? run_warming : run_reading, piece_done);
}

void lw__sending_drained(lw_sending *s) {
  if (s->is_reading) return;
  if (s->warm > 0) {
    send_warm(s);
  } else {
    read_next(s);
  }
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
  s->by_transport = conn->io != NULL && lw_transport_sends_files(conn->io);
  conn->http->sending = s;
  if (size == 0 || conn->http->exchange.answer == LW_ANSWER_NOTHING) {
    finish(s);
  } else {
    read_next(s);
  }
  return true;
}
