/* What all TLS connections of a server, or of clients with the same options, share: certificates,
 * keys, trusted authorities and rules. tls.h makes connections from it.
 *
 * A client's context also keeps the sessions that servers gave its connections, for the next ones.
 *
 * A context is counted and its rules never change once connections use it: to change a server's
 * certificate a new context takes its place, and connections keep the one that they began with. */
#ifndef LW_NET_TLS_CONTEXT_H
#define LW_NET_TLS_CONTEXT_H

#include "transport.h"

typedef struct lw_tls_context lw_tls_context;

/* Certificates and keys are PEM, given as the text itself or as the path of a file. */
typedef struct lw_tls_certificate {
  const char
      *name; /* "a.example" or "*.a.example": for clients that ask for it; NULL: for others */
  const char *cert; /* the certificate, followed by those of its authorities but the last */
  const char *key;  /* NULL: it is in `cert` as well */
} lw_tls_certificate;

typedef struct lw_tls_config {
  bool is_server;
  const lw_tls_certificate *certificates;
  size_t certificate_count;
  bool self_signed; /* a server makes itself a certificate for localhost */
  const char *ca;   /* trusted authorities; NULL: the system's (client), none (server) */
  bool verify;      /* the peer's certificate, if it has one */
  bool require;     /* a client without a certificate is refused */
  bool ktls;        /* the kernel may encrypt, where it offers that */
  /* What a peer that does not speak TLS but HTTP is told, a whole answer; static, or NULL. */
  const char *plain_answer;
} lw_tls_config;

/* Everything is copied but plain_answer. NULL on failure, with *failure filled in. */
lw_tls_context *lw_tls_context_new(const lw_tls_config *config, lw_transport_failure *failure);
void lw_tls_context_hold(lw_tls_context *context);
void lw_tls_context_release(lw_tls_context *context);

#endif
