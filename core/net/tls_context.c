#include "tls_context.h"

#include <openssl/err.h>
#include <stdlib.h>
#include <string.h>

#include "tls_internal.h"

/* The one protocol that is spoken inside, as ALPN has it (RFC 7301): its length in front. */
static const unsigned char alpn[] = "\x08http/1.1";
#define ALPN_SIZE (sizeof alpn - 1)

/* --- several certificates --- */

static bool same_nocase(const char *a, const char *b) {
  for (; *a != '\0' && *b != '\0'; a++, b++) {
    int x = *a >= 'A' && *a <= 'Z' ? *a + 32 : *a, y = *b >= 'A' && *b <= 'Z' ? *b + 32 : *b;
    if (x != y) return false;
  }
  return *a == *b;
}

/* "*.b.example" is for names with one more label. */
static bool matches(const char *pattern, const char *name) {
  if (strncmp(pattern, "*.", 2) != 0) return same_nocase(pattern, name);
  const char *rest = strchr(name, '.');
  return rest != NULL && rest != name && same_nocase(pattern + 1, rest);
}

static SSL_CTX *find(const lw_tls_context *context, const char *name) {
  const lw__tls_name *best = NULL;
  for (size_t i = 0; i < context->name_count; i++) {
    const lw__tls_name *candidate = &context->names[i];
    if (candidate->name == NULL || !matches(candidate->name, name)) continue;
    if (best == NULL || candidate->name[0] != '*') best = candidate; /* the exact one wins */
  }
  return best != NULL ? best->ctx : NULL;
}

static int on_server_name(SSL *ssl, int *alert, void *argument) {
  const lw_tls_context *context = argument;
  const char *name = SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name);
  (void)alert;
  SSL_CTX *ctx = name != NULL ? find(context, name) : NULL;
  if (ctx == NULL) return SSL_TLSEXT_ERR_NOACK;
  SSL_set_SSL_CTX(ssl, ctx);
  return SSL_TLSEXT_ERR_OK;
}

/* --- ALPN --- */

/* A client that offers other protocols only is refused, as RFC 7301 section 3.2 demands: what it
 * sends would be misread. */
static int on_alpn(SSL *ssl, const unsigned char **chosen, unsigned char *size,
                   const unsigned char *offered, unsigned offered_size, void *argument) {
  (void)ssl, (void)argument;
  unsigned char *found;
  int result = SSL_select_next_proto(&found, size, alpn, ALPN_SIZE, offered, offered_size);
  *chosen = found;
  return result == OPENSSL_NPN_NEGOTIATED ? SSL_TLSEXT_ERR_OK : SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* --- making one --- */

/* OpenSSL's order begins with AES-256, which takes a third longer than AES-128 and protects no
 * better against anything known. */
static const char ciphers_13[] =
    "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256";
/* Those with forward secrecy that authenticate what they encrypt (RFC 9325 section 4.2). */
static const char ciphers_12[] = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL";

static SSL_CTX *new_ctx(bool is_server) {
  static const unsigned char id[] = "lunawire";
  SSL_CTX *ctx = SSL_CTX_new(is_server ? TLS_server_method() : TLS_client_method());
  if (ctx == NULL) return NULL;
  SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION);
  SSL_CTX_set_options(ctx, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION |
                               SSL_OP_CIPHER_SERVER_PREFERENCE);
#ifdef SSL_OP_PRIORITIZE_CHACHA
  SSL_CTX_set_options(ctx, SSL_OP_PRIORITIZE_CHACHA); /* for clients that prefer it, on phones */
#endif
  SSL_CTX_set_ciphersuites(ctx, ciphers_13);
  SSL_CTX_set_cipher_list(ctx, ciphers_12);
  SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_AUTO_RETRY);
  /* A server's sessions live in tickets that the clients keep, not in a table of ours. One ticket
   * is enough: a client that resumes gets a fresh one. */
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
  SSL_CTX_set_num_tickets(ctx, 1);
  return ctx;
}

static bool set_rules(SSL_CTX *ctx, const lw_tls_config *config, lw_transport_failure *failure) {
  int mode = SSL_VERIFY_NONE;
  if (config->verify) mode = SSL_VERIFY_PEER;
  if (config->is_server && config->require) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_CTX_set_verify(ctx, mode, config->is_server ? NULL : lw__tls_on_verify);
  if (!config->verify) return true;
  /* Who trusts a certificate need not trust the authority that signed it as well. */
  X509_STORE_set_flags(SSL_CTX_get_cert_store(ctx), X509_V_FLAG_PARTIAL_CHAIN);
  if (config->ca != NULL) {
    return lw__tls_use_authorities(ctx, config->ca, config->is_server, failure);
  }
  if (SSL_CTX_set_default_verify_paths(ctx) == 1) return true;
  lw__tls_fail(failure, "TLS_CA_FILE", "the system's certificate authorities cannot be read: %s",
               lw__tls_reason());
  return false;
}

static SSL_CTX *configured(const lw_tls_config *config, lw_transport_failure *failure) {
  SSL_CTX *ctx = new_ctx(config->is_server);
  if (ctx == NULL) {
    lw__tls_fail(failure, "TLS_HANDSHAKE", "OpenSSL cannot start: %s", lw__tls_reason());
    return NULL;
  }
  if (config->is_server) {
    SSL_CTX_set_alpn_select_cb(ctx, on_alpn, NULL);
  } else {
    SSL_CTX_set_alpn_protos(ctx, alpn, ALPN_SIZE);
    lw__tls_keep_sessions(ctx);
  }
  if (set_rules(ctx, config, failure)) return ctx;
  SSL_CTX_free(ctx);
  return NULL;
}

static char *copy(const char *text) {
  size_t size = strlen(text) + 1;
  char *made = malloc(size);
  if (made != NULL) memcpy(made, text, size);
  return made;
}

static bool add_name(lw_tls_context *context, const lw_tls_config *config,
                     const lw_tls_certificate *certificate, lw_transport_failure *failure) {
  lw__tls_name *entry = &context->names[context->name_count];
  entry->ctx = configured(config, failure);
  if (entry->ctx == NULL) return false;
  context->name_count++; /* from here on the context frees it */
  if (certificate->name != NULL) {
    entry->name = copy(certificate->name);
    if (entry->name == NULL) {
      lw__tls_fail(failure, "NOMEM", "out of memory");
      return false;
    }
  } else {
    context->ctx = entry->ctx;
  }
  return lw__tls_use_certificate(entry->ctx, certificate, failure);
}

/* The one for clients that ask for no name, or for one that is not there. */
static bool add_default(lw_tls_context *context, const lw_tls_config *config,
                        lw_transport_failure *failure) {
  if (context->ctx != NULL) return true;
  if (config->is_server && !config->self_signed && context->name_count > 0) {
    context->ctx = context->names[0].ctx;
    return true;
  }
  lw__tls_name *entry = &context->names[context->name_count];
  entry->ctx = configured(config, failure);
  if (entry->ctx == NULL) return false;
  context->name_count++;
  context->ctx = entry->ctx;
  return !config->self_signed || lw__tls_use_self_signed(entry->ctx, failure);
}

static bool fill(lw_tls_context *context, const lw_tls_config *config,
                 lw_transport_failure *failure) {
  context->names = calloc(config->certificate_count + 1, sizeof *context->names);
  context->bio = lw__tls_bio_method();
  if (context->names == NULL || context->bio == NULL) {
    lw__tls_fail(failure, "NOMEM", "out of memory");
    return false;
  }
  for (size_t i = 0; i < config->certificate_count; i++) {
    if (!add_name(context, config, &config->certificates[i], failure)) return false;
  }
  if (!add_default(context, config, failure)) return false;
  if (config->is_server && context->name_count > 1) {
    SSL_CTX_set_tlsext_servername_callback(context->ctx, on_server_name);
    SSL_CTX_set_tlsext_servername_arg(context->ctx, context);
  }
  return true;
}

lw_tls_context *lw_tls_context_new(const lw_tls_config *config, lw_transport_failure *failure) {
  lw_tls_context *context = calloc(1, sizeof *context);
  if (context == NULL) {
    lw__tls_fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  context->references = 1;
  context->plain_answer = config->plain_answer;
  context->verify = config->verify;
  context->may_use_kernel = config->ktls;
  ERR_clear_error();
  if (fill(context, config, failure)) return context;
  lw_tls_context_release(context);
  return NULL;
}

void lw_tls_context_hold(lw_tls_context *context) {
  context->references++;
}

void lw_tls_context_release(lw_tls_context *context) {
  if (--context->references > 0) return;
  lw__tls_sessions_free(&context->sessions);
  for (size_t i = 0; i < context->name_count; i++) {
    free(context->names[i].name);
    SSL_CTX_free(context->names[i].ctx);
  }
  free(context->names);
  BIO_meth_free(context->bio);
  free(context);
}
