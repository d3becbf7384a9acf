/* Output through TLS: what the owner writes is encrypted in slices, so that a large message is not
 * in memory twice, and each slice leaves in one write of the lower transport. */
#include <openssl/err.h>
#include <string.h>

#include "tls_internal.h"

/* Ciphertext that is handed down at once. */
#define SLICE_SIZE ((size_t)128 * 1024)
#define PIECES 64

/* What to encrypt next, one record at most, so that it is known in which record a message ends: a
 * piece that is large as it is; small ones side by side, because each record costs 22 bytes and a
 * microsecond. */
static size_t next_plain(const lw__tls *tls, const char **data) {
  uv_buf_t pieces[PIECES];
  unsigned count = lw_out_pieces(tls->out, pieces, PIECES);
  *data = pieces[0].base;
  if (count == 1 || pieces[0].len + pieces[1].len > LW_NET_RECORD_SIZE)
    return pieces[0].len < LW_NET_RECORD_SIZE ? pieces[0].len : LW_NET_RECORD_SIZE;
  char *record = tls->head.net->plain + LW_NET_PLAIN_SIZE - LW_NET_RECORD_SIZE;
  size_t size = 0;
  for (unsigned i = 0; i < count && size + pieces[i].len <= LW_NET_RECORD_SIZE; i++) {
    memcpy(record + size, pieces[i].base, pieces[i].len);
    size += pieces[i].len;
  }
  *data = record;
  return size;
}

static bool encrypt_some(lw__tls *tls) {
  const char *data;
  size_t size = next_plain(tls, &data);
  lw__tls_clear_errors();
  int written = SSL_write(tls->ssl, data, (int)size);
  if (written <= 0) return false;
  if (lw_out_pass(tls->out, (size_t)written, tls->cipher)) return true;
  lw__tls_fail_with(tls, "NOMEM", "out of memory");
  return false;
}

static size_t cipher_size(const lw__tls *tls) {
  return tls->cipher != NULL ? lw_out_size(tls->cipher) : 0;
}

static int encrypt(lw__tls *tls) {
  if (tls->out == NULL || !tls->is_ready) return 0;
  if (tls->has_failed) return UV_EPIPE;
  while (lw_out_size(tls->out) > 0 && cipher_size(tls) < SLICE_SIZE) {
    if (encrypt_some(tls)) continue;
    lw__tls_explain(tls);
    tls->has_failed = true;
    return UV_EPROTO;
  }
  if (lw_out_size(tls->out) > 0) return 0;
  lw_out_give(tls->head.net->outs, tls->out);
  tls->out = NULL;
  return 0;
}

int lw__tls_handed_down(lw__tls *tls, int result) {
  tls->is_busy = result == 0;
  if (result < 0) tls->lower_error = result;
  return result;
}

int lw__tls_write_cipher(lw__tls *tls) {
  lw_out *cipher = tls->cipher;
  if (cipher == NULL) return 0;
  tls->cipher = NULL;
  return lw__tls_handed_down(tls, lw_transport_write(tls->lower, cipher));
}

static int encrypt_and_write(lw__tls *tls) {
  int result = encrypt(tls);
  return result < 0 ? result : lw__tls_write_cipher(tls);
}

int lw__tls_pump(lw__tls *tls) {
  int result;
  do {
    if (tls->is_busy) return 0;
    if (tls->lower_error != 0) return tls->lower_error;
    result = tls->is_kernel ? lw__tls_kernel_write(tls) : encrypt_and_write(tls);
  } while (result > 0);
  return result < 0 ? result : !tls->is_busy && tls->out == NULL;
}

/* When all is written: ends our direction with a close_notify and then that of the lower transport.
 * Not where the kernel encrypts: it may still hold a record that it could not send whole, which the
 * end would cut off. */
static int end_direction(lw__tls *tls) {
  if (!tls->is_shut) {
    tls->is_shut = true;
    if (tls->is_ready && !tls->has_failed) {
      lw__tls_clear_errors();
      SSL_shutdown(tls->ssl);
      int result = lw__tls_pump(tls);
      if (result != 1) return result; /* at 0 this is called again */
    }
  }
  tls->must_shut = false;
  return tls->is_kernel && tls->is_ready ? 0 : lw_transport_shutdown(tls->lower);
}

static void tell_written(lw__tls *tls, int error) {
  if (!tls->owes_written) return;
  tls->owes_written = false;
  if (tls->out != NULL) lw_out_give(tls->head.net->outs, tls->out);
  tls->out = NULL;
  tls->head.events->on_written(tls->head.owner, error);
}

void lw__tls_flush(lw__tls *tls) {
  int result = lw__tls_pump(tls);
  if (result == 0) return;
  if (result == 1 && tls->must_shut) end_direction(tls); /* what goes wrong is seen by reading */
  tell_written(tls, result < 0 ? result : 0);
}

void lw__tls_on_written(void *owner, int error) {
  lw__tls *tls = owner;
  if (tls->is_closing) return;
  tls->is_busy = false;
  if (error != 0) {
    tell_written(tls, error);
  } else {
    lw__tls_flush(tls);
  }
}

int lw__tls_write(lw_transport *t, lw_out *out) {
  lw__tls *tls = lw__tls_of(t);
  bool can_write = !tls->is_closing && !tls->has_failed && !tls->is_shut && !tls->must_shut;
  if (!can_write || tls->owes_written || tls->out != NULL) {
    lw_out_give(t->net->outs, out);
    return can_write ? UV_EBUSY : UV_EPIPE;
  }
  tls->out = out;
  int result = lw__tls_pump(tls);
  if (result < 0 && tls->out != NULL) {
    lw_out_give(t->net->outs, tls->out);
    tls->out = NULL;
  }
  tls->owes_written = result == 0;
  return result;
}

size_t lw__tls_unasked(const lw__tls *tls) {
  return tls->is_busy ? cipher_size(tls) + lw__tls_kernel_kept(tls) : 0;
}

size_t lw__tls_unwritten(const lw_transport *t) {
  const lw__tls *tls = lw__tls_of(t);
  if (!tls->owes_written || tls->lower == NULL) return 0;
  size_t size = tls->out != NULL ? lw_out_size(tls->out) : 0;
  return size + cipher_size(tls) + lw__tls_kernel_kept(tls) + lw_transport_unwritten(tls->lower);
}

int lw__tls_shutdown(lw_transport *t) {
  lw__tls *tls = lw__tls_of(t);
  if (tls->is_shut || tls->must_shut || tls->is_closing) return 0;
  tls->must_shut = true;
  int result = lw__tls_pump(tls);
  if (result == 1) result = end_direction(tls);
  return result < 0 ? result : 0;
}

void lw__tls_forget_output(lw__tls *tls) {
  lw_out_pool *outs = tls->head.net->outs;
  if (tls->out != NULL) lw_out_give(outs, tls->out);
  if (tls->cipher != NULL) lw_out_give(outs, tls->cipher);
  tls->out = tls->cipher = NULL;
  lw__tls_kernel_forget(tls);
}
