/* Certificates and keys from PEM, in files or in the text itself. */
#include <errno.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <string.h>

#include "tls_internal.h"

static bool is_text(const char *pem) {
  return strstr(pem, "-----BEGIN") != NULL;
}

/* How to call it in a message. */
static const char *name_of(const char *pem) {
  return is_text(pem) ? "the text" : pem;
}

static BIO *open_pem(const char *pem, const char *code, lw_transport_failure *failure) {
  BIO *bio = is_text(pem) ? BIO_new_mem_buf(pem, -1) : BIO_new_file(pem, "r");
  if (bio != NULL) return bio;
  lw__tls_fail(failure, code, "cannot read %s: %s", name_of(pem), strerror(errno));
  ERR_clear_error();
  return NULL;
}

/* OpenSSL would ask for the password on the terminal. */
static int no_password(char *buffer, int size, int is_writing, void *context) {
  (void)buffer, (void)size, (void)is_writing;
  *(bool *)context = true;
  return -1;
}

/* --- a certificate with its chain --- */

static bool add_chain(SSL_CTX *ctx, BIO *bio) {
  X509 *authority;
  while ((authority = PEM_read_bio_X509(bio, NULL, NULL, NULL)) != NULL) {
    if (SSL_CTX_add0_chain_cert(ctx, authority) != 1) {
      X509_free(authority);
      return false;
    }
  }
  unsigned long error = ERR_peek_last_error();
  bool is_end = ERR_GET_LIB(error) == ERR_LIB_PEM && ERR_GET_REASON(error) == PEM_R_NO_START_LINE;
  if (is_end) ERR_clear_error();
  return is_end;
}

static bool use_chain(SSL_CTX *ctx, const char *pem, lw_transport_failure *failure) {
  BIO *bio = open_pem(pem, "TLS_CERT_FILE", failure);
  if (bio == NULL) return false;
  X509 *leaf = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL);
  bool used = leaf != NULL && SSL_CTX_use_certificate(ctx, leaf) == 1 && add_chain(ctx, bio);
  if (leaf == NULL) {
    lw__tls_fail(failure, "TLS_CERT_FILE", "there is no certificate in PEM in %s", name_of(pem));
    ERR_clear_error();
  } else if (!used) {
    lw__tls_fail(failure, "TLS_CERT_FILE", "the certificate in %s cannot be used: %s", name_of(pem),
                 lw__tls_reason());
  }
  X509_free(leaf);
  BIO_free(bio);
  return used;
}

static bool use_key(SSL_CTX *ctx, const lw_tls_certificate *certificate,
                    lw_transport_failure *failure) {
  const char *pem = certificate->key != NULL ? certificate->key : certificate->cert;
  bool is_encrypted = false;
  BIO *bio = open_pem(pem, "TLS_KEY_FILE", failure);
  if (bio == NULL) return false;
  EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, no_password, &is_encrypted);
  BIO_free(bio);
  bool used = key != NULL && SSL_CTX_use_PrivateKey(ctx, key) == 1;
  EVP_PKEY_free(key);
  if (is_encrypted) {
    lw__tls_fail(failure, "TLS_KEY_FILE",
                 "the key in %s is encrypted: decrypt it with \"openssl pkey\"", name_of(pem));
  } else if (key == NULL) {
    lw__tls_fail(failure, "TLS_KEY_FILE", "there is no private key in PEM in %s", name_of(pem));
  } else if (!used) {
    lw__tls_fail(failure, "TLS_KEY_FILE", "the key in %s is not that of the certificate in %s",
                 name_of(pem), name_of(certificate->cert));
  }
  ERR_clear_error();
  return used;
}

bool lw__tls_use_certificate(SSL_CTX *ctx, const lw_tls_certificate *certificate,
                             lw_transport_failure *failure) {
  return use_chain(ctx, certificate->cert, failure) && use_key(ctx, certificate, failure);
}

/* --- authorities --- */

static bool add_authority(SSL_CTX *ctx, X509 *authority, bool is_server) {
  if (X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), authority) != 1) return false;
  return !is_server || SSL_CTX_add_client_CA(ctx, authority) == 1;
}

bool lw__tls_use_authorities(SSL_CTX *ctx, const char *ca, bool is_server,
                             lw_transport_failure *failure) {
  BIO *bio = open_pem(ca, "TLS_CA_FILE", failure);
  if (bio == NULL) return false;
  X509 *authority;
  size_t count = 0;
  bool added = true;
  while (added && (authority = PEM_read_bio_X509_AUX(bio, NULL, NULL, NULL)) != NULL) {
    added = add_authority(ctx, authority, is_server);
    X509_free(authority);
    count++;
  }
  BIO_free(bio);
  if (!added) {
    lw__tls_fail(failure, "TLS_CA_FILE", "a certificate in %s cannot be used: %s", name_of(ca),
                 lw__tls_reason());
  } else if (count == 0) {
    lw__tls_fail(failure, "TLS_CA_FILE", "there is no certificate in PEM in %s", name_of(ca));
  }
  ERR_clear_error();
  return added && count > 0;
}
