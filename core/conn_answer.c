/* Plain HTTP answers: from a script's intent to gathered output. */
#include <string.h>

#include "conn_http.h"
#include "proto/proxy_protocol.h"
#include "server.h"

/* Gathers a part of the answer that lunawire writes. A request that nobody understood has no
 * lw_http, and nobody to ask how long its answer was. */
static bool write_own(lw_conn *conn, const void *data, size_t size) {
  if (conn->http != NULL) conn->http->sent += size;
  return lw__conn_write(conn, data, size);
}

/* Gathers the answer's head. Out of memory, which may leave it half begun, ends the connection. */
static bool write_head(lw_conn *conn, lw_exchange *x, const lw_answer *answer,
                       lw_failure *failure) {
  lw_buf *head = &conn->loop->head;
  head->size = 0;
  lw_answer_writer w = lw_answer_begin(head, answer->status);
  for (size_t i = 0; i < answer->field_count; i++) {
    const lw_field *field = &answer->fields[i];
    if (!lw__field_check(field, failure)) return false;
    lw_answer_field(&w, (lw_slice){field->name, field->name_size},
                    (lw_slice){field->value, field->value_size});
  }
  if (lw_answer_end(&w, x, answer->length, lw__loop_date(conn->loop)) &&
      write_own(conn, head->data, head->size)) {
    return true;
  }
  lw__fail(failure, "NOMEM", "out of memory");
  lw__conn_out_of_memory(conn);
  return false;
}

/* Another answer than 101 to a request for an upgrade, which ends the connection. A rule that the
 * request breaks besides changes nothing about that. */
static bool begin_refusal(lw_conn *conn) {
  lw_http_head request;
  if (lw__http_parse(conn, &request) != LW_OK) return false;
  (void)lw__http_begin(conn, &request);
  if (conn->http == NULL) return false; /* no memory */
  conn->http->exchange.keeps_alive = false;
  conn->is_asked = false;
  lw_conn_server(conn)->stats.refused++;
  return true;
}

static lw_exchange *exchange_to_answer(lw_conn *conn, lw_failure *failure) {
  if (!lw__http_awaits_answer(conn)) {
    lw__fail(failure, "CLOSED", "the request was answered already, or the client is gone");
    return NULL;
  }
  bool begun = conn->http != NULL && conn->http->under_way;
  if (begun || begin_refusal(conn)) return &conn->http->exchange;
  lw__fail(failure, "NOMEM", "out of memory");
  return NULL;
}

bool lw_conn_answer(lw_conn *conn, const lw_answer *answer, lw_failure *failure) {
  lw_exchange *x = exchange_to_answer(conn, failure);
  if (x == NULL) return false;
  bool reads_on = conn->http->wants_body || lw_exchange_can_drain(x);
  bool listens = lw_conn_server(conn)->listener != NULL;
  if (answer->close || !reads_on || !listens) x->keeps_alive = false;
  return write_head(conn, x, answer, failure);
}

/* --- the body --- */

static bool append_chunk(lw_conn *conn, const lw_outgoing *body, size_t size) {
  char head[LW_CHUNK_HEAD_MAX];
  size_t head_size = lw_chunked_head(head, size);
  return write_own(conn, head, head_size) && lw__conn_append(conn, body) &&
         write_own(conn, "\r\n", 2);
}

static lw_send_result append_body(lw_conn *conn, const lw_outgoing *body, size_t size) {
  lw_exchange *x = &conn->http->exchange;
  if (size == 0 || x->answer == LW_ANSWER_NOTHING) return LW_SEND_OK;
  if (!lw_exchange_write(x, size)) return LW_SEND_EXCESS;
  bool appended =
      x->answer == LW_ANSWER_CHUNKED ? append_chunk(conn, body, size) : lw__conn_append(conn, body);
  conn->http->has_written = true;
  conn->http->sent += size;
  return appended ? LW_SEND_OK : lw__conn_out_of_memory(conn);
}

static lw_send_result write_body(lw_conn *conn, const lw_outgoing *body) {
  const lw_limits *limits = &conn->settings->limits;
  if (!lw__http_is_answering(conn)) return LW_SEND_CLOSED;
  size_t size = lw__outgoing_size(body), buffered = lw_conn_buffered(conn);
  if (conn->http->has_written && buffered > 0 && buffered + size > limits->max_buffered) {
    lw__http_fail(conn, LW_E_HTTP_SLOW_READER);
    return LW_SEND_FULL;
  }
  lw_send_result result = append_body(conn, body, size);
  if (result != LW_SEND_OK) return result;
  lw__conn_flush_full(conn);
  if (!lw__http_is_answering(conn)) return LW_SEND_CLOSED;
  return lw__conn_accepted(conn);
}

lw_send_result lw_conn_answer_write(lw_conn *conn, const lw_outgoing *body) {
  lw_send_result result = write_body(conn, body);
  lw__outgoing_release(body);
  return result;
}

bool lw_conn_answer_finish(lw_conn *conn) {
  if (!lw__http_is_answering(conn)) return false;
  lw_exchange *x = &conn->http->exchange;
  if (!lw_exchange_finish(x)) {
    lw__conn_flush(conn); /* what there is of it */
    lw_conn_terminate(conn);
    return false;
  }
  if (x->answer == LW_ANSWER_CHUNKED &&
      !write_own(conn, LW_CHUNKED_END, sizeof LW_CHUNKED_END - 1)) {
    lw__conn_out_of_memory(conn);
    return false;
  }
  lw__http_answered(conn);
  return true;
}

uint64_t lw_conn_answer_size(const lw_conn *conn) {
  return conn->http != NULL ? conn->http->sent : 0;
}

bool lw_conn_respond(lw_conn *conn, int status, const lw_field *fields, size_t field_count,
                     const char *body, size_t size, lw_failure *failure) {
  lw_answer answer = {.status = status, .fields = fields, .field_count = field_count};
  lw_part part = {.data = body, .size = size};
  answer.length = size;
  if (!lw_conn_answer(conn, &answer, failure)) return false;
  lw_send_result result =
      lw_conn_answer_write(conn, &(lw_outgoing){.parts = &part, .part_count = 1});
  if (result >= 0 && lw_conn_answer_finish(conn)) return true;
  lw__fail(failure, "CLOSED", "the client is gone");
  return false;
}

/* --- answers of our own --- */

/* A sentence as a whole answer, behind which the connection ends. What is under way stays so: its
 * script is told. */
void lw__server_refuse(lw_conn *conn, int status, const char *text) {
  lw_exchange blind, *x = &blind;
  lw_answer answer = {.status = status, .length = strlen(text) + 1};
  if (conn->http != NULL && conn->http->under_way) {
    x = &conn->http->exchange;
    x->keeps_alive = false;
  } else {
    lw_exchange_begin_blind(x);
  }
  lw_conn_server(conn)->stats.refused++;
  bool written = write_head(conn, x, &answer, NULL);
  if (written && x->answer == LW_ANSWER_LENGTH) {
    written = write_own(conn, text, strlen(text)) && write_own(conn, "\n", 1);
  }
  lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, written);
}

/* A peer that asked nothing yet gets no answer, but what it was answered before may still be on its
 * way. */
static void refuse_if_asked(lw_conn *conn, int status, const char *text) {
  bool begun = conn->http != NULL && conn->http->under_way && conn->http->exchange.begun;
  if (lw__http_has_asked(conn) && !begun) {
    lw__server_refuse(conn, status, text);
  } else {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, !begun && lw_conn_buffered(conn) > 0);
  }
}

void lw__server_on_stop(lw_conn *conn) {
  bool answered = conn->http != NULL && conn->http->drains;
  if (answered) {
    lw__conn_finish(conn, LW_CLOSE_ABNORMAL, "", 0, true);
  } else {
    refuse_if_asked(conn, 503, "the server is stopping");
  }
}

void lw__server_on_bad_head(lw_conn *conn, lw_error error) {
  if (error == LW_E_HTTP_TIMEOUT && conn->has_head) {
    conn->error = (uint8_t)error;
    lw__server_refuse(conn, 503, "the server did not decide about the request in time");
  } else if (error == LW_E_HTTP_TIMEOUT) {
    refuse_if_asked(conn, lw_error_number(error), lw_error_text(error));
  } else if (error == LW_E_NOMEM) {
    lw__server_refuse(conn, 503, lw_error_text(error));
  } else if (conn->http == NULL && !lw_conn_server(conn)->proxy_protocol &&
             lw_proxy_resembles(conn->head.data, conn->head.size)) {
    lw__server_refuse(conn, 400, lw_error_text(LW_E_PROXY_UNEXPECTED));
  } else {
    lw__server_refuse(conn, lw_error_number(error), lw_error_text(error));
  }
}
