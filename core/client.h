/* A client that is not open yet: what it asks for and how far it has come. Freed once it is open or
 * has failed, so a connection pays for none of it later. For core/client*.c only. */
#ifndef LW_CLIENT_H
#define LW_CLIENT_H

#include "conn.h"
#include "lunawire_client.h"
#include "net/dial.h"
#include "tunnel.h"

/* The addresses of a server that a SOCKS proxy is asked for one after the other. */
typedef struct lw_addresses {
  char (*texts)[64]; /* numeric, without brackets */
  unsigned count, next;
} lw_addresses;

struct lw_client {
  bool stream_messages;
  lw_redirector redirector; /* follow is NULL: refusals are final */

  /* client_route.c: the way to the server. At most one of dial and tunnel is there. */
  const char *host; /* owned, as all texts here; NULL for a unix socket */
  const char *local_address;
  int port;
  bool has_proxy;
  lw_proxy proxy;
  lw_addresses addresses; /* of the server; for LW_PROXY_SOCKS5 */
  lw_dial *dial;
  lw_tunnel *tunnel;
  lw_turn *turn;       /* kept until the connection is open or has failed */
  lw_tls_context *tls; /* held; NULL: none */
  const char *tls_name;

  /* client_request.c: what is asked for, and what the answer is checked against */
  lw_buf request; /* the whole request */
  lw_buf texts;   /* into which the offer's slices point */
  lw_handshake_offer offer;
  char key[LW_HANDSHAKE_KEY_SIZE];
  char extensions[LW_DEFLATE_TEXT_MAX]; /* the offer */

  /* client_answer.c: the server's answer */
  unsigned interim;   /* 1xx answers so far */
  lw_buf body;        /* of a refusal */
  uint64_t body_left; /* bytes of it that are still to come; UINT64_MAX until the end */
};

/* Writes the request and keeps what the answer is checked against. False on failure. */
bool lw__client_prepare(lw_conn *conn, const lw_connect_options *options, lw_failure *failure);

/* Sets out for the server; everything else follows from the loop. False on failure. */
bool lw__client_set_out(lw_conn *conn, const lw_connect_options *options, lw_failure *failure);
/* Lets go of all that client_route.c has of it but the connection's transport. */
void lw__client_turn_back(lw_client *client);
/* There is no time left, and no transport leads to the server: tells what was waited for. */
void lw__client_late(lw_conn *conn);

/* The server refused. True when that was a redirect, which is then followed or has failed. */
bool lw__client_redirected(lw_conn *conn, const lw_http_head *response);

/* lw__client_failed with the text of an error. */
void lw__client_failed_with(lw_conn *conn, lw_error error);
void lw__client_failed_with_uv(lw_conn *conn, int error);

/* The server refused, with the head that the connection has and what is there of the body. */
void lw__client_refused(lw_conn *conn);

#endif
