/* The part of lunawire.h that is for clients: whom to connect to, and by which way. The same rules
 * hold, and it knows no more. */
#ifndef LUNAWIRE_CLIENT_H
#define LUNAWIRE_CLIENT_H

#include "lunawire.h"

typedef enum lw_proxy_kind {
  LW_PROXY_HTTP,   /* CONNECT (RFC 9110 section 9.3.6) */
  LW_PROXY_SOCKS5, /* RFC 1928; the server's name is resolved here */
  LW_PROXY_SOCKS5H /* the proxy resolves it */
} lw_proxy_kind;

typedef struct lw_proxy {
  lw_proxy_kind kind;
  const char *host; /* a name or a numeric address, without brackets */
  int port;
  const char *user, *password; /* user NULL: none */
  lw_tls_context *tls;         /* to the proxy itself, of a client; NULL: none */
} lw_proxy;

/* Who decides where a client goes that the server sent elsewhere. All NULL: it goes nowhere, and a
 * redirect is a refusal like others. */
typedef struct lw_redirector {
  /* An answer 301, 302, 303, 307 or 308 came, with a Location (not terminated). Calls
   * lw_conn_redirect and returns true; or returns false after filling *failure, which is then what
   * becomes of the connection. Calls nothing else of the connection. */
  bool (*follow)(void *context, lw_conn *conn, int status, const char *location, size_t size,
                 lw_failure *failure);
  /* It is not needed any more: called once, also when lw_connect fails. */
  void (*release)(void *context);
  void *context;
} lw_redirector;

typedef struct lw_connect_options {
  const char *host; /* a name or a numeric address, without brackets */
  int port;
  const char *path;             /* a unix socket instead */
  const lw_proxy *proxy;        /* NULL: none. A unix socket takes none */
  const char *local_address;    /* numeric: what to connect from; NULL: the system chooses */
  const char *authority;        /* for the Host field */
  const char *target;           /* path and query */
  const char *const *protocols; /* NULL-terminated, or NULL */
  const lw_field *fields;       /* more header fields */
  size_t field_count;
  bool stream_messages;
  const lw_compression *compression; /* NULL: none */
  lw_tls_context *tls;               /* of a client; NULL: none */
  const char *tls_name;              /* whom the certificate must be for */
  lw_redirector redirector;
  lw_limits limits;
} lw_connect_options;

/* Starts connecting; on_open or on_error follows. Everything is copied but `events`. The connection
 * is held once for the caller. NULL on failure. */
lw_conn *lw_connect(lw_loop *loop, const lw_connect_options *options, const lw_conn_events *events,
                    void *user, lw_failure *failure);

/* Only from inside lw_redirector.follow: begins anew with these options, of which limits,
 * compression and redirector count for nothing. The time limit goes on. False on failure. */
bool lw_conn_redirect(lw_conn *conn, const lw_connect_options *options, lw_failure *failure);

#endif
