/* What the two floors share: the least that an echo server can do with bytes. They bound from below
 * what a server on raw epoll or on libuv can cost; they check next to nothing and are no servers.
 *
 * A message must fit into FLOOR_BUFFER; one that comes in pieces is kept until it is whole. */
#ifndef FLOOR_H
#define FLOOR_H

#include <openssl/evp.h>
#include <openssl/sha.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#ifdef FLOOR_LUA
#include "floor_lua.h"
#endif

#define FLOOR_BUFFER ((size_t)1024 * 1024)

typedef struct floor_conn {
  bool is_open;
  uint8_t *kept; /* the beginning of a frame that is not whole */
  size_t kept_size, kept_room;
} floor_conn;

/* RFC 6455 section 4.2.2. Returns the size of the answer, or 0 when the request is not whole. */
static inline size_t floor_upgrade(const char *request, char answer[256]) {
  uint8_t digest[SHA_DIGEST_LENGTH];
  char text[128], accept[64];
  const char *key = strstr(request, "Sec-WebSocket-Key: ");
  if (strstr(request, "\r\n\r\n") == NULL || key == NULL) return 0;
  snprintf(text, sizeof text, "%.24s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", key + 19);
  SHA1((const uint8_t *)text, strlen(text), digest);
  EVP_EncodeBlock((uint8_t *)accept, digest, sizeof digest);
  return (size_t)snprintf(answer, 256,
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n\r\n",
                          accept);
}

static inline void floor_unmask(uint8_t *to, const uint8_t *from, size_t size,
                                const uint8_t key[4]) {
  uint64_t wide, block;
  uint8_t twice[8] = {key[0], key[1], key[2], key[3], key[0], key[1], key[2], key[3]};
  memcpy(&wide, twice, 8);
  size_t i = 0;
  for (; i + 8 <= size; i += 8) {
    memcpy(&block, from + i, 8);
    block ^= wide;
    memcpy(to + i, &block, 8);
  }
  for (; i < size; i++) to[i] = from[i] ^ key[i & 3];
}

/* Turns the whole frames at `data` into their echoes, in place (they are shorter by the key).
 * Returns the size of the echoes; *used is how much input they took. */
static inline size_t floor_echo(uint8_t *data, size_t size, size_t *used) {
  size_t at = 0, out = 0;
  while (size - at >= 6) {
    uint64_t length = data[at + 1] & 0x7f;
    size_t head = 2;
    if (length == 126) {
      length = (uint64_t)data[at + 2] << 8 | data[at + 3];
      head = 4;
    } else if (length == 127) {
      if (size - at < 14) break;
      length = 0;
      for (int i = 2; i < 10; i++) length = length << 8 | data[at + (size_t)i];
      head = 10;
    }
    if (size - at < head + 4 || size - at - head - 4 < length) break;
    uint8_t key[4], first = data[at], second = data[at + 1] & 0x7f;
    memcpy(key, data + at + head, 4);
    data[out] = first;
    data[out + 1] = second;
    memmove(data + out + 2, data + at + 2, head - 2);
    floor_unmask(data + out + head, data + at + head + 4, length, key);
#ifdef FLOOR_LUA
    floor_lua_echo(data + out + head, length);
#endif
    out += head + length;
    at += head + 4 + length;
  }
  *used = at;
  return out;
}

/* Keeps what is left of the input. False when out of memory. */
static inline bool floor_keep(floor_conn *conn, const uint8_t *data, size_t size) {
  if (size > conn->kept_room) {
    uint8_t *grown = realloc(conn->kept, FLOOR_BUFFER);
    if (grown == NULL || size > FLOOR_BUFFER) return false;
    conn->kept = grown;
    conn->kept_room = FLOOR_BUFFER;
  }
  if (size > 0) memmove(conn->kept, data, size);
  conn->kept_size = size;
  return true;
}

#endif
