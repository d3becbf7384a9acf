#include "../proto/session.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../proto/mask.h"
#include "test.h"

static const lw_session_config server = {.max_message = 1000, .is_server = true};
static const lw_session_config client = {.max_message = 1000};
static const lw_session_config stream = {.is_server = true, .stream_messages = true};

/* --- what a peer sends --- */

typedef struct wire {
  uint8_t data[4096];
  size_t size;
} wire;

static void add(wire *w, uint8_t first, bool masked, const char *payload, size_t size) {
  lw_frame frame = {.length = size, .opcode = first & 15, .fin = first >> 7, .masked = masked};
  memcpy(frame.key, "\x37\xfa\x21\x3d", 4);
  w->size += lw_frame_encode(w->data + w->size, &frame);
  memcpy(w->data + w->size, payload, size);
  if (masked) lw_mask(w->data + w->size, w->data + w->size, size, frame.key, 0);
  w->size += size;
}

static void add_text(wire *w, uint8_t first, const char *payload) {
  add(w, first, true, payload, strlen(payload));
}

/* --- what a session answers, as one line of text --- */

typedef struct record {
  char text[4096];
  size_t size;
} record;

static void note(record *r, const char *format, int number, lw_slice data) {
  size_t room = sizeof r->text - r->size;
  int n = snprintf(r->text + r->size, room, format, number, (int)data.size,
                   data.data == NULL ? "" : data.data);
  r->size += (size_t)n < room ? (size_t)n : room - 1;
}

static void note_event(record *r, const lw_event *event) {
  static const char *const formats[] = {
      [LW_EVENT_MESSAGE] = "message%d(%.*s) ", [LW_EVENT_CHUNK] = "chunk%d(%.*s) ",
      [LW_EVENT_PING] = "ping%d(%.*s) ",       [LW_EVENT_PONG] = "pong%d(%.*s) ",
      [LW_EVENT_CLOSE] = "close%d(%.*s) ",
  };
  bool is_close = event->type == LW_EVENT_CLOSE;
  bool ends = event->type == LW_EVENT_CHUNK && event->final;
  note(r, ends ? "final%d(%.*s) " : formats[event->type],
       is_close ? event->code : (int)event->opcode, event->data);
}

static lw_result pull(lw_session *s, record *r, uint8_t *data, size_t size) {
  lw_event event;
  lw_result result;
  lw_session_feed(s, data, size);
  while ((result = lw_session_next(s, &event)) == LW_DONE) note_event(r, &event);
  if (result == LW_BROKEN) {
    lw_slice name = lw_slice_of(lw_error_name(lw_session_error(s)));
    note(r, "%d(%.*s)! ", lw_error_number(lw_session_error(s)), name);
  }
  return result;
}

/* Whether the bytes are put where the session has room for them. */
static bool uses_room;

/* Feeds one piece, from memory of exactly its size so that sanitizers see any step outside. */
static void feed(lw_session *s, record *r, const uint8_t *data, size_t size) {
  size_t lent = 0;
  uint8_t *room = uses_room ? lw_session_room(s, 1, &lent) : NULL;
  if (lent > size) lent = size;
  if (room != NULL) {
    memcpy(room, data, lent);
    if (pull(s, r, room, lent) == LW_BROKEN || lent == size) return;
  }
  uint8_t *piece = malloc(size - lent);
  if (piece == NULL) return;
  memcpy(piece, data + lent, size - lent);
  pull(s, r, piece, size - lent);
  free(piece);
}

static bool same_in_pieces(const lw_session_config *config, const wire *w, size_t step,
                           const char *expected) {
  lw_session s;
  record r = {0};
  lw_session_init(&s, config);
  bool broken = false;
  for (size_t at = 0; at < w->size && !broken; at += step) {
    feed(&s, &r, w->data + at, w->size - at < step ? w->size - at : step);
    broken = lw_session_error(&s) != LW_OK;
  }
  lw_session_free(&s);
  bool same = strcmp(r.text, expected) == 0;
  if (!same) printf("in steps of %zu: %s\n", step, r.text);
  return same;
}

static bool gives(const lw_session_config *config, const wire *w, const char *expected) {
  bool same = true;
  for (size_t step = 1; step <= w->size && same; step++) {
    for (int i = 0; i < 2 && same; i++) {
      uses_room = i == 1;
      same = same_in_pieces(config, w, step, expected);
    }
  }
  uses_room = false;
  return same;
}

static bool gives_bytes(const lw_session_config *config, const char *data, size_t size,
                        const char *expected) {
  wire w = {.size = size};
  memcpy(w.data, data, size);
  return gives(config, &w, expected);
}

#define GIVES(config, bytes, expected)                                                             \
  CHECK(gives_bytes(config, bytes, sizeof(bytes) - 1, expected))

/* --- the way in --- */

TEST(reads_the_examples_of_the_rfc) {
  GIVES(&client, "\x81\x05Hello", "message1(Hello) ");
  GIVES(&server, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "message1(Hello) ");
  GIVES(&client, "\x01\x03Hel\x80\x02lo", "message1(Hello) ");
  GIVES(&client, "\x89\x05Hello", "ping9(Hello) ");
  GIVES(&server, "\x8a\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", "pong10(Hello) ");
}

TEST(reads_control_frames_between_fragments) {
  wire w = {0};
  add_text(&w, 0x01, "one ");
  add_text(&w, 0x89, "ping");
  add_text(&w, 0x00, "");
  add_text(&w, 0x00, "two ");
  add_text(&w, 0x8a, "");
  add_text(&w, 0x80, "three");
  add_text(&w, 0x82, "");
  add_text(&w, 0x88,
           "\x03\xe8"
           "bye");
  add_text(&w, 0x81, "too late");
  CHECK(gives(&server, &w,
              "ping9(ping) pong10() message1(one two three) message2() close1000(bye) "));
}

TEST(an_empty_message_may_come_in_fragments) {
  GIVES(&client, "\x01\x00\x00\x00\x80\x00\x82\x00", "message1() message2() ");
}

TEST(checks_text_over_fragments) {
  GIVES(&client, "\x01\x01\xe2\x00\x01\x82\x80\x01\xac", "message1(\xe2\x82\xac) ");
  GIVES(&client, "\x01\x01\xe2\x80\x01\x82", "1007(INVALID_UTF8)! ");
  GIVES(&client, "\x81\x02\xe2\x82", "1007(INVALID_UTF8)! ");
  GIVES(&client, "\x01\x01\xe2\x80\x00", "1007(INVALID_UTF8)! ");
  GIVES(&client, "\x82\x02\xff\xff\x81\x01z", "message2(\xff\xff) message1(z) ");
}

/* The rest of the message never comes, nor does it need to. */
TEST(fails_at_the_first_impossible_byte) {
  GIVES(&client, "\x81\x7f\x00\x00\x00\x00\x00\x01\x00\x00", "1009(MESSAGE_TOO_BIG)! ");
  GIVES(&client, "\x81\x64ok\xed\xa0", "1007(INVALID_UTF8)! ");
  GIVES(&client, "\x01\x02ok\x00\x64\xc0", "1007(INVALID_UTF8)! ");
  GIVES(&client, "\x88\x7d\x03\xe8ok\xff", "1007(CLOSE_UTF8)! ");
  GIVES(&client, "\x88\x7d\x03\xed", "1002(CLOSE_CODE)! ");
  GIVES(&client, "\x88\x01", "1002(CLOSE_PAYLOAD)! ");
  GIVES(&client,
        "\x81\x01"
        "a\x80",
        "message1(a) 1002(UNEXPECTED_CONTINUATION)! ");
  GIVES(&client, "\x01\x00\x89\x00\x81", "ping9() 1002(EXPECTED_CONTINUATION)! ");
}

TEST(limits_the_sum_of_all_fragments) {
  char payload[1001];
  memset(payload, 'a', sizeof payload);
  wire w = {0};
  add(&w, 0x02, true, payload, 999);
  add(&w, 0x89, true, "", 0);
  add(&w, 0x00, true, payload, 1);
  add(&w, 0x80, true, payload, 1);
  CHECK(gives(&server, &w, "ping9() 1009(MESSAGE_TOO_BIG)! "));
  w.size = 0;
  add(&w, 0x82, true, payload, 1001);
  CHECK(gives(&server, &w, "1009(MESSAGE_TOO_BIG)! "));
}

/* 2^63 - 1 more than what is there must not wrap round. */
TEST(does_not_overflow) {
  static const lw_session_config huge = {.max_message = UINT64_MAX};
  static const uint8_t data[] = "\x02\x01"
                                "a\x00\x7f\x7f\xff\xff\xff\xff\xff\xff\xff"
                                "b";
  lw_session s;
  record r = {0};
  lw_session_init(&s, &huge);
  feed(&s, &r, data, sizeof data - 1);
  CHECK_INT(r.size, 0);
  CHECK_INT(lw_session_error(&s), LW_OK);
  CHECK(s.message.size == 2 && s.message.capacity < 1000);
  lw_session_free(&s);
  GIVES(&client,
        "\x02\x01"
        "a\x00\x7f\x7f\xff\xff\xff\xff\xff\xff\xff",
        "1009(MESSAGE_TOO_BIG)! ");
}

TEST(whole_messages_are_not_copied) {
  uint8_t data[] = "\x81\x05Hello\x89\x01p\x88\x04\x03\xe8ok";
  lw_session s;
  lw_event event;
  lw_session_init(&s, &client);
  lw_session_feed(&s, data, sizeof data - 1);
  test_fail_allocation(1);
  CHECK_INT(lw_session_next(&s, &event), LW_DONE);
  CHECK(event.data.data == (char *)data + 2 && event.data.size == 5);
  CHECK_INT(lw_session_unread(&s), 9);
  CHECK_INT(lw_session_next(&s, &event), LW_DONE);
  CHECK(event.data.data == (char *)data + 9 && event.data.size == 1);
  CHECK_INT(lw_session_next(&s, &event), LW_DONE);
  CHECK(event.data.data == (char *)data + 14 && event.data.size == 2);
  CHECK_INT(lw_session_next(&s, &event), LW_MORE);
  CHECK(!test_allocation_failed());
}

TEST(an_idle_session_owns_no_memory) {
  wire w = {0};
  add_text(&w, 0x01, "Hel");
  add_text(&w, 0x89, "ping");
  add_text(&w, 0x80, "lo");
  lw_session s;
  record r = {0};
  lw_session_init(&s, &server);
  for (size_t i = 0; i < w.size; i++) feed(&s, &r, w.data + i, 1);
  CHECK(strcmp(r.text, "ping9(ping) message1(Hello) ") == 0);
  CHECK(s.message.data == NULL && s.control == NULL);
}

TEST(empty_fragments_cost_nothing) {
  lw_session s;
  record r = {0};
  lw_session_init(&s, &client);
  test_fail_allocation(0);
  feed(&s, &r, (const uint8_t *)"\x01\x00", 2);
  for (unsigned i = 0; i < 100000; i++) feed(&s, &r, (const uint8_t *)"\x00\x00", 2);
  CHECK(s.message.data == NULL && r.size == 0);
  lw_session_free(&s);
}

TEST(tiny_fragments_are_bounded) {
  static const lw_session_config config = {.max_message = 10000};
  lw_session s;
  record r = {0};
  lw_session_init(&s, &config);
  feed(&s, &r, (const uint8_t *)"\x02\x00", 2);
  unsigned count = 0;
  while (lw_session_error(&s) == LW_OK && count < 20000) {
    CHECK(s.message.capacity <= 10000);
    feed(&s, &r, (const uint8_t *)"\x00\x01x", 3);
    count++;
  }
  CHECK_INT(count, 10001);
  CHECK_INT(lw_session_error(&s), LW_E_MESSAGE_TOO_BIG);
  CHECK(s.message.data == NULL);
}

TEST(nothing_comes_after_an_error) {
  uint8_t data[] = "\x81\x01"
                   "a\x83\x81\x01"
                   "b";
  lw_session s;
  lw_event event;
  lw_session_init(&s, &client);
  lw_session_feed(&s, data, sizeof data - 1);
  CHECK_INT(lw_session_next(&s, &event), LW_DONE);
  for (int i = 0; i < 3; i++) CHECK_INT(lw_session_next(&s, &event), LW_BROKEN);
  CHECK_INT(lw_session_unread(&s), 0);
  lw_session_feed(&s, data, 3);
  CHECK_INT(lw_session_unread(&s), 0);
  CHECK_INT(lw_session_next(&s, &event), LW_BROKEN);
  CHECK_INT(lw_session_error(&s), LW_E_RESERVED_OPCODE);
}

TEST(nothing_comes_after_close) {
  uint8_t data[] = "\x88\x00\x81\x01"
                   "a";
  lw_session s;
  lw_event event;
  lw_session_init(&s, &client);
  lw_session_feed(&s, data, sizeof data - 1);
  CHECK_INT(lw_session_next(&s, &event), LW_DONE);
  CHECK(event.type == LW_EVENT_CLOSE && event.code == LW_CLOSE_NO_STATUS);
  CHECK_INT(lw_session_next(&s, &event), LW_MORE);
  CHECK_INT(lw_session_unread(&s), 0);
  lw_session_feed(&s, (uint8_t[]){0xff}, 1);
  CHECK_INT(lw_session_next(&s, &event), LW_MORE);
  CHECK_INT(lw_session_error(&s), LW_OK);
}

TEST(a_message_under_way_is_freed_by_close) {
  lw_session s;
  record r = {0};
  lw_session_init(&s, &client);
  feed(&s, &r,
       (const uint8_t *)"\x01\x01"
                        "a\x88\x00",
       5);
  CHECK(strcmp(r.text, "close1005() ") == 0);
  CHECK(s.message.data == NULL);
}

/* --- streams --- */

/* The pieces depend on the chunking; their sum does not. */
TEST(streams_what_it_has) {
  wire w = {0};
  add_text(&w, 0x01, "Hel");
  add_text(&w, 0x00, "");
  add_text(&w, 0x89, "p");
  add_text(&w, 0x80, "lo");
  CHECK(same_in_pieces(&stream, &w, w.size, "chunk1(Hel) ping9(p) final1(lo) "));
  CHECK(same_in_pieces(&stream, &w, 1,
                       "chunk1(H) chunk1(e) chunk1(l) ping9(p) chunk1(l) final1(o) "));
  GIVES(&(lw_session_config){.stream_messages = true}, "\x02\x00\x00\x00\x80\x00", "final2() ");
}

TEST(streams_have_no_limit_but_their_text_is_checked) {
  static const lw_session_config config = {.max_message = 1, .stream_messages = true};
  wire w = {.size = 6};
  memcpy(w.data,
         "\x81\x04"
         "abc\xff",
         w.size);
  CHECK(same_in_pieces(&config, &w, 6, "1007(INVALID_UTF8)! "));
  CHECK(same_in_pieces(&config, &w, 5, "chunk1(abc) 1007(INVALID_UTF8)! "));
}

/* --- no memory --- */

TEST(survives_any_failing_allocation) {
  wire w = {0};
  char payload[500];
  memset(payload, 'a', sizeof payload);
  add(&w, 0x01, true, payload, 40);
  add_text(&w, 0x89, "ping");
  add(&w, 0x80, true, payload, 500);
  add_text(&w, 0x88,
           "\x03\xe8"
           "bye");
  for (size_t step = 1; step < 50; step += 3) {
    for (unsigned n = 1;; n++) {
      lw_session s;
      lw_session_init(&s, &server);
      bool broken = false;
      lw_result result = LW_MORE;
      test_fail_allocation(n);
      for (size_t at = 0; at < w.size && !broken; at += step) {
        uint8_t piece[64];
        size_t size = w.size - at < step ? w.size - at : step;
        memcpy(piece, w.data + at, size);
        lw_session_feed(&s, piece, size);
        lw_event event;
        do result = lw_session_next(&s, &event);
        while (result == LW_DONE);
        broken = result == LW_BROKEN;
      }
      CHECK_INT(broken, test_allocation_failed());
      CHECK(!broken || lw_session_error(&s) == LW_E_NOMEM);
      CHECK(s.message.data == NULL && s.control == NULL);
      if (!test_allocation_failed()) break;
    }
  }
}

int main(void) {
  RUN(reads_the_examples_of_the_rfc);
  RUN(reads_control_frames_between_fragments);
  RUN(an_empty_message_may_come_in_fragments);
  RUN(checks_text_over_fragments);
  RUN(fails_at_the_first_impossible_byte);
  RUN(limits_the_sum_of_all_fragments);
  RUN(does_not_overflow);
  RUN(whole_messages_are_not_copied);
  RUN(an_idle_session_owns_no_memory);
  RUN(empty_fragments_cost_nothing);
  RUN(tiny_fragments_are_bounded);
  RUN(nothing_comes_after_an_error);
  RUN(nothing_comes_after_close);
  RUN(a_message_under_way_is_freed_by_close);
  RUN(streams_what_it_has);
  RUN(streams_have_no_limit_but_their_text_is_checked);
  RUN(survives_any_failing_allocation);
  return test_end();
}
