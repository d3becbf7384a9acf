/* Bytes as what a SOCKS proxy says. The first one chooses what is asked of it. */
#include "../proto/socks.h"
#include "fuzz.h"

static const char address[] = "\x7f\0\0\1 sixteen bytes";

static lw_socks_request request_of(uint8_t choice) {
  lw_socks_request request = {.type = LW_SOCKS_NAME,
                              .address = {address, sizeof address - 1},
                              .port = (uint16_t)(choice * 257),
                              .has_login = choice >= 128,
                              .user = LW_SLICE("user"),
                              .password = LW_SLICE("pass:word")};
  if (choice % 3 == 0) {
    request.type = LW_SOCKS_IPV4;
    request.address.size = 4;
  } else if (choice % 3 == 1) {
    request.type = LW_SOCKS_IPV6;
    request.address.size = 16;
  }
  return request;
}

typedef struct talk {
  lw_result result;
  size_t used;
  lw_buf said;
  lw_socks socks;
} talk;

/* Each piece is a copy of its own, so that the sanitizer sees a read behind it. */
static talk talk_in_pieces(const lw_socks_request *request, lw_slice text, size_t piece) {
  talk t = {.result = LW_MORE};
  MUST(lw_socks_start(&t.socks, request, &t.said));
  MUST(t.said.size == (request->has_login ? 4 : 3) && t.said.data[0] == 5);
  while (t.result == LW_MORE && t.used < text.size) {
    size_t used, part = text.size - t.used < piece ? text.size - t.used : piece;
    lw_buf copy = {0};
    MUST(lw_buf_append(&copy, text.data + t.used, part));
    t.result = lw_socks_input(&t.socks, &used, copy.data, part, &t.said);
    lw_buf_free(&copy);
    MUST(used <= part && (t.result != LW_MORE || used == part));
    t.used += used;
  }
  return t;
}

static void check(const talk *t, const lw_socks_request *request) {
  size_t login = request->has_login ? 1 + 3 + request->user.size + request->password.size : 0;
  size_t connect = 4 + 1 + request->address.size + 2;
  MUST(t->said.size <= 3 + login + connect);
  MUST((t->result == LW_BROKEN) == (t->socks.complaint != NULL));
  MUST(!t->socks.refused_login || t->result == LW_BROKEN);
  /* Two or three replies: the longest has a name of 255 bytes. */
  MUST(t->used <= 2 + 2 + 4 + 1 + 255 + 2);
  MUST(t->result != LW_DONE || t->used >= 2 + 4 + 1 + 2);
}

/* What was judged stays, whatever comes then. */
static void check_that_it_stays(talk *t) {
  size_t used, size = t->said.size;
  if (t->result == LW_MORE) return;
  MUST(lw_socks_input(&t->socks, &used, (const uint8_t *)"\5\0", 2, &t->said) == t->result);
  MUST(used == 0 && t->said.size == size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  if (size == 0) return 0;
  lw_socks_request request = request_of(data[0]);
  lw_slice text = {(const char *)data + 1, size - 1};
  talk whole = talk_in_pieces(&request, text, size);
  check(&whole, &request);
  const size_t pieces[] = {1, 2 + size % 5};
  for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++) {
    talk t = talk_in_pieces(&request, text, pieces[i]);
    MUST(t.result == whole.result && t.used == whole.used);
    MUST(t.socks.complaint == whole.socks.complaint);
    MUST(lw_slice_equal(fuzz_slice(&t.said), fuzz_slice(&whole.said)));
    check_that_it_stays(&t);
    lw_buf_free(&t.said);
  }
  check_that_it_stays(&whole);
  lw_buf_free(&whole.said);
  return 0;
}
