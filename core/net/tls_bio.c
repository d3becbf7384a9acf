/* The BIO through which OpenSSL reads what the lower transport lends and writes into an lw_out.
 * OpenSSL's own memory BIOs would copy everything once more and keep the buffers. */
#include <string.h>

#include "tls_internal.h"

static int bio_read(BIO *bio, char *to, int size) {
  lw__tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  if (tls->in_size == 0) {
    BIO_set_retry_read(bio);
    return -1;
  }
  size_t count = (size_t)size < tls->in_size ? (size_t)size : tls->in_size;
  memcpy(to, tls->in, count);
  tls->in += count;
  tls->in_size -= count;
  return (int)count;
}

/* Everything is taken, so OpenSSL never waits for writing; who calls it must not call it with more
 * than may be kept. */
static int bio_write(BIO *bio, const char *data, int size) {
  lw__tls *tls = BIO_get_data(bio);
  BIO_clear_retry_flags(bio);
  if (size <= 0) return 0;
  if (tls->is_kernel) return lw__tls_kernel_keep(tls, data, (size_t)size) ? size : -1;
  if (tls->cipher == NULL) tls->cipher = lw_out_take(tls->head.net->outs);
  bool is_kept = tls->cipher != NULL && lw_out_copy(tls->cipher, data, (size_t)size);
  return is_kept ? size : -1;
}

static long bio_ctrl(BIO *bio, int command, long number, void *pointer) {
  if (command == BIO_CTRL_FLUSH) return 1;
  return lw__tls_kernel_ctrl(BIO_get_data(bio), command, number, pointer);
}

static int bio_create(BIO *bio) {
  BIO_set_init(bio, 1);
  return 1;
}

BIO_METHOD *lw__tls_bio_method(void) {
  BIO_METHOD *method = BIO_meth_new(BIO_TYPE_SOURCE_SINK, "lunawire transport");
  if (method == NULL) return NULL;
  BIO_meth_set_read(method, bio_read);
  BIO_meth_set_write(method, bio_write);
  BIO_meth_set_ctrl(method, bio_ctrl);
  BIO_meth_set_create(method, bio_create);
  return method;
}
