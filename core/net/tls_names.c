#include "tls_names.h"

#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

void lw__tls_name_text(X509_NAME *name, char *to, size_t size) {
  BIO *bio = BIO_new(BIO_s_mem());
  char *text = NULL;
  long length = 0;
  unsigned long form = (XN_FLAG_RFC2253 & ~XN_FLAG_SEP_MASK & ~(unsigned long)XN_FLAG_DN_REV &
                        ~(unsigned long)ASN1_STRFLGS_ESC_MSB) |
                       XN_FLAG_SEP_CPLUS_SPC;
  if (bio != NULL && X509_NAME_print_ex(bio, name, 0, form) >= 0)
    length = BIO_get_mem_data(bio, &text);
  snprintf(to, size, "%.*s", (int)length, text != NULL ? text : "");
  BIO_free(bio);
}

void lw__tls_common_name(X509_NAME *name, char *to, size_t size) {
  if (X509_NAME_get_text_by_NID(name, NID_commonName, to, (int)size) <= 0) {
    lw__tls_name_text(name, to, size);
  }
}

void lw__tls_time_text(const ASN1_TIME *when, char *to, size_t size) {
  struct tm parts;
  if (ASN1_TIME_to_tm(when, &parts) != 1 ||
      strftime(to, size, "%Y-%m-%d %H:%M:%S UTC", &parts) == 0) {
    snprintf(to, size, "?");
  }
}

static void tell_address(const ASN1_OCTET_STRING *address, lw_tls_fact fn, void *context) {
  const unsigned char *bytes = ASN1_STRING_get0_data(address);
  int size = ASN1_STRING_length(address);
  char text[64];
  int error = size == 4    ? uv_inet_ntop(AF_INET, bytes, text, sizeof text)
              : size == 16 ? uv_inet_ntop(AF_INET6, bytes, text, sizeof text)
                           : UV_EINVAL;
  if (error == 0) fn(context, "name", text);
}

/* A name with a NUL in it is a trick: it is left out, as OpenSSL leaves it out of comparing. */
static void tell_host(const ASN1_IA5STRING *host, lw_tls_fact fn, void *context) {
  char text[256];
  const char *bytes = (const char *)ASN1_STRING_get0_data(host);
  size_t size = (size_t)ASN1_STRING_length(host);
  if (size >= sizeof text || memchr(bytes, '\0', size) != NULL) return;
  memcpy(text, bytes, size);
  text[size] = '\0';
  fn(context, "name", text);
}

void lw__tls_each_name(X509 *cert, lw_tls_fact fn, void *context) {
  GENERAL_NAMES *names = X509_get_ext_d2i(cert, NID_subject_alt_name, NULL, NULL);
  if (names == NULL) return;
  for (int i = 0; i < sk_GENERAL_NAME_num(names); i++) {
    const GENERAL_NAME *name = sk_GENERAL_NAME_value(names, i);
    if (name->type == GEN_DNS) tell_host(name->d.dNSName, fn, context);
    if (name->type == GEN_IPADD) tell_address(name->d.iPAddress, fn, context);
  }
  GENERAL_NAMES_free(names);
}
