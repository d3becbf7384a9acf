/* What can be asked about a TLS connection. */
#include <stdio.h>

#include "tls_names.h"

static void tell_peer(const lw__tls *tls, lw_tls_fact fn, void *context) {
  char text[400];
  X509 *cert = SSL_get1_peer_certificate(tls->ssl);
  if (cert == NULL) return;
  bool is_verified = tls->context->verify && SSL_get_verify_result(tls->ssl) == X509_V_OK;
  fn(context, "verified", is_verified ? "true" : "false");
  lw__tls_name_text(X509_get_subject_name(cert), text, sizeof text);
  fn(context, "subject", text);
  lw__tls_name_text(X509_get_issuer_name(cert), text, sizeof text);
  fn(context, "issuer", text);
  lw__tls_time_text(X509_get0_notAfter(cert), text, sizeof text);
  fn(context, "expires", text);
  lw__tls_each_name(cert, fn, context);
  X509_free(cert);
}

bool lw_tls_knows_kernel(void) {
  return LW__TLS_KERNEL;
}

bool lw_tls_describe(const lw_transport *t, lw_tls_fact fn, void *context) {
  const lw__tls *tls = lw__tls_if_ready(t);
  if (tls == NULL) return false;
  const unsigned char *protocol;
  unsigned size;
  char text[32];
  fn(context, "version", SSL_get_version(tls->ssl));
  fn(context, "cipher", SSL_get_cipher_name(tls->ssl));
  SSL_get0_alpn_selected(tls->ssl, &protocol, &size);
  snprintf(text, sizeof text, "%.*s", (int)size, size > 0 ? (const char *)protocol : "");
  if (size > 0) fn(context, "alpn", text);
  fn(context, "resumed", SSL_session_reused(tls->ssl) ? "true" : "false");
  fn(context, "ktls", tls->is_kernel ? "true" : "false");
  tell_peer(tls, fn, context);
  return true;
}
