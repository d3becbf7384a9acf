/* Room that a session has for what comes next; that all is understood there as well is seen in
 * test_session.c. */
#include <stdlib.h>
#include <string.h>

#include "../proto/session.h"
#include "test.h"

#define KIB ((size_t)1024)

static lw_session s;
static lw_spare spare;
static lw_event event;

static void begin(uint64_t max_message) {
  static lw_session_config config;
  config = (lw_session_config){.max_message = max_message};
  lw_session_init(&s, &config);
}

static lw_result pull(uint8_t *data, size_t size) {
  lw_session_feed(&s, data, size);
  return lw_session_next(&s, &event);
}

/* Feeds `size` bytes in a piece of memory of their own: `fill`, and in front of them the head. */
static lw_result feed(const char *head, size_t head_size, char fill, size_t size) {
  uint8_t *data = malloc(head_size + size);
  if (data == NULL) return LW_BROKEN;
  memcpy(data, head, head_size);
  memset(data + head_size, fill, size);
  lw_result result = pull(data, head_size + size);
  free(data);
  return result;
}

#define FEED(head, fill, size) feed(head, sizeof(head) - 1, fill, size)

/* 256 KiB of binary data; and text of 1000 bytes */
#define HEAD_256K "\x82\x7f\x00\x00\x00\x00\x00\x04\x00\x00"
#define HEAD_1000 "\x81\x7e\x03\xe8"

static size_t room_size(size_t least) {
  size_t size;
  return lw_session_room(&s, least, &size) != NULL ? size : 0;
}

/* Puts `size` bytes into the room. */
static lw_result fill_room(char fill, size_t size) {
  size_t room;
  uint8_t *place = lw_session_room(&s, 1, &room);
  if (place == NULL || room < size) return LW_BROKEN;
  memset(place, fill, size);
  return pull(place, size);
}

TEST(grows_with_what_came) {
  begin(1024 * KIB);
  CHECK_INT(FEED(HEAD_256K, 'a', 0), LW_MORE);
  CHECK_INT(room_size(1), 0); /* a head alone gets nothing */
  CHECK(s.message.data == NULL);
  CHECK_INT(FEED("", 'a', 10 * KIB), LW_MORE);
  for (size_t came = 10 * KIB; came < 256 * KIB;) {
    size_t room = room_size(1);
    CHECK(room > 0 && room <= 256 * KIB - came);
    CHECK(s.message.capacity <= 2 * came);
    CHECK_INT(fill_room('a', room), came + room < 256 * KIB ? LW_MORE : LW_DONE);
    came += room;
  }
  CHECK(event.type == LW_EVENT_MESSAGE && event.data.size == 256 * KIB);
  for (size_t i = 0; i < event.data.size; i++) CHECK(event.data.data[i] == 'a');
  CHECK_INT(room_size(1), 0);
  CHECK_INT(pull(NULL, 0), LW_MORE);
  CHECK(s.message.data == NULL);
}

TEST(stays_within_twice_of_what_came_however_it_comes) {
  for (size_t step = 1; step < 3000; step += step / 3 + 1) {
    begin(1024 * KIB);
    CHECK_INT(FEED(HEAD_256K, 'a', 100), LW_MORE);
    lw_result result = LW_MORE;
    for (unsigned turn = 0; result == LW_MORE; turn++) {
      size_t room = turn % 3 != 0 ? room_size(64) : 0, left = 256 * KIB - s.message.size;
      size_t size = step < left ? step : left;
      if (room > 0 && size > room) size = room;
      result = room > 0 ? fill_room('a', size) : FEED("", 'a', size);
      CHECK(s.message.capacity <= 2 * s.message.size);
    }
    CHECK(result == LW_DONE && event.data.size == 256 * KIB);
    lw_session_free(&s);
  }
}

TEST(is_not_offered_for_a_little) {
  begin(1000);
  CHECK_INT(FEED(HEAD_1000, 'a', 100), LW_MORE);
  CHECK_INT(room_size(101), 0); /* less came than that */
  CHECK(room_size(100) >= 100);
  CHECK_INT(FEED("", 'a', 850), LW_MORE);
  CHECK_INT(room_size(51), 0); /* less is to come */
  CHECK_INT(room_size(50), 50);
  CHECK_INT(fill_room('a', 50), LW_DONE);
  CHECK_INT(event.data.size, 1000);
  lw_session_free(&s);
}

TEST(is_for_gathered_payloads_only) {
  begin(1000);
  CHECK_INT(room_size(0), 0);
  CHECK_INT(FEED("\x01\x02", 'a', 2), LW_MORE); /* a fragment that is whole */
  CHECK_INT(room_size(0), 0);
  CHECK_INT(FEED("\x89\x05", 'a', 2), LW_MORE); /* a ping between fragments */
  CHECK_INT(room_size(0), 0);
  CHECK_INT(FEED("", 'a', 3), LW_DONE);
  CHECK_INT(pull(NULL, 0), LW_MORE);
  CHECK_INT(FEED("\x80\x05", 'a', 1), LW_MORE);
  CHECK(room_size(0) > 0);
  CHECK_INT(fill_room('a', 1), LW_MORE);
  CHECK_INT(fill_room('\xff', 1), LW_BROKEN);
  CHECK_INT(lw_session_error(&s), LW_E_INVALID_UTF8);
  CHECK_INT(room_size(0), 0);
  CHECK(s.message.data == NULL);
}

TEST(is_not_for_streams) {
  static const lw_session_config stream = {.stream_messages = true};
  lw_session_init(&s, &stream);
  CHECK_INT(FEED(HEAD_1000, 'a', 100), LW_DONE);
  CHECK_INT(room_size(1), 0);
  lw_session_free(&s);
}

TEST(keeps_the_limit_of_messages) {
  begin(1000);
  CHECK_INT(FEED("\x02\x7e\x01\xf4", 'a', 400), LW_MORE); /* 500 */
  CHECK_INT(fill_room('a', 100), LW_MORE);
  CHECK_INT(FEED("\x00\x7e\x01\xf4", 'a', 1), LW_MORE); /* and 500 again */
  CHECK(room_size(1) > 0);
  CHECK(s.message.capacity <= 1000);
  while (s.message.size < 999) CHECK_INT(fill_room('a', 1), LW_MORE);
  CHECK_INT(fill_room('a', 1), LW_MORE);
  CHECK_INT(s.message.capacity, 1000);
  CHECK_INT(FEED("\x80\x01", 'a', 0), LW_BROKEN);
  CHECK_INT(lw_session_error(&s), LW_E_MESSAGE_TOO_BIG);
}

/* Gathering then goes its other way, which says so. */
TEST(may_lack_memory) {
  begin(1000);
  CHECK_INT(FEED(HEAD_1000, 'a', 100), LW_MORE);
  CHECK_INT(FEED("", 'a', 90), LW_MORE);
  test_fail_allocation(1);
  CHECK_INT(room_size(100), 0);
  CHECK(test_allocation_failed());
  CHECK_INT(FEED("", 'a', 810), LW_DONE);
  CHECK_INT(event.data.size, 1000);
  lw_session_free(&s);
}

static void begin_with_spare(lw_session *session) {
  static const lw_session_config config = {.max_message = 4096 * KIB, .spare = &spare};
  lw_session_init(session, &config);
}

TEST(large_messages_use_the_spare) {
  begin_with_spare(&s);
  for (int i = 0; i < 3; i++) {
    CHECK_INT(FEED(HEAD_256K, 'a', 100 * KIB), LW_MORE);
    CHECK(spare.lent_to == &s.message);
    CHECK(room_size(1) >= 100 * KIB);
    CHECK_INT(fill_room('a', 100 * KIB), LW_MORE);
    if (i > 0) CHECK_INT(room_size(1), 56 * KIB);
    CHECK_INT(FEED("", 'a', 56 * KIB), LW_DONE);
    CHECK_INT(event.data.size, 256 * KIB);
    CHECK_INT(pull(NULL, 0), LW_MORE);
    CHECK(s.message.data == NULL && spare.lent_to == NULL);
    CHECK_INT(spare.kept.capacity, 256 * KIB);
  }
  CHECK_INT(FEED(HEAD_1000, 'a', 100), LW_MORE);
  CHECK(spare.lent_to == NULL); /* a small one does not */
  lw_session_free(&s);
  lw_spare_free(&spare);
}

TEST(a_session_that_ends_gives_the_spare_back) {
  lw_session other;
  begin_with_spare(&s);
  begin_with_spare(&other);
  CHECK_INT(FEED(HEAD_256K, 'a', 100 * KIB), LW_MORE);
  uint8_t bytes[] = HEAD_256K "b";
  lw_session_feed(&other, bytes, sizeof bytes - 1);
  CHECK_INT(lw_session_next(&other, &event), LW_MORE);
  CHECK(spare.lent_to == &s.message);
  CHECK(other.message.capacity < 1000);
  CHECK_INT(FEED("", 'a', 156 * KIB - 1), LW_MORE);
  lw_session_free(&other);
  CHECK(spare.lent_to == &s.message);
  lw_session_free(&s);
  CHECK(spare.lent_to == NULL && spare.kept.data != NULL);
  lw_spare_free(&spare);
}

TEST(a_broken_message_gives_the_spare_back) {
  begin_with_spare(&s);
  test_fail_allocation(1);
  lw_result result = pull((uint8_t[]){0x82, 0x7f, 0, 0, 0, 0, 0, 4, 0, 0, 'a'}, 11);
  CHECK_INT(result, LW_BROKEN);
  CHECK(spare.lent_to == NULL && spare.kept.data == NULL);
  lw_session_free(&s);
}

int main(void) {
  RUN(grows_with_what_came);
  RUN(stays_within_twice_of_what_came_however_it_comes);
  RUN(is_not_offered_for_a_little);
  RUN(is_for_gathered_payloads_only);
  RUN(is_not_for_streams);
  RUN(keeps_the_limit_of_messages);
  RUN(may_lack_memory);
  RUN(large_messages_use_the_spare);
  RUN(a_session_that_ends_gives_the_spare_back);
  RUN(a_broken_message_gives_the_spare_back);
  return test_end();
}
