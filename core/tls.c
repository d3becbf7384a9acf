/* What core/net knows as TLS, for those who know the public header only. */
#include <stdlib.h>

#include "loop.h"
#include "lunawire.h"
#include "net/tls.h"

/* For whoever speaks plain HTTP to a port with TLS. Browsers show it. */
static const char plain_answer[] =
    "HTTP/1.1 400 Bad Request\r\n"
    "Content-Type: text/plain; charset=utf-8\r\n"
    "Content-Length: 122\r\n"
    "Connection: close\r\n"
    "\r\n"
    "this port speaks TLS: the URL must begin with https:// or wss:// "
    "(and a PROXY protocol header needs proxy_protocol = true)";

static lw_tls_certificate *certificates_of(const lw_tls_options *options) {
  lw_tls_certificate *certificates = calloc(options->pair_count + 1, sizeof *certificates);
  for (size_t i = 0; certificates != NULL && i < options->pair_count; i++) {
    const lw_tls_pair *pair = &options->pairs[i];
    certificates[i] = (lw_tls_certificate){pair->name, pair->cert, pair->key};
  }
  return certificates;
}

lw_tls_context *lw_tls_open(const lw_tls_options *options, lw_failure *failure) {
  lw_transport_failure why = {"NOMEM", "out of memory"};
  lw_tls_context *context = NULL;
  lw_tls_certificate *certificates = certificates_of(options);
  if (certificates != NULL) {
    lw_tls_config config = {.is_server = options->is_server,
                            .certificates = certificates,
                            .certificate_count = options->pair_count,
                            .self_signed = options->self_signed,
                            .ca = options->ca,
                            .verify = options->verify,
                            .require = options->require,
                            .ktls = options->ktls,
                            .plain_answer = plain_answer};
    context = lw_tls_context_new(&config, &why);
    free(certificates);
  }
  if (context == NULL) lw__fail(failure, why.code, "%s", why.text);
  return context;
}

bool lw_tls_has_ktls(void) {
  return lw_tls_knows_kernel();
}

void lw_tls_hold(lw_tls_context *context) {
  lw_tls_context_hold(context);
}

void lw_tls_release(lw_tls_context *context) {
  lw_tls_context_release(context);
}
