/* Lets the kernel encrypt what is written (kTLS), where it offers that: then the owner's bytes go
 * down as they are, a file's may even go without coming by here, and OpenSSL only makes the records
 * that are not application data: tickets, alerts, the Finished of TLS 1.2. Decrypting stays with
 * OpenSSL.
 *
 * OpenSSL offers its keys to the BIO when they change, and takes a refusal well. Whatever is sent
 * once the kernel has the keys is encrypted with them, so what OpenSSL encrypted with the keys
 * before must have left by then. */
#include <stdlib.h>

#include "tls_internal.h"

#if LW__TLS_KERNEL

#include <linux/tls.h>

/* What libssl 3 asks the BIO of a socket, which libcrypto has. The header that users get names only
 * those with GET and tells that the others are taken. */
#define SET_KEYS 72 /* the pointer: to one of the kernel's structures; the number: for writing? */
#define SET_RECORD_TYPE 74 /* the number: of what is written next */
#define CLEAR_RECORD_TYPE 75

#define RECORD_HANDSHAKE 22
#define HANDSHAKE_KEY_UPDATE 24 /* RFC 8446 section 4.6.3 */

/* Records that OpenSSL made and that are not handed down yet. */
struct lw__tls_record {
  lw__tls_record *next;
  lw_out *out;
  uint8_t type;
};

void lw__tls_kernel_offer(lw__tls *tls) {
  if (!tls->context->may_use_kernel || tls->head.net->has_no_ktls) return;
  if (lw_transport_can_start_tls(tls->lower)) SSL_set_options(tls->ssl, SSL_OP_ENABLE_KTLS);
}

/* --- the keys --- */

static size_t size_of_keys(const struct tls_crypto_info *keys) {
  switch (keys->cipher_type) {
#ifdef TLS_CIPHER_AES_GCM_128
  case TLS_CIPHER_AES_GCM_128:
    return sizeof(struct tls12_crypto_info_aes_gcm_128);
#endif
#ifdef TLS_CIPHER_AES_GCM_256
  case TLS_CIPHER_AES_GCM_256:
    return sizeof(struct tls12_crypto_info_aes_gcm_256);
#endif
#ifdef TLS_CIPHER_CHACHA20_POLY1305
  case TLS_CIPHER_CHACHA20_POLY1305:
    return sizeof(struct tls12_crypto_info_chacha20_poly1305);
#endif
  default:
    return 0;
  }
}

static bool start(lw__tls *tls, const void *keys) {
  size_t size = size_of_keys(keys);
  if (size == 0 || tls->is_kernel || tls->is_ready || tls->head.net->has_no_ktls) return false;
  lw__tls_write_cipher(tls);
  if (tls->is_busy || tls->lower_error != 0) return false;
  int result = lw_transport_start_tls(tls->lower, keys, size);
  if (result == UV_ENOTSUP) tls->head.net->has_no_ktls = true;
  if (result != 0) return false;
  tls->is_kernel = true;
  tls->head.kind = &lw__tls_kernel_kind;
  return true;
}

long lw__tls_kernel_ctrl(lw__tls *tls, int command, long number, void *pointer) {
  switch (command) {
  case SET_KEYS:
    return number != 0 && start(tls, pointer);
  case BIO_CTRL_GET_KTLS_SEND:
    return tls->is_kernel;
  case SET_RECORD_TYPE:
    tls->record_type = (uint8_t)number;
    return 1;
  case CLEAR_RECORD_TYPE:
    tls->record_type = 0;
    return 1;
  default:
    return 0;
  }
}

/* --- records that OpenSSL makes --- */

static lw__tls_record *new_record(lw__tls *tls, const void *data, size_t size) {
  lw__tls_record *record = calloc(1, sizeof *record);
  if (record == NULL) return NULL;
  record->type = tls->record_type;
  record->out = lw_out_take(tls->head.net->outs);
  if (record->out != NULL && lw_out_copy(record->out, data, size)) return record;
  if (record->out != NULL) lw_out_give(tls->head.net->outs, record->out);
  free(record);
  return NULL;
}

static void fail_for_keys(lw__tls *tls) {
  lw__tls_fail_with(tls, "TLS_KEY_UPDATE",
                    "the peer asks for new keys, which the kernel cannot change to: set tls.ktls = "
                    "false for such peers");
}

/* New keys would go unseen by the kernel, so the peer must not be told of any. */
static bool is_key_update(const lw__tls *tls, const char *data) {
  return tls->is_ready && tls->record_type == RECORD_HANDSHAKE && data[0] == HANDSHAKE_KEY_UPDATE;
}

bool lw__tls_kernel_keep(lw__tls *tls, const char *data, size_t size) {
  if (tls->record_type == 0) return false; /* application data does not come by OpenSSL */
  if (is_key_update(tls, data)) {
    fail_for_keys(tls);
    return false;
  }
  lw__tls_record *record = new_record(tls, data, size);
  tls->record_type = 0;
  if (record == NULL) return false;
  lw__tls_record **last = &tls->records;
  while (*last != NULL) last = &(*last)->next;
  *last = record;
  return true;
}

bool lw__tls_kernel_can_go_on(lw__tls *tls) {
  if (!tls->is_kernel || SSL_get_key_update_type(tls->ssl) == SSL_KEY_UPDATE_NONE) return true;
  fail_for_keys(tls);
  return false;
}

/* --- writing --- */

static lw_out *take_record(lw__tls *tls, uint8_t *type) {
  lw__tls_record *record = tls->records;
  lw_out *out = record->out;
  *type = record->type;
  tls->records = record->next;
  free(record);
  return out;
}

int lw__tls_kernel_write(lw__tls *tls) {
  if (tls->records != NULL) {
    uint8_t type;
    lw_out *out = take_record(tls, &type);
    return lw__tls_handed_down(tls, lw_transport_write_record(tls->lower, out, type));
  }
  if (tls->out == NULL || !tls->is_ready) return 0;
  if (tls->has_failed) return UV_EPIPE;
  lw_out *out = tls->out;
  tls->out = NULL;
  return lw__tls_handed_down(tls, lw_transport_write(tls->lower, out));
}

ssize_t lw__tls_kernel_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size) {
  lw__tls *tls = lw__tls_of(t);
  if (tls->is_closing || tls->has_failed || tls->is_shut || tls->must_shut) return UV_EPIPE;
  if (tls->owes_written || tls->out != NULL) return UV_EBUSY;
  int result = lw__tls_pump(tls); /* what OpenSSL has to say goes first */
  if (result < 0) return result;
  ssize_t sent = 0;
  if (result == 1) {
    sent = lw_transport_send_file(tls->lower, file, offset, size);
    if (sent < 0 || sent == (ssize_t)size) return sent;
    tls->is_busy = true;
  }
  tls->owes_written = true;
  return sent;
}

size_t lw__tls_kernel_kept(const lw__tls *tls) {
  size_t size = 0;
  for (const lw__tls_record *r = tls->records; r != NULL; r = r->next) size += lw_out_size(r->out);
  return size;
}

void lw__tls_kernel_forget(lw__tls *tls) {
  uint8_t type;
  while (tls->records != NULL) lw_out_give(tls->head.net->outs, take_record(tls, &type));
}

#else

void lw__tls_kernel_offer(lw__tls *tls) {
  (void)tls;
}

long lw__tls_kernel_ctrl(lw__tls *tls, int command, long number, void *pointer) {
  (void)tls, (void)command, (void)number, (void)pointer;
  return 0;
}

bool lw__tls_kernel_keep(lw__tls *tls, const char *data, size_t size) {
  (void)tls, (void)data, (void)size;
  return false;
}

bool lw__tls_kernel_can_go_on(lw__tls *tls) {
  (void)tls;
  return true;
}

int lw__tls_kernel_write(lw__tls *tls) {
  (void)tls;
  return 0;
}

ssize_t lw__tls_kernel_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size) {
  (void)t, (void)file, (void)offset, (void)size;
  return UV_ENOTSUP;
}

size_t lw__tls_kernel_kept(const lw__tls *tls) {
  (void)tls;
  return 0;
}

void lw__tls_kernel_forget(lw__tls *tls) {
  (void)tls;
}

#endif
