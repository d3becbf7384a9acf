/* What the files of TLS share; nobody else may include it. */
#ifndef LW_NET_TLS_INTERNAL_H
#define LW_NET_TLS_INTERNAL_H

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include "tls.h"

#if OPENSSL_VERSION_NUMBER < 0x30000000L
#define SSL_get1_peer_certificate SSL_get_peer_certificate
#endif

/* Whether the kernel can be let encrypt: OpenSSL must know how, and we how it asks for that. */
#if LW__SOCKET_ENCRYPTS && defined(SSL_OP_ENABLE_KTLS) && !defined(OPENSSL_NO_KTLS) &&             \
    OPENSSL_VERSION_MAJOR == 3
#define LW__TLS_KERNEL 1
#else
#define LW__TLS_KERNEL 0
#endif

/* The context of one certificate; a server has more of them when it has several names. */
typedef struct lw__tls_name {
  char *name; /* NULL: the default */
  SSL_CTX *ctx;
} lw__tls_name;

/* Sessions that a client may resume: a few KiB each. */
#define LW__TLS_SESSIONS_MAX 32

typedef struct lw__tls_session {
  char *server; /* "name:port" */
  SSL_SESSION *session;
} lw__tls_session;

typedef struct lw__tls_sessions {
  lw__tls_session entries[LW__TLS_SESSIONS_MAX];
  unsigned count;
} lw__tls_sessions;

struct lw_tls_context {
  unsigned references;
  SSL_CTX *ctx; /* that of the default certificate */
  lw__tls_name *names;
  size_t name_count;
  BIO_METHOD *bio;
  const char *plain_answer;
  bool verify;
  bool may_use_kernel;
  lw__tls_sessions sessions; /* of clients */
};

typedef struct lw__tls_record lw__tls_record;

typedef struct lw__tls {
  lw_transport head;
  lw_transport *lower; /* NULL once it is gone */
  lw_tls_context *context;
  SSL *ssl;
  lw_transport_failure *failure; /* NULL until something went wrong */
  char *server;                  /* of a client: whose sessions are its */
  const uint8_t *in;             /* ciphertext that the lower transport lends */
  size_t in_size;
  lw_out *cipher;          /* encrypted, and not handed to the lower transport yet */
  lw_out *out;             /* what the owner wrote and is not encrypted yet */
  uv_timer_t *late;        /* tells the owner of an end that came while it did not read */
  int end_error;           /* of that end */
  int lower_error;         /* of writing, which is over then */
  lw__tls_record *records; /* for the kernel to encrypt: what OpenSSL has to say, oldest first */
  uint8_t record_type;     /* of what OpenSSL writes next; 0: it did not say */

  bool is_server : 1;
  bool is_inner : 1;     /* the lower transport is TLS, too */
  bool is_ready : 1;     /* the handshake is over */
  bool is_reading : 1;   /* the owner wants to */
  bool has_heard : 1;    /* the first byte came */
  bool is_kernel : 1;    /* the kernel encrypts what is written */
  bool is_busy : 1;      /* the lower transport keeps an lw_out */
  bool owes_written : 1; /* the owner waits for on_written */
  bool must_shut : 1;    /* our direction is to be ended when all is written */
  bool is_shut : 1;
  bool is_draining : 1;  /* failed; the peer is to read why before the end */
  bool has_failed : 1;   /* OpenSSL must not be asked any more */
  bool has_end : 1;      /* the peer's end was seen */
  bool has_told_end : 1; /* the owner knows */
  bool is_closing : 1;
} lw__tls;

/* --- tls_error.c: what went wrong, in words */

void lw__tls_fail(lw_transport_failure *failure, const char *code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* The transport's failure, unless it has one already. */
void lw__tls_fail_with(lw__tls *tls, const char *code, const char *format, ...)
#if defined(__GNUC__)
    __attribute__((format(printf, 3, 4)))
#endif
    ;
/* From OpenSSL's error queue, which is empty afterwards. */
void lw__tls_explain(lw__tls *tls);
/* For SSL_set_verify: says what is wrong with a certificate. */
int lw__tls_on_verify(int is_valid, X509_STORE_CTX *store);
/* OpenSSL's reason for the first error of the queue, which is emptied; never NULL. */
const char *lw__tls_reason(void);

/* --- tls_pem.c: certificates and keys */

bool lw__tls_use_certificate(SSL_CTX *ctx, const lw_tls_certificate *certificate,
                             lw_transport_failure *failure);
/* Trusts the authorities in `ca`; a server also names them to its clients. */
bool lw__tls_use_authorities(SSL_CTX *ctx, const char *ca, bool is_server,
                             lw_transport_failure *failure);

/* --- tls_self_signed.c */

bool lw__tls_use_self_signed(SSL_CTX *ctx, lw_transport_failure *failure);

/* --- tls_session.c: sessions that clients resume */

/* For the context of a client: sessions are kept as they come. */
void lw__tls_keep_sessions(SSL_CTX *ctx);
/* Before a client's handshake: offers a session of the server of that name, if there is one, and
 * notes whose sessions are to be kept. The port is that of the lower transport's peer. False: out
 * of memory. */
bool lw__tls_resume(lw__tls *tls, const char *name);
/* After a handshake: a session of TLS 1.2 that was resumed can be resumed again. */
void lw__tls_keep_resumed(lw__tls *tls);
void lw__tls_sessions_free(lw__tls_sessions *list);

/* --- tls_bio.c: between OpenSSL and the lower transport's bytes */

BIO_METHOD *lw__tls_bio_method(void);

/* --- tls_write.c */

/* Encrypts and hands down as much as goes. 1: all of it; 0: the lower transport keeps some and
 * tells later; negative: an error. */
int lw__tls_pump(lw__tls *tls);
/* The same, and tells the owner if it waits for that. */
void lw__tls_flush(lw__tls *tls);
void lw__tls_on_written(void *owner, int error);
int lw__tls_write(lw_transport *t, lw_out *out);
size_t lw__tls_unwritten(const lw_transport *t);
int lw__tls_shutdown(lw_transport *t);
/* Hands down what is encrypted. 1: it went, and there may be more; 0: it is kept, or there is
 * nothing; negative: an error. While not busy. */
int lw__tls_write_cipher(lw__tls *tls);
/* Remembers what became of an output that was handed down, and returns that. */
int lw__tls_handed_down(lw__tls *tls, int result);
/* What waits although the owner did not write it: tickets, key updates, alerts. */
size_t lw__tls_unasked(const lw__tls *tls);
/* Gives up what is not written. */
void lw__tls_forget_output(lw__tls *tls);

/* --- tls_kernel.c: the kernel encrypts (kTLS) */

/* Before the handshake: lets OpenSSL offer its keys, where the kernel may take them. */
void lw__tls_kernel_offer(lw__tls *tls);
/* What OpenSSL asks of a BIO for it; 0 for whatever else. */
long lw__tls_kernel_ctrl(lw__tls *tls, int command, long number, void *pointer);
/* The kind of a transport whose kernel encrypts, which also sends files (tls.c). */
extern const lw_transport_kind lw__tls_kernel_kind;
/* While the kernel encrypts: keeps a record that OpenSSL wrote, to be handed down later. */
bool lw__tls_kernel_keep(lw__tls *tls, const char *data, size_t size);
/* False, with the failure told, when the peer wants what the kernel cannot do. */
bool lw__tls_kernel_can_go_on(lw__tls *tls);
/* The same as lw__tls_write_cipher, for what the kernel is to encrypt. */
int lw__tls_kernel_write(lw__tls *tls);
/* For a transport whose kernel encrypts: that of lw_transport_send_file. */
ssize_t lw__tls_kernel_send_file(lw_transport *t, uv_file file, uint64_t offset, size_t size);
/* Bytes of records that are not handed down. */
size_t lw__tls_kernel_kept(const lw__tls *tls);
void lw__tls_kernel_forget(lw__tls *tls);

/* NULL when the transport is not TLS, or its handshake not over. */
lw__tls *lw__tls_if_ready(const lw_transport *t);

/* Before whatever SSL_get_error is asked about: the queue belongs to the thread, and others leave
 * their errors there. Clearing an empty one would cost as much as a handful of calls. */
static inline void lw__tls_clear_errors(void) {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

static inline lw__tls *lw__tls_of(const lw_transport *t) {
  return (lw__tls *)t;
}

#endif
