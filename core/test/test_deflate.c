#include "../proto/deflate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "../proto/mask.h"
#include "../proto/session.h"
#include "test.h"

enum { TEXT_MAX = 300000 };

static const lw_deflate_options options = {.level = 1, .memory_level = 5, .window_bits = 15};
static const lw_deflate_agreement apart = {.own_bits = 15, .peer_bits = 15, .peer_forgets = true};
static const lw_deflate_agreement together = {
    .own_bits = 15, .peer_bits = 15, .own_takeover = true, .peer_takeover = true};

static char text[TEXT_MAX];

/* JSON-like, the same in each run. */
static void make_text(void) {
  unsigned seed = 1;
  size_t size = 0;
  while (size < TEXT_MAX - 64) {
    seed = seed * 1103515245u + 12345u;
    size += (size_t)snprintf(text + size, 64, "{\"id\":%u,\"name\":\"user %u\"},", seed >> 12,
                             (seed >> 16) % 1000);
  }
  memset(text + size, 'x', TEXT_MAX - size);
}

typedef struct end {
  lw_deflate_pool *pool;
  lw_deflate *deflate;
} end;

static end open_end(const lw_deflate_agreement *agreement) {
  end e = {.pool = lw_deflate_pool_new()};
  if (e.pool != NULL) e.deflate = lw_deflate_new(e.pool, &options, agreement);
  return e;
}

static void close_end(end e) {
  lw_deflate_free(e.deflate);
  lw_deflate_pool_free(e.pool);
}

/* Inflates a payload that comes in pieces of `step`, each before a page that faults (a block of its
 * own where there are many), putting out at most `room` at once. Returns the error. */
static lw_error inflate_all(lw_deflate *d, lw_slice payload, size_t step, size_t room,
                            lw_buf *out) {
  size_t at = 0;
  for (;;) {
    size_t size = payload.size - at < step ? payload.size - at : step;
    uint8_t *piece = payload.size / step < 16 ? test_guarded(size) : malloc(size + 1);
    memcpy(piece, payload.data + at, size);
    lw_inflation x = {.data = piece, .size = size, .room = room};
    x.last = at + size == payload.size;
    lw_error error = lw_inflate(d, &x);
    if (x.piece.size > room || x.used > size) abort();
    if (!lw_buf_append_slice(out, x.piece)) abort();
    at += x.used;
    if (payload.size / step < 16) {
      test_guarded_free();
    } else {
      free(piece);
    }
    if (error != LW_OK || (x.last && !x.more)) return error;
  }
}

static bool same(const lw_buf *out, const char *expected, size_t size) {
  return out->size == size && (size == 0 || memcmp(out->data, expected, size) == 0);
}

static bool round_trip(lw_deflate *from, lw_deflate *to, size_t size, size_t step) {
  lw_slice part = {text, size}, payload;
  lw_buf out = {0};
  if (lw_deflate_message(from, &part, 1, &payload) != LW_DEFLATED) return false;
  bool good = inflate_all(to, payload, step, size + 1, &out) == LW_OK && same(&out, text, size);
  lw_buf_free(&out);
  return good;
}

static bool all_sizes(const lw_deflate_agreement *agreement) {
  static const size_t sizes[] = {0,    1,     100,   1000,  4095,  4096,    4097,
                                 5000, 20000, 65535, 65536, 65600, TEXT_MAX};
  static const size_t steps[] = {1, 7, 1000, SIZE_MAX};
  end a = open_end(agreement), b = open_end(agreement);
  bool good = true;
  for (size_t i = 0; good && i < sizeof sizes / sizeof *sizes; i++) {
    if (sizes[i] == 1 && !agreement->own_takeover) continue; /* would grow */
    for (size_t k = 0; good && k < sizeof steps / sizeof *steps; k++) {
      good = round_trip(a.deflate, b.deflate, sizes[i], steps[k]);
      if (!good) printf("%zu bytes in steps of %zu\n", sizes[i], steps[k]);
    }
  }
  close_end(a);
  close_end(b);
  return good;
}

TEST(what_is_compressed_can_be_inflated) {
  lw_deflate_agreement remembering = apart;
  remembering.peer_forgets = false;
  CHECK(all_sizes(&apart));
  CHECK(all_sizes(&remembering));
  CHECK(all_sizes(&together));
}

TEST(many_parts_are_one_message) {
  end a = open_end(&apart), b = open_end(&apart);
  lw_slice parts[100], payload;
  for (size_t i = 0; i < 100; i++) parts[i] = (lw_slice){text + i * 70, 70};
  CHECK_INT(lw_deflate_message(a.deflate, parts, 100, &payload), LW_DEFLATED);
  lw_buf out = {0};
  CHECK_INT(inflate_all(b.deflate, payload, SIZE_MAX, SIZE_MAX, &out), LW_OK);
  CHECK(same(&out, text, 7000));
  lw_buf_free(&out);
  close_end(a);
  close_end(b);
}

/* zlib with a window of 2^8 takes what we send to a peer that has no larger one. */
TEST(keeps_to_the_smallest_window) {
  static const lw_deflate_agreement smallest = {
      .own_bits = 8, .peer_bits = 15, .own_takeover = true};
  end a = open_end(&smallest);
  CHECK(lw_deflate_wants(a.deflate, 256) && !lw_deflate_wants(a.deflate, 257));
  CHECK(!lw_deflate_may_stream(a.deflate));
  z_stream z = {.next_in = Z_NULL};
  CHECK_INT(inflateInit2(&z, -8), Z_OK);
  for (size_t at = 0; at < 20000; at += 256) {
    uint8_t out[300];
    lw_slice part = {text + at, 256}, payload;
    CHECK_INT(lw_deflate_message(a.deflate, &part, 1, &payload), LW_DEFLATED);
    CHECK_INT(inflateReset(&z), Z_OK);
    z.next_in = (z_const Bytef *)payload.data;
    z.avail_in = (unsigned)payload.size;
    z.next_out = out;
    z.avail_out = sizeof out;
    CHECK_INT(inflate(&z, Z_SYNC_FLUSH), Z_OK);
    CHECK(memcmp(out, part.data, 256) == 0);
  }
  inflateEnd(&z);
  close_end(a);
}

/* Room for one byte at a time gives the same as much room. */
TEST(little_room_loses_nothing) {
  end a = open_end(&apart), b = open_end(&apart);
  lw_slice part = {text, 2000}, payload;
  CHECK_INT(lw_deflate_message(a.deflate, &part, 1, &payload), LW_DEFLATED);
  for (size_t room = 1; room < 300; room += 13) {
    for (size_t step = 1; step < 1000; step += 111) {
      lw_buf out = {0};
      CHECK_INT(inflate_all(b.deflate, payload, step, room, &out), LW_OK);
      CHECK(same(&out, text, 2000));
      lw_buf_free(&out);
    }
  }
  close_end(a);
  close_end(b);
}

/* --- sessions --- */

static size_t frame_of(uint8_t *wire, lw_slice payload) {
  lw_frame frame = {.opcode = LW_OP_BINARY, .fin = true, .rsv1 = true, .length = payload.size};
  size_t head = lw_frame_encode(wire, &frame);
  memcpy(wire + head, payload.data, payload.size);
  return head + payload.size;
}

/* 256 MiB in 256 kB. */
TEST(a_bomb_stops_at_the_limit) {
  static const lw_session_config config = {.max_message = 1 << 20};
  static char zeros[1 << 20];
  end a = open_end(&apart), b = open_end(&apart);
  lw_slice part = {zeros, sizeof zeros}, payload;
  lw_buf bomb = {0};
  for (int i = 0; i < 256; i++) {
    CHECK_INT(lw_deflate_fragment(a.deflate, &part, 1, i == 255, &payload), LW_DEFLATED);
    CHECK(lw_buf_append_slice(&bomb, payload));
  }
  CHECK(bomb.size < 2 << 20);
  uint8_t *wire = malloc(bomb.size + LW_FRAME_HEAD_MAX);
  CHECK(wire != NULL);
  size_t size = frame_of(wire, (lw_slice){(char *)bomb.data, bomb.size});
  lw_session s;
  lw_event event;
  lw_session_init(&s, &config);
  lw_session_use_deflate(&s, b.deflate);
  lw_session_feed(&s, wire, size);
  CHECK_INT(lw_session_next(&s, &event), LW_BROKEN);
  CHECK_INT(lw_session_error(&s), LW_E_MESSAGE_TOO_BIG);
  CHECK(s.message.data == NULL);
  lw_session_free(&s);
  b.deflate = NULL;
  close_end(a);
  close_end(b);
  lw_buf_free(&bomb);
  free(wire);
}

/* A stream gives one bounded piece at a time; an owner may stop in between and feed the rest. */
TEST(a_stream_can_be_paused) {
  static const lw_session_config config = {.is_server = true, .stream_messages = true};
  end a = open_end(&apart), b = open_end(&apart);
  lw_slice part = {text, TEXT_MAX}, payload;
  CHECK_INT(lw_deflate_fragment(a.deflate, &part, 1, true, &payload), LW_DEFLATED);
  uint8_t *wire = malloc(payload.size + LW_FRAME_HEAD_MAX);
  CHECK(wire != NULL);
  lw_frame frame = {.opcode = LW_OP_TEXT, .fin = true, .rsv1 = true, .masked = true};
  frame.length = payload.size;
  memcpy(frame.key, "\x12\x34\x56\x78", 4);
  size_t head = lw_frame_encode(wire, &frame), size = head + payload.size;
  lw_mask(wire + head, (const uint8_t *)payload.data, payload.size, frame.key, 0);
  lw_session s;
  lw_event event = {.final = false};
  lw_session_init(&s, &config);
  lw_session_use_deflate(&s, b.deflate);
  size_t got = 0, unread = size;
  bool paused_inside = false;
  while (!event.final) {
    uint8_t *copy = malloc(unread + 1); /* as if it had waited elsewhere */
    CHECK(copy != NULL);
    memcpy(copy, wire + size - unread, unread);
    lw_session_feed(&s, copy, unread);
    CHECK_INT(lw_session_next(&s, &event), LW_DONE);
    CHECK(event.data.size <= 70000 && memcmp(event.data.data, text + got, event.data.size) == 0);
    got += event.data.size;
    size_t left = lw_session_unread(&s);
    memcpy(wire + size - left, copy + unread - left, left);
    paused_inside = paused_inside || lw_session_has_output(&s);
    unread = left;
    lw_session_feed(&s, NULL, 0);
    free(copy);
  }
  CHECK(paused_inside && got == TEXT_MAX && unread == 0);
  CHECK(!lw_session_has_output(&s));
  lw_session_free(&s);
  b.deflate = NULL;
  close_end(a);
  close_end(b);
  free(wire);
}

/* --- no memory --- */

static bool survives(const lw_deflate_agreement *agreement, size_t size, unsigned n) {
  end a = open_end(agreement), b = open_end(agreement);
  if (a.deflate == NULL || b.deflate == NULL) {
    close_end(a);
    close_end(b);
    return test_allocation_failed();
  }
  lw_slice parts[2] = {{text, size / 2}, {text + size / 2, size - size / 2}}, payload;
  lw_deflate_result result = lw_deflate_message(a.deflate, parts, 2, &payload);
  lw_error error = LW_E_NOMEM;
  lw_inflation x = {.room = SIZE_MAX, .last = true};
  if (result == LW_DEFLATED) {
    x.data = (const uint8_t *)payload.data;
    x.size = payload.size;
    error = lw_inflate(b.deflate, &x);
  }
  bool failed = test_allocation_failed();
  bool good = error == LW_OK ? x.piece.size == size : error == LW_E_NOMEM && failed;
  close_end(a);
  close_end(b);
  (void)n;
  return good;
}

TEST(survives_any_failing_allocation) {
  const lw_deflate_agreement *agreements[] = {&apart, &together};
  for (size_t i = 0; i < 2; i++) {
    for (unsigned n = 1;; n++) {
      test_fail_allocation(n);
      CHECK(survives(agreements[i], 60000, n));
      bool failed = test_allocation_failed();
      test_fail_allocation(0);
      if (!failed) break;
    }
  }
}

TEST(streams_are_borrowed_for_a_message_only) {
  end e = open_end(&apart);
  lw_deflate *other = lw_deflate_new(e.pool, &options, &apart);
  lw_slice part = {text, 3000}, payload;
  CHECK(other != NULL && lw_deflate_message(e.deflate, &part, 1, &payload) == LW_DEFLATED);
  char kept[3000];
  size_t size = payload.size;
  memcpy(kept, payload.data, size);
  lw_inflation x = {.data = (uint8_t *)kept, .size = size, .room = SIZE_MAX, .last = true};
  CHECK_INT(lw_inflate(e.deflate, &x), LW_OK);
  test_fail_allocation(1);
  CHECK_INT(lw_deflate_message(other, &part, 1, &payload), LW_DEFLATED);
  CHECK_INT(lw_inflate(other, &x), LW_OK);
  CHECK(!test_allocation_failed());
  lw_deflate_free(other);
  close_end(e);
}

int main(void) {
  make_text();
  RUN(what_is_compressed_can_be_inflated);
  RUN(many_parts_are_one_message);
  RUN(keeps_to_the_smallest_window);
  RUN(little_room_loses_nothing);
  RUN(a_bomb_stops_at_the_limit);
  RUN(a_stream_can_be_paused);
  RUN(survives_any_failing_allocation);
  RUN(streams_are_borrowed_for_a_message_only);
  return test_end();
}
