/* Frames of RFC 6455 section 5, as far as measuring needs them. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "load.h"

enum { FIN = 0x80, COMPRESSED = 0x40, TEXT = 1, BINARY = 2, CLOSE = 8 };

/* Text as feeds have it, so that compression has something to do. */
static void fill_json(uint8_t *data, size_t size) {
  size_t at = 0;
  for (unsigned i = 0; at < size; i++) {
    char row[160];
    int length = snprintf(row, sizeof row,
                          "{\"id\":%u,\"symbol\":\"S%u\",\"price\":%u.%02u,\"volume\":%u,"
                          "\"time\":\"2024-05-%02uT12:%02u:%02uZ\"},",
                          i * 7919 % 100000, i * 31 % 97, i * 53 % 400, i * 17 % 100,
                          i * 271 % 9973, i % 28 + 1, i * 7 % 60, i * 13 % 60);
    size_t part = (size_t)length < size - at ? (size_t)length : size - at;
    memcpy(data + at, row, part);
    at += part;
  }
}

/* RFC 7692 section 7.2.1: raw deflate, without the empty block's last four bytes. */
static size_t deflate_payload(uint8_t **data, size_t size) {
  z_stream z = {0};
  if (deflateInit2(&z, 6, Z_DEFLATED, -15, 8, Z_DEFAULT_STRATEGY) != Z_OK) load_fail("zlib");
  size_t room = deflateBound(&z, size) + 16;
  uint8_t *packed = malloc(room);
  if (packed == NULL) load_fail("out of memory");
  z.next_in = *data;
  z.avail_in = (unsigned)size;
  z.next_out = packed;
  z.avail_out = (unsigned)room;
  if (deflate(&z, Z_SYNC_FLUSH) != Z_OK) load_fail("zlib");
  size_t packed_size = room - z.avail_out - 4;
  deflateEnd(&z);
  free(*data);
  *data = packed;
  return packed_size;
}

static size_t write_head(uint8_t *to, uint8_t first, size_t size, const uint8_t key[4]) {
  size_t at = 2;
  to[0] = first;
  if (size < 126) {
    to[1] = (uint8_t)(0x80 | size);
  } else if (size <= UINT16_MAX) {
    to[1] = 0x80 | 126;
    to[at++] = (uint8_t)(size >> 8);
    to[at++] = (uint8_t)size;
  } else {
    to[1] = 0x80 | 127;
    for (int shift = 56; shift >= 0; shift -= 8) to[at++] = (uint8_t)((uint64_t)size >> shift);
  }
  memcpy(to + at, key, 4);
  return at + 4;
}

void frames_make(frames *f, const load_options *options) {
  size_t size = options->size;
  uint8_t first = FIN | (options->deflate ? TEXT | COMPRESSED : BINARY);
  uint8_t *payload = malloc(size + 1);
  if (payload == NULL) load_fail("out of memory");
  fill_json(payload, size);
  f->reply_size = options->deflate ? SIZE_MAX : size;
  if (options->deflate) size = deflate_payload(&payload, size);
  f->data = malloc((size + 14) * (size_t)options->depth);
  if (f->data == NULL) load_fail("out of memory");
  uint8_t *to = f->data;
  for (int i = 0; i < options->depth; i++) { /* a key of its own for each: a server unmasks */
    uint8_t key[4] = {(uint8_t)(0x37 + i), (uint8_t)(0xfa ^ i), 0x21, (uint8_t)(0x3d + 3 * i)};
    size_t head = write_head(to, first, size, key);
    for (size_t j = 0; j < size; j++) to[head + j] = payload[j] ^ key[j & 3];
    to += head + size;
    f->frame_size = head + size;
  }
  free(payload);
}

/* --- reading --- */

static size_t head_size(const frame_reader *reader) {
  if (reader->head_size < 2) return 2;
  unsigned length = reader->head[1];
  return length < 126 ? 2 : length == 126 ? 4 : 10;
}

static void begin_payload(frame_reader *reader) {
  const uint8_t *head = reader->head;
  if ((head[1] & 0x80) != 0) load_fail("a frame of the server is masked");
  uint64_t length = head[1] & 0x7f;
  if (length == 126) {
    length = (uint64_t)head[2] << 8 | head[3];
  } else if (length == 127) {
    length = 0;
    for (int i = 2; i < 10; i++) length = length << 8 | head[i];
  }
  reader->is_control = (head[0] & 0x08) != 0;
  reader->is_final = (head[0] & FIN) != 0;
  if ((head[0] & 0x0f) == CLOSE) reader->has_closed = true;
  reader->left = length;
  if (!reader->is_control) reader->size += length;
  reader->in_payload = true;
  reader->head_size = 0;
}

/* One frame is whole. Tells whether a message is. */
static unsigned end_payload(frame_reader *reader, const frames *f) {
  reader->in_payload = false;
  if (reader->is_control || !reader->is_final) return 0;
  if (f->reply_size != SIZE_MAX && reader->size != f->reply_size) {
    load_fail("a message of %llu bytes came, not of %zu", (unsigned long long)reader->size,
              f->reply_size);
  }
  reader->size = 0;
  return 1;
}

unsigned frames_read(frame_reader *reader, const frames *f, const uint8_t *data, size_t size) {
  unsigned messages = 0;
  while (size > 0) {
    if (!reader->in_payload) {
      reader->head[reader->head_size++] = *data++;
      size--;
      if (reader->head_size < head_size(reader)) continue;
      begin_payload(reader);
    }
    size_t part = reader->left < size ? (size_t)reader->left : size;
    reader->left -= part;
    data += part;
    size -= part;
    if (reader->left == 0) messages += end_payload(reader, f);
  }
  return messages;
}
