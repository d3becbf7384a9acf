/* Plain HTTP, as far as measuring needs it: the same request again and again. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "load.h"

void requests_make(frames *f, const load_options *options) {
  char text[256];
  int length = snprintf(text, sizeof text, "GET /hello HTTP/1.1\r\nHost: localhost:%d\r\n\r\n",
                        options->port);
  f->frame_size = (size_t)length;
  f->reply_size = 0;
  f->data = malloc(f->frame_size * (size_t)options->depth);
  if (f->data == NULL) load_fail("out of memory");
  for (int i = 0; i < options->depth; i++) {
    memcpy(f->data + (size_t)i * f->frame_size, text, f->frame_size);
  }
}

/* The bytes of one answer, which is asked for. All are as long: only their Date changes. */
static size_t answer_size(stream *s, const frames *f) {
  char text[1024];
  size_t size = 0;
  stream_write_all(s, f->data, f->frame_size);
  for (;;) {
    size_t part = stream_read_some(s, text + size, sizeof text - 1 - size);
    if (part == 0) load_fail("the server ended a connection");
    size += part;
    text[size] = '\0';
    if (strncmp(text, "HTTP/1.1 200 ", size < 13 ? size : 13) != 0) load_fail("%.60s", text);
    const char *end = strstr(text, "\r\n\r\n"), *length = strstr(text, "Content-Length: ");
    if (end == NULL || length == NULL) continue;
    size_t whole = (size_t)(end + 4 - text) + strtoul(length + 16, NULL, 10);
    if (size >= whole) return whole;
  }
}

void requests_open(stream *s, frames *f) {
  if (f->reply_size == 0) f->reply_size = answer_size(s, f);
}

unsigned requests_read(frame_reader *reader, const frames *f, size_t size) {
  reader->size += size;
  unsigned answers = (unsigned)(reader->size / f->reply_size);
  reader->size %= f->reply_size;
  return answers;
}
