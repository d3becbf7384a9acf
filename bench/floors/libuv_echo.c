/* The floor on libuv's streams: libuv_echo PORT. cc -O3 -o libuv_echo libuv_echo.c -luv -lcrypto */
#include <uv.h>

#include "floor.h"

typedef struct conn {
  uv_tcp_t tcp;
  floor_conn state;
} conn;

typedef struct late_write {
  uv_write_t request;
  uint8_t data[];
} late_write;

static uint8_t buffer[FLOOR_BUFFER + 1];

static void on_closed(uv_handle_t *handle) {
  conn *c = (conn *)handle;
  free(c->state.kept);
  free(c);
}

static void drop(conn *c) {
  if (!uv_is_closing((uv_handle_t *)c)) uv_close((uv_handle_t *)c, on_closed);
}

static void on_written(uv_write_t *request, int status) {
  (void)status;
  free(request);
}

static void write_out(conn *c, const uint8_t *data, size_t size) {
  uv_buf_t piece = uv_buf_init((char *)data, (unsigned)size);
  int sent = uv_try_write((uv_stream_t *)c, &piece, 1);
  if (sent == (int)size) return;
  if (sent < 0) sent = 0;
  late_write *late = malloc(sizeof *late + size - (size_t)sent);
  if (late == NULL) return drop(c);
  memcpy(late->data, data + sent, size - (size_t)sent);
  piece = uv_buf_init((char *)late->data, (unsigned)(size - (size_t)sent));
  uv_write(&late->request, (uv_stream_t *)c, &piece, 1, on_written);
}

static void answer(conn *c, size_t size) {
  char text[256];
  buffer[size] = '\0';
  size_t length = floor_upgrade((const char *)buffer, text);
  c->state.is_open = length > 0;
  if (length == 0) return drop(c);
  write_out(c, (const uint8_t *)text, length);
}

static void echo(conn *c, size_t size) {
  static const uint8_t close_frame[2] = {0x88, 0};
  size_t used;
  if ((buffer[0] & 0x0f) == 8 && c->state.kept_size == 0) {
    write_out(c, close_frame, sizeof close_frame);
    return drop(c);
  }
  size_t out = floor_echo(buffer, size, &used);
  if (out > 0) write_out(c, buffer, out);
  if (!floor_keep(&c->state, buffer + used, size - used)) drop(c);
}

static void lend(uv_handle_t *handle, size_t wanted, uv_buf_t *piece) {
  conn *c = (conn *)handle;
  size_t kept = c->state.kept_size;
  (void)wanted;
  if (kept > 0) memcpy(buffer, c->state.kept, kept);
  *piece = uv_buf_init((char *)buffer + kept, (unsigned)(FLOOR_BUFFER - kept));
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *piece) {
  conn *c = (conn *)stream;
  (void)piece;
  if (size < 0) {
    drop(c);
  } else if (size > 0 && c->state.is_open) {
    echo(c, c->state.kept_size + (size_t)size);
  } else if (size > 0) {
    answer(c, (size_t)size);
  }
}

static void on_accept(uv_stream_t *listener, int status) {
  conn *c = status == 0 ? calloc(1, sizeof *c) : NULL;
  if (c == NULL) return;
  uv_tcp_init(listener->loop, &c->tcp);
  if (uv_accept(listener, (uv_stream_t *)c) != 0) return drop(c);
  uv_tcp_nodelay(&c->tcp, 1);
  uv_read_start((uv_stream_t *)c, lend, on_read);
}

int main(int count, char **arguments) {
  uv_tcp_t listener;
  struct sockaddr_in address;
  uv_ip4_addr("127.0.0.1", count > 1 ? atoi(arguments[1]) : 0, &address);
  uv_tcp_init(uv_default_loop(), &listener);
  if (uv_tcp_bind(&listener, (struct sockaddr *)&address, 0) != 0) return 1;
  if (uv_listen((uv_stream_t *)&listener, 511, on_accept) != 0) return 1;
  return uv_run(uv_default_loop(), UV_RUN_DEFAULT);
}
