/* What goes wrong with TLS, in one sentence that says what to do. */
#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_names.h"

/* Reasons of SSL that stand for an alert which the peer sent: this plus its number. */
#define ALERT_REASON 1000
#define NAMES_MAX 200

static void fail_v(lw_transport_failure *failure, const char *code, const char *format,
                   va_list arguments) {
  snprintf(failure->code, sizeof failure->code, "%s", code);
  vsnprintf(failure->text, sizeof failure->text, format, arguments);
}

void lw__tls_fail(lw_transport_failure *failure, const char *code, const char *format, ...) {
  if (failure == NULL) return;
  va_list arguments;
  va_start(arguments, format);
  fail_v(failure, code, format, arguments);
  va_end(arguments);
}

/* The first cause is the one that counts. */
void lw__tls_fail_with(lw__tls *tls, const char *code, const char *format, ...) {
  if (tls->failure != NULL) return;
  tls->failure = malloc(sizeof *tls->failure);
  if (tls->failure == NULL) return;
  va_list arguments;
  va_start(arguments, format);
  fail_v(tls->failure, code, format, arguments);
  va_end(arguments);
}

/* --- certificates --- */

static void append_name(void *context, const char *fact, const char *name) {
  char *names = context;
  size_t used = strlen(names);
  (void)fact;
  if (used + strlen(name) + sizeof ", ..." > NAMES_MAX) {
    if (used < 3 || strcmp(names + used - 3, "...") != 0) strcpy(names + used, ", ...");
    return;
  }
  sprintf(names + used, "%s%s", used > 0 ? ", " : "", name);
}

static void explain_name(lw__tls *tls, X509 *cert) {
  char names[NAMES_MAX + 16] = "", *address = NULL;
  const char *wanted = SSL_get_servername(tls->ssl, TLSEXT_NAMETYPE_host_name);
#if OPENSSL_VERSION_NUMBER >= 0x30000000L
  if (wanted == NULL) address = X509_VERIFY_PARAM_get1_ip_asc(SSL_get0_param(tls->ssl));
#endif
  if (wanted == NULL) wanted = address != NULL ? address : "this address";
  lw__tls_each_name(cert, append_name, names);
  if (names[0] == '\0') lw__tls_common_name(X509_get_subject_name(cert), names, NAMES_MAX);
  lw__tls_fail_with(tls, "TLS_HOSTNAME",
                    "the certificate is for %s, not %s: connect to that name, or pass it as "
                    "tls.server_name",
                    names, wanted);
  OPENSSL_free(address);
}

static void explain_time(lw__tls *tls, X509 *cert, int depth, bool has_expired) {
  char when[64], whose[160] = "";
  lw__tls_time_text(has_expired ? X509_get0_notAfter(cert) : X509_get0_notBefore(cert), when,
                    sizeof when);
  if (depth > 0) {
    char name[120];
    lw__tls_common_name(X509_get_subject_name(cert), name, sizeof name);
    snprintf(whose, sizeof whose, " of the authority %s", name);
  }
  if (has_expired) {
    lw__tls_fail_with(tls, "TLS_EXPIRED", "the certificate%s expired on %s", whose, when);
  } else {
    lw__tls_fail_with(tls, "TLS_NOT_YET_VALID",
                      "the certificate%s is valid from %s on: is this machine's clock right?",
                      whose, when);
  }
}

static void explain_trust(lw__tls *tls, X509 *cert, int error) {
  char issuer[160];
  lw__tls_common_name(X509_get_issuer_name(cert), issuer, sizeof issuer);
  if (error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT) {
    lw__tls_fail_with(tls, "TLS_SELF_SIGNED",
                      "the certificate is self-signed: pass tls.ca with that certificate, or "
                      "tls.verify = false to trust anybody");
  } else if (error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN) {
    lw__tls_fail_with(tls, "TLS_UNTRUSTED",
                      "the certificate's authority %s is not trusted here: pass tls.ca with its "
                      "certificate",
                      issuer);
  } else {
    lw__tls_fail_with(tls, "TLS_UNTRUSTED",
                      "the certificate is signed by %s, whose own is not known here: pass tls.ca "
                      "with it, or let the server send it",
                      issuer);
  }
}

static void explain_certificate(lw__tls *tls, X509 *cert, int depth, int error) {
  switch (error) {
  case X509_V_ERR_HOSTNAME_MISMATCH:
  case X509_V_ERR_IP_ADDRESS_MISMATCH:
    explain_name(tls, cert);
    break;
  case X509_V_ERR_CERT_HAS_EXPIRED:
  case X509_V_ERR_CERT_NOT_YET_VALID:
    explain_time(tls, cert, depth, error == X509_V_ERR_CERT_HAS_EXPIRED);
    break;
  case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
  case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
  case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
  case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    explain_trust(tls, cert, error);
    break;
  default:
    lw__tls_fail_with(tls, "TLS_UNTRUSTED", "the certificate cannot be verified: %s",
                      X509_verify_cert_error_string(error));
  }
}

int lw__tls_on_verify(int is_valid, X509_STORE_CTX *store) {
  if (is_valid) return 1;
  const SSL *ssl = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
  lw__tls *tls = SSL_get_app_data(ssl);
  X509 *cert = X509_STORE_CTX_get_current_cert(store);
  int error = X509_STORE_CTX_get_error(store);
  if (cert != NULL) explain_certificate(tls, cert, X509_STORE_CTX_get_error_depth(store), error);
  return 0;
}

/* --- the rest --- */

const char *lw__tls_reason(void) {
  unsigned long error = ERR_peek_error();
  const char *reason = error != 0 ? ERR_reason_error_string(error) : NULL;
  ERR_clear_error();
  return reason != NULL ? reason : "unknown reason";
}

static void explain_alert(lw__tls *tls, int reason, const char *text) {
  const char *peer = tls->is_server ? "client" : "server";
  if (reason == SSL_R_TLSV13_ALERT_CERTIFICATE_REQUIRED) {
    lw__tls_fail_with(tls, "TLS_CLIENT_CERT",
                      "the server wants a client certificate: pass tls.cert and tls.key");
  } else {
    lw__tls_fail_with(tls, "TLS_HANDSHAKE", "the %s refused the TLS %s: %s", peer,
                      tls->is_ready ? "connection" : "handshake", text);
  }
}

void lw__tls_explain(lw__tls *tls) {
  unsigned long error = ERR_peek_error();
  int reason = ERR_GET_LIB(error) == ERR_LIB_SSL ? ERR_GET_REASON(error) : 0;
  const char *text = lw__tls_reason();
  switch (reason) {
  case SSL_R_WRONG_VERSION_NUMBER:
  case SSL_R_UNSUPPORTED_PROTOCOL:
  case SSL_R_TLSV1_ALERT_PROTOCOL_VERSION:
    lw__tls_fail_with(tls, "TLS_VERSION", "the %s speaks no TLS of version 1.2 or later",
                      tls->is_server ? "client" : "server");
    break;
  case SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE:
    lw__tls_fail_with(tls, "TLS_CLIENT_CERT", "the client sent no certificate");
    break;
  default:
    if (reason >= ALERT_REASON && reason < ALERT_REASON + 256) {
      explain_alert(tls, reason, text);
    } else if (tls->is_ready) {
      lw__tls_fail_with(tls, "TLS_BROKEN", "the TLS connection is broken: %s", text);
    } else {
      lw__tls_fail_with(tls, "TLS_HANDSHAKE", "the TLS handshake failed: %s", text);
    }
  }
}
