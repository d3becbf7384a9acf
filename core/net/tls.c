#include "tls.h"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <string.h>

#include "tls_internal.h"

/* What a peer can make us say without reading it. */
#define UNASKED_MAX ((size_t)64 * 1024)

/* --- the end of the peer's direction --- */

static void tell_end(lw__tls *tls) {
  if (tls->has_told_end || tls->is_closing) return;
  tls->has_told_end = true;
  tls->head.events->on_end(tls->head.owner, tls->end_error);
}

/* Whoever does not read is not told; the end waits until they do. */
static void end(lw__tls *tls, int error) {
  if (!tls->has_end) tls->end_error = error;
  tls->has_end = true;
  if (!tls->is_closing) lw_transport_read_stop(tls->lower);
  if (tls->is_reading) tell_end(tls);
}

static void on_late_closed(uv_handle_t *handle) {
  free(handle);
}

static void close_late(lw__tls *tls) {
  if (tls->late == NULL) return;
  tls->late->data = NULL;
  uv_close((uv_handle_t *)tls->late, on_late_closed);
  tls->late = NULL;
}

static void on_late(uv_timer_t *timer) {
  lw__tls *tls = timer->data;
  if (tls == NULL) return;
  close_late(tls);
  if (tls->is_reading) tell_end(tls);
}

/* From the loop, because no callback may come from inside a call. */
static int tell_end_later(lw__tls *tls) {
  if (tls->has_told_end || tls->late != NULL) return 0;
  tls->late = calloc(1, sizeof *tls->late);
  if (tls->late == NULL) return UV_ENOMEM;
  uv_timer_init(tls->head.net->uv, tls->late);
  tls->late->data = tls;
  return uv_timer_start(tls->late, on_late, 0, 0);
}

/* --- failing --- */

/* A server's peer may still be writing: it is to read the alert (or the answer in plain text) and
 * end, so that no reset overtakes it. */
static void fail(lw__tls *tls) {
  tls->has_failed = true;
  tls->owes_written = false;
  if (tls->out != NULL) lw_out_give(tls->head.net->outs, tls->out);
  tls->out = NULL;
  tls->in_size = 0;
  tls->is_draining = tls->is_server && !tls->is_ready;
  if (!tls->is_draining) {
    lw__tls_flush(tls);
    end(tls, UV_EPROTO);
  } else if (lw__tls_shutdown(&tls->head) != 0) {
    end(tls, UV_EPROTO);
  }
}

/* --- the first byte: whether this is TLS at all --- */

/* A method, or an empty line in front of it. */
static bool starts_text(uint8_t first) {
  return (first >= 'A' && first <= 'Z') || first == '\r';
}

static bool starts_tls(uint8_t first) {
  return first == 0x16 || first == 0x15 || first == 0x80; /* handshake, alert, SSL 2 */
}

static bool is_tls(lw__tls *tls, uint8_t first) {
  if (starts_tls(first)) return true;
  if (!tls->is_server) {
    lw__tls_fail_with(tls, "TLS_NOT_TLS", "the server speaks no TLS on this port");
    return false;
  }
  lw__tls_fail_with(tls, "TLS_NOT_TLS", "the client speaks no TLS");
  const char *answer = tls->context->plain_answer;
  if (answer == NULL || !starts_text(first)) return false;
  if (tls->cipher == NULL) tls->cipher = lw_out_take(tls->head.net->outs);
  if (tls->cipher != NULL) lw_out_copy(tls->cipher, answer, strlen(answer));
  return false;
}

/* --- the handshake --- */

static bool wants_more(lw__tls *tls, int result) {
  return SSL_get_error(tls->ssl, result) == SSL_ERROR_WANT_READ;
}

static bool shake_hands(lw__tls *tls) {
  lw__tls_clear_errors();
  int result = SSL_do_handshake(tls->ssl);
  if (result == 1) {
    tls->is_ready = true;
    lw__tls_keep_resumed(tls);
  } else if (!wants_more(tls, result)) {
    lw__tls_explain(tls);
    return false;
  }
  return true;
}

/* --- reading --- */

static bool has_input(const lw__tls *tls) {
  return tls->in_size > 0 || SSL_pending(tls->ssl) > 0;
}

/* Where it decrypts to: not where the lower transport lends its bytes from. */
static char **plain_of(const lw__tls *tls) {
  return tls->is_inner ? &tls->head.net->inner_plain : &tls->head.net->plain;
}

/* Decrypts what is there, as far as there is room for it. Returns how much, and in *result how
 * OpenSSL ended: 1, or what SSL_read returned. */
static size_t decrypt(lw__tls *tls, uint8_t *to, size_t room, int *result) {
  size_t size = 0;
  *result = 1;
  lw__tls_clear_errors();
  while (size < room && has_input(tls)) {
    *result = SSL_read(tls->ssl, to + size, (int)(room - size));
    if (*result <= 0) break;
    size += (size_t)*result;
  }
  return size;
}

static void read_plain(lw__tls *tls) {
  int result;
  size_t room;
  uint8_t *to = lw__transport_room(&tls->head, &room);
  if (to == NULL) {
    to = (uint8_t *)*plain_of(tls);
    room = LW_NET_PLAIN_SIZE - LW_NET_RECORD_SIZE;
  }
  size_t size = decrypt(tls, to, room, &result);
  int reason = result > 0 ? SSL_ERROR_NONE : SSL_get_error(tls->ssl, result);
  if (reason == SSL_ERROR_SSL || reason == SSL_ERROR_SYSCALL) lw__tls_explain(tls);
  if (size > 0) {
    const lw_transport_events *events = tls->head.events;
    events->on_read(tls->head.owner, to, size);
  }
  if (tls->is_closing || tls->has_end) return;
  if (reason == SSL_ERROR_ZERO_RETURN) {
    end(tls, UV_EOF);
  } else if (reason != SSL_ERROR_NONE && reason != SSL_ERROR_WANT_READ) {
    fail(tls);
  }
}

/* What is lent, which is no more than one read of the loop. */
static void take_in(lw__tls *tls) {
  if (!tls->is_ready && !shake_hands(tls)) {
    fail(tls);
    return;
  }
  /* The owner's first output joins the last of the handshake. */
  if (tls->is_ready && tls->owes_written) lw__tls_flush(tls);
  while (tls->is_ready && !tls->is_closing && !tls->has_end && has_input(tls)) read_plain(tls);
  if (tls->is_closing || tls->has_failed) return;
  if (!lw__tls_kernel_can_go_on(tls)) {
    fail(tls);
    return;
  }
  lw__tls_flush(tls);
  if (tls->is_closing || lw__tls_unasked(tls) <= UNASKED_MAX) return;
  lw__tls_fail_with(tls, "TLS_FLOOD", "the peer asks for more than it reads");
  fail(tls);
}

static void on_lower_read(void *owner, uint8_t *data, size_t size) {
  lw__tls *tls = owner;
  if (tls->has_end || tls->is_draining) return;
  if (!tls->has_heard && !is_tls(tls, data[0])) {
    fail(tls);
    return;
  }
  tls->has_heard = true;
  tls->in = data;
  tls->in_size = size;
  take_in(tls);
  tls->in_size = 0; /* what is left after the end is of no interest, and lent no longer */
}

static void on_lower_end(void *owner, int error) {
  lw__tls *tls = owner;
  const lw_transport_failure *known = lw_transport_failure_of(tls->lower);
  if (known != NULL) lw__tls_fail_with(tls, known->code, "%s", known->text);
  if (!tls->is_ready && !tls->is_server && error == UV_EOF) {
    lw__tls_fail_with(tls, "EOF",
                      "the server ended the connection during the TLS handshake; it may speak no "
                      "TLS on this port");
  }
  end(tls, tls->is_draining ? UV_EPROTO : error);
}

/* --- the calls --- */

static int tls_read_start(lw_transport *t) {
  lw__tls *tls = lw__tls_of(t);
  tls->is_reading = true;
  if (tls->has_end) return tell_end_later(tls);
  if (!tls->is_ready && !tls->is_server && !tls->has_heard && !tls->has_failed) {
    tls->in_size = 0;
    if (!shake_hands(tls)) return UV_EPROTO;
    int result = lw__tls_pump(tls);
    if (result < 0) return result;
  }
  return lw_transport_read_start(tls->lower);
}

static void tls_read_stop(lw_transport *t) {
  lw__tls *tls = lw__tls_of(t);
  tls->is_reading = false;
  if (!tls->is_closing && !tls->is_draining) lw_transport_read_stop(tls->lower);
}

/* Says goodbye where that can still be heard and says the truth: nothing that was written is given
 * up. It is also what keeps the session resumable. */
static void say_goodbye(lw__tls *tls) {
  bool can_say = tls->is_ready && !tls->has_failed && !tls->is_shut && !tls->is_busy;
  if (!can_say || tls->owes_written || (tls->has_end && tls->end_error != UV_EOF)) return;
  lw__tls_clear_errors();
  SSL_shutdown(tls->ssl);
  lw__tls_pump(tls);
}

static void tls_close(lw_transport *t) {
  lw__tls *tls = lw__tls_of(t);
  if (tls->is_closing) return;
  say_goodbye(tls);
  tls->is_closing = true;
  close_late(tls);
  lw__tls_forget_output(tls);
  lw_transport_close(tls->lower);
}

static int tls_peer(const lw_transport *t, char *address, size_t size, int *port) {
  const lw__tls *tls = lw__tls_of(t);
  return lw_transport_peer(tls->lower, address, size, port);
}

static const lw_transport_failure *tls_failure(const lw_transport *t) {
  return lw__tls_of(t)->failure;
}

/* --- birth and death --- */

static void free_tls(lw__tls *tls) {
  if (tls->ssl != NULL) {
    SSL_set_shutdown(tls->ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN);
    SSL_free(tls->ssl);
  }
  lw_tls_context_release(tls->context);
  free(tls->server);
  free(tls->failure);
  free(tls);
}

static void on_lower_closed(void *owner) {
  lw__tls *tls = owner;
  const lw_transport_events *events = tls->head.events;
  void *above = tls->head.owner;
  lw__tls_forget_output(tls);
  close_late(tls);
  free_tls(tls);
  if (events != NULL) events->on_closed(above);
}

static const lw_transport_events lower_events = {on_lower_read, on_lower_end, lw__tls_on_written,
                                                 on_lower_closed, NULL};

#define KIND(name, send_file)                                                                      \
  {                                                                                                \
    name, tls_read_start, tls_read_stop, lw__tls_write, lw__tls_unwritten, lw__tls_shutdown,       \
        tls_close, tls_peer, send_file, NULL, NULL, tls_failure                                    \
  }
static const lw_transport_kind tls_kind = KIND("tls", NULL);
const lw_transport_kind lw__tls_kernel_kind = KIND("ktls", lw__tls_kernel_send_file);

static bool set_bio(lw__tls *tls) {
  BIO *bio = tls->ssl != NULL ? BIO_new(tls->context->bio) : NULL;
  if (bio == NULL) return false;
  BIO_set_data(bio, tls);
  SSL_set_bio(tls->ssl, bio, bio);
  SSL_set_app_data(tls->ssl, tls);
  return true;
}

static bool make_room(lw__tls *tls) {
  char **plain = plain_of(tls);
  if (*plain == NULL) *plain = malloc(LW_NET_PLAIN_SIZE);
  return *plain != NULL;
}

static bool is_encrypted(const lw_transport *t) {
  return t->kind == &tls_kind || t->kind == &lw__tls_kernel_kind;
}

static bool is_inner(const lw_transport *t) {
  return is_encrypted(t) && lw__tls_of(t)->is_inner;
}

static lw__tls *new_tls(lw_transport *lower, lw_tls_context *context, bool is_server) {
  if (is_inner(lower)) return NULL;
  lw__tls *tls = calloc(1, sizeof *tls);
  if (tls == NULL) return NULL;
  tls->head.kind = &tls_kind;
  tls->head.net = lower->net;
  tls->lower = lower;
  tls->is_server = is_server;
  tls->is_inner = is_encrypted(lower);
  tls->context = context;
  lw_tls_context_hold(context);
  tls->ssl = SSL_new(context->ctx);
  if (make_room(tls) && set_bio(tls)) return tls;
  free_tls(tls);
  return NULL;
}

lw_transport *lw_tls_accept(lw_transport *lower, lw_tls_context *context) {
  lw__tls *tls = new_tls(lower, context, true);
  if (tls == NULL) {
    lw_transport_close(lower);
    return NULL;
  }
  SSL_set_accept_state(tls->ssl);
  lw__tls_kernel_offer(tls);
  lw_transport_adopt(lower, &lower_events, tls);
  return &tls->head;
}

/* A name is asked for and checked; an address is only checked (RFC 6066 section 3). */
static bool set_name(lw__tls *tls, const char *name) {
  X509_VERIFY_PARAM *rules = SSL_get0_param(tls->ssl);
  if (X509_VERIFY_PARAM_set1_ip_asc(rules, name) == 1) return true;
  lw__tls_clear_errors();
  char plain[256];
  size_t size = strlen(name);
  if (size > 0 && name[size - 1] == '.') size--; /* "example.org." is the same host */
  if (size == 0 || size >= sizeof plain) return false;
  memcpy(plain, name, size);
  plain[size] = '\0';
  X509_VERIFY_PARAM_set_hostflags(rules, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  return SSL_set_tlsext_host_name(tls->ssl, plain) == 1 &&
         X509_VERIFY_PARAM_set1_host(rules, plain, size) == 1;
}

lw_transport *lw_tls_connect(lw_transport *lower, lw_tls_context *context, const char *name) {
  lw__tls *tls = new_tls(lower, context, false);
  if (tls == NULL || !set_name(tls, name) || !lw__tls_resume(tls, name)) {
    if (tls != NULL) free_tls(tls);
    lw_transport_close(lower);
    return NULL;
  }
  SSL_set_connect_state(tls->ssl);
  lw__tls_kernel_offer(tls);
  lw_transport_adopt(lower, &lower_events, tls);
  return &tls->head;
}

/* --- what is known about it --- */

lw__tls *lw__tls_if_ready(const lw_transport *t) {
  return is_encrypted(t) && lw__tls_of(t)->is_ready ? lw__tls_of(t) : NULL;
}
