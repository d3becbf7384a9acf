#include "exchange.h"

#include <string.h>

static void clear(lw_exchange *x) {
  memset(x, 0, sizeof *x);
}

/* RFC 9110 section 10.1.1. There is one expectation, and HTTP/1.0 has none. */
static lw_error read_expectation(lw_exchange *x, const lw_http_head *request) {
  size_t count;
  lw_slice value = lw_http_find(request, LW_SLICE("Expect"), &count);
  if (count == 0 || x->is_http10) return LW_OK;
  if (count > 1 || !lw_slice_equal_nocase(value, LW_SLICE("100-continue"))) {
    return LW_E_HTTP_EXPECTATION;
  }
  x->expects_continue = !x->body_done;
  return LW_OK;
}

/* RFC 9112 section 9.3. */
static bool wants_to_stay(const lw_http_head *request) {
  if (lw_http_has_token(request, LW_SLICE("Connection"), LW_SLICE("close"))) return false;
  return request->minor > 0 ||
         lw_http_has_token(request, LW_SLICE("Connection"), LW_SLICE("keep-alive"));
}

lw_error lw_exchange_begin(lw_exchange *x, const lw_http_head *request) {
  lw_http_framing framing;
  clear(x);
  x->is_http10 = request->minor == 0;
  x->is_head = lw_slice_equal(request->method, LW_SLICE("HEAD"));
  lw_error error = lw_http_body(request, true, &framing, &x->body_left);
  x->framing = (uint8_t)framing;
  x->body_done = error != LW_OK || (framing != LW_HTTP_CHUNKED && x->body_left == 0);
  if (error == LW_OK) error = read_expectation(x, request);
  x->keeps_alive = error == LW_OK && wants_to_stay(request);
  return error;
}

void lw_exchange_begin_blind(lw_exchange *x) {
  clear(x);
  x->body_done = true;
}

lw_result lw_exchange_read(lw_exchange *x, uint8_t *data, size_t size, size_t *used, size_t *got) {
  *used = *got = 0;
  if (x->body_done) return LW_DONE;
  if (size > 0) x->expects_continue = false; /* it did not wait */
  if (x->framing == LW_HTTP_CHUNKED) {
    lw_result result = lw_chunked_decode(&x->chunked, data, size, used, got);
    x->body_done = result != LW_MORE;
    return result;
  }
  *used = *got = size < x->body_left ? size : (size_t)x->body_left;
  x->body_left -= *used;
  x->body_done = x->body_left == 0;
  return x->body_done ? LW_DONE : LW_MORE;
}

bool lw_exchange_take_continue(lw_exchange *x) {
  bool expected = x->expects_continue && !x->begun;
  x->expects_continue = false;
  return expected;
}

/* A client that waits for 100 may or may not send the body after another answer, so nothing can
 * follow it. */
bool lw_exchange_can_drain(const lw_exchange *x) {
  return x->body_done || (!x->expects_continue && x->body_left <= LW_EXCHANGE_DRAIN_MAX);
}

/* --- the answer's head --- */

lw_answer_writer lw_answer_begin(lw_buf *out, int status) {
  lw_answer_writer w = {.head = lw__head_begin(out), .status = status};
  lw__head_text(&w.head, "HTTP/1.1 ");
  lw__head_number(&w.head, (uint64_t)status);
  lw__head_text(&w.head, " ");
  lw__head_text(&w.head, lw_http_reason(status));
  lw__head_text(&w.head, "\r\n");
  return w;
}

void lw_answer_field(lw_answer_writer *w, lw_slice name, lw_slice value) {
  if (lw_slice_equal_nocase(name, LW_SLICE("Date"))) w->has_date = true;
  if (lw_slice_equal_nocase(name, LW_SLICE("Content-Type"))) w->has_type = true;
  lw__head_field(&w->head, name, value);
}

/* Decides how the body is framed. */
static lw_answer_framing frame_answer(lw_exchange *x, int status, uint64_t length) {
  if (lw_http_is_bodiless(status) || x->is_head) return LW_ANSWER_NOTHING;
  if (length != LW_EXCHANGE_STREAM) return LW_ANSWER_LENGTH;
  if (!x->is_http10) return LW_ANSWER_CHUNKED;
  x->keeps_alive = false;
  return LW_ANSWER_UNTIL_END;
}

/* RFC 9110 section 7.8: who sends Upgrade lists it in Connection. */
static void put_connection(lw_answer_writer *w, const lw_exchange *x) {
  lw_head_writer *head = &w->head;
  if (w->status == 426) {
    lw__head_text(head,
                  x->keeps_alive ? "Connection: Upgrade\r\n" : "Connection: close, Upgrade\r\n");
    lw__head_text(head, "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n");
  } else if (!x->keeps_alive) {
    lw__head_text(head, "Connection: close\r\n");
  } else if (x->is_http10) {
    lw__head_text(head, "Connection: keep-alive\r\n");
  }
}

static void put_framing(lw_answer_writer *w, const lw_exchange *x, uint64_t length) {
  lw_head_writer *head = &w->head;
  if (lw_http_is_bodiless(w->status)) return;
  if (length != 0 && !w->has_type) {
    lw__head_text(head, "Content-Type: text/plain; charset=utf-8\r\n");
  }
  if (length != LW_EXCHANGE_STREAM) {
    lw__head_text(head, "Content-Length: ");
    lw__head_number(head, length);
    lw__head_text(head, "\r\n");
  } else if (x->answer == LW_ANSWER_CHUNKED) {
    lw__head_text(head, "Transfer-Encoding: chunked\r\n");
  }
}

bool lw_answer_end(lw_answer_writer *w, lw_exchange *x, uint64_t length, lw_slice date) {
  lw_exchange before = *x;
  x->answer = (uint8_t)frame_answer(x, w->status, length);
  x->answer_left = x->answer == LW_ANSWER_LENGTH ? length : 0;
  if (!w->has_date && date.size > 0) lw__head_field(&w->head, LW_SLICE("Date"), date);
  put_framing(w, x, length);
  put_connection(w, x);
  lw__head_text(&w->head, "\r\n");
  x->begun = lw__head_end(&w->head);
  if (!x->begun) *x = before;
  return x->begun;
}

/* --- its body --- */

bool lw_exchange_write(lw_exchange *x, uint64_t size) {
  if (x->answer != LW_ANSWER_LENGTH) return true;
  if (size > x->answer_left) return false;
  x->answer_left -= size;
  return true;
}

bool lw_exchange_finish(lw_exchange *x) {
  x->finished = true;
  if (x->answer_left > 0) x->keeps_alive = false;
  return x->answer_left == 0;
}
