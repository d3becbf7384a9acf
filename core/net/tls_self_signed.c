/* A certificate for trying things out: for this machine by itself, in memory only. */
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "tls_internal.h"

#define DAY (24L * 60 * 60)

static EVP_PKEY *new_key(void) {
  EVP_PKEY *key = NULL;
  EVP_PKEY_CTX *maker = EVP_PKEY_CTX_new_id(EVP_PKEY_EC, NULL);
  bool made = maker != NULL && EVP_PKEY_keygen_init(maker) == 1 &&
              EVP_PKEY_CTX_set_ec_paramgen_curve_nid(maker, NID_X9_62_prime256v1) == 1 &&
              EVP_PKEY_keygen(maker, &key) == 1;
  EVP_PKEY_CTX_free(maker);
  return made ? key : NULL;
}

static bool add_extension(X509 *cert, int nid, const char *value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, cert, cert, NULL, NULL, 0);
  X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
  bool added = extension != NULL && X509_add_ext(cert, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

static bool set_serial(X509 *cert) {
  uint64_t serial;
  if (RAND_bytes((unsigned char *)&serial, sizeof serial) != 1) return false;
  return ASN1_INTEGER_set_uint64(X509_get_serialNumber(cert), serial >> 1) == 1;
}

static bool describe(X509 *cert, EVP_PKEY *key) {
  static const unsigned char name[] = "localhost";
  X509_NAME *subject = X509_get_subject_name(cert);
  return X509_set_version(cert, 2) == 1 && set_serial(cert) &&
         X509_gmtime_adj(X509_getm_notBefore(cert), -DAY) != NULL &&
         X509_gmtime_adj(X509_getm_notAfter(cert), 90 * DAY) != NULL &&
         X509_NAME_add_entry_by_txt(subject, "CN", MBSTRING_ASC, name, -1, -1, 0) == 1 &&
         X509_set_issuer_name(cert, subject) == 1 && X509_set_pubkey(cert, key) == 1 &&
         add_extension(cert, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(cert, NID_ext_key_usage, "serverAuth") &&
         add_extension(cert, NID_subject_alt_name, "DNS:localhost,IP:127.0.0.1,IP:::1");
}

bool lw__tls_use_self_signed(SSL_CTX *ctx, lw_transport_failure *failure) {
  EVP_PKEY *key = new_key();
  X509 *cert = X509_new();
  bool used = key != NULL && cert != NULL && describe(cert, key) &&
              X509_sign(cert, key, EVP_sha256()) > 0 && SSL_CTX_use_certificate(ctx, cert) == 1 &&
              SSL_CTX_use_PrivateKey(ctx, key) == 1;
  if (!used) {
    lw__tls_fail(failure, "TLS_CERT_FILE", "a certificate cannot be made: %s", lw__tls_reason());
  }
  X509_free(cert);
  EVP_PKEY_free(key);
  return used;
}
