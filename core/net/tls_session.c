/* The sessions that servers gave to our clients, so that the next connection to the same server
 * need not show certificates again (RFC 8446 section 2.2, RFC 5246 section 7.3).
 *
 * They live in the context, so one is never used under other rules of trust than those under which
 * the server was verified. What is kept is bounded, whatever servers send. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tls_internal.h"

/* Servers give two at a time, so that two connections can be opened at once. */
#define PER_SERVER_MAX 2
/* A ticket may have 64 KiB; those that occur have less than 4, a client's certificate included. */
#define TICKET_MAX ((size_t)16 * 1024)

/* --- the list, oldest first --- */

static void remove_at(lw__tls_sessions *list, unsigned i) {
  free(list->entries[i].server);
  list->count--;
  memmove(&list->entries[i], &list->entries[i + 1], (list->count - i) * sizeof list->entries[0]);
}

static void drop_at(lw__tls_sessions *list, unsigned i) {
  SSL_SESSION_free(list->entries[i].session);
  remove_at(list, i);
}

static void make_room(lw__tls_sessions *list, const char *server) {
  unsigned oldest = 0, same = 0;
  for (unsigned i = list->count; i-- > 0;) {
    if (strcmp(list->entries[i].server, server) != 0) continue;
    oldest = i;
    same++;
  }
  if (same >= PER_SERVER_MAX) {
    drop_at(list, oldest);
  } else if (list->count == LW__TLS_SESSIONS_MAX) {
    drop_at(list, 0);
  }
}

static bool is_worth_keeping(const SSL_SESSION *session) {
  const unsigned char *ticket;
  size_t size = 0;
  SSL_SESSION_get0_ticket(session, &ticket, &size);
  return SSL_SESSION_is_resumable(session) == 1 && size <= TICKET_MAX;
}

/* Takes the session over when it returns true. */
static bool keep(lw__tls_sessions *list, const char *server, SSL_SESSION *session) {
  if (!is_worth_keeping(session)) return false;
  size_t size = strlen(server) + 1;
  char *copy = malloc(size);
  if (copy == NULL) return false;
  memcpy(copy, server, size);
  make_room(list, server);
  list->entries[list->count++] = (lw__tls_session){copy, session};
  return true;
}

void lw__tls_sessions_free(lw__tls_sessions *list) {
  while (list->count > 0) drop_at(list, list->count - 1);
}

/* --- using one --- */

/* Whoever resumes sees no certificate, so that of the session must still be valid. */
static bool is_current(const lw__tls *tls, SSL_SESSION *session) {
  X509 *cert = SSL_SESSION_get0_peer(session);
  if (SSL_SESSION_is_resumable(session) != 1) return false;
  return !tls->context->verify ||
         (cert != NULL && X509_cmp_current_time(X509_get0_notAfter(cert)) > 0);
}

/* The newest one of the server, which leaves the list: a ticket is to be used once, so that nobody
 * can tell that two connections are of one client (RFC 8446 appendix C.4), and one that makes a
 * handshake fail is not tried again. */
static SSL_SESSION *take(lw__tls *tls) {
  lw__tls_sessions *list = &tls->context->sessions;
  for (unsigned i = list->count; i-- > 0;) {
    SSL_SESSION *session = list->entries[i].session;
    if (strcmp(list->entries[i].server, tls->server) != 0) continue;
    remove_at(list, i);
    if (is_current(tls, session)) return session;
    SSL_SESSION_free(session);
  }
  return NULL;
}

bool lw__tls_resume(lw__tls *tls, const char *name) {
  char address[256];
  int port;
  if (lw_transport_peer(tls->lower, address, sizeof address, &port) != 0) port = 0;
  size_t size = strlen(name) + sizeof ":65535";
  tls->server = malloc(size);
  if (tls->server == NULL) return false;
  snprintf(tls->server, size, "%s:%d", name, port);
  SSL_SESSION *session = take(tls);
  if (session == NULL) return true;
  SSL_set_session(tls->ssl, session); /* where it will not do, the handshake is a whole one */
  SSL_SESSION_free(session);
  return true;
}

/* --- getting them --- */

/* OpenSSL asks whether we keep its reference. */
static int on_new_session(SSL *ssl, SSL_SESSION *session) {
  const lw__tls *tls = SSL_get_app_data(ssl);
  return keep(&tls->context->sessions, tls->server, session);
}

void lw__tls_keep_sessions(SSL_CTX *ctx) {
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
  SSL_CTX_sess_set_new_cb(ctx, on_new_session);
}

void lw__tls_keep_resumed(lw__tls *tls) {
  if (tls->is_server || SSL_session_reused(tls->ssl) != 1) return;
  if (SSL_version(tls->ssl) >= TLS1_3_VERSION) return;
  SSL_SESSION *session = SSL_get1_session(tls->ssl);
  if (!keep(&tls->context->sessions, tls->server, session)) SSL_SESSION_free(session);
}
