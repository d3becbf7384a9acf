/* What certificates say, as text. For the files of TLS only. */
#ifndef LW_NET_TLS_NAMES_H
#define LW_NET_TLS_NAMES_H

#include "tls_internal.h"

/* Each writes a terminated text into `to` and cuts it where it is too long. */
void lw__tls_name_text(X509_NAME *name, char *to, size_t size);   /* "CN=a, O=b" */
void lw__tls_common_name(X509_NAME *name, char *to, size_t size); /* "a", or the above */
void lw__tls_time_text(const ASN1_TIME *time, char *to,
                       size_t size); /* "2026-01-31 23:59:59 UTC" */

/* Calls fn(context, "name", text) for each host name and address that the certificate is for. */
void lw__tls_each_name(X509 *cert, lw_tls_fact fn, void *context);

#endif
