/* WebSocket and HTTP URLs (RFC 3986; RFC 6455 section 3). */
#ifndef LW_PROTO_URL_H
#define LW_PROTO_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "error.h"

#define LW_URL_MAX 8192 /* bytes */

/* Slices point into the text that was parsed, or to static storage. */
typedef struct lw_url {
  bool secure;        /* wss or https */
  bool is_unix;       /* ws+unix:///path.sock:/target: unix_path is set, host is "localhost" */
  bool is_ipv6;       /* the host is an IPv6 address; `host` is without its brackets */
  lw_slice scheme;    /* as written */
  lw_slice user;      /* "user:password" as written (percent-encoded), or empty */
  lw_slice host;      /* not empty */
  lw_slice authority; /* host and port as written, brackets included, for the Host field; without
                         the port where it is the scheme's own */
  uint16_t port;      /* the scheme's default where none is written */
  lw_slice path;      /* of the target; "" where the URL has none: send "/" then */
  lw_slice query;     /* with its "?"; or empty */
  lw_slice unix_path; /* as written: a ":" or "?" in it is percent-encoded */
} lw_url;

/* Parses ws, wss, ws+unix, http and https URLs. LW_OK, or the rule that the text breaks. */
lw_error lw_url_parse(lw_url *url, const char *text, size_t size);

/* A host and port as they stand in a Host field, an Origin or a proxy's address. */
typedef struct lw_authority {
  lw_slice host; /* not empty; without the brackets of an IPv6 address */
  bool is_ipv6;
  uint16_t port; /* 0: none is written */
} lw_authority;

/* Parses host[:port]. LW_OK, LW_E_URL_HOST or LW_E_URL_PORT. A host of digits and dots alone must
 * be an IPv4 address in its usual form, because resolvers read others in surprising ways. */
lw_error lw_url_parse_authority(lw_authority *authority, lw_slice text);

/* Appends the URL that a reference, as in a Location field, means where the base is where it was
 * found (RFC 3986 section 5.2); a fragment is left out. LW_OK; or an error, and *out is as it was.
 * What is appended is not checked: parse it. */
lw_error lw_url_resolve(lw_buf *out, lw_slice base, lw_slice reference);

/* Decodes percent-encoding into `to` (at least `size` bytes; may be `from`) and sets *written.
 * False when a % is not followed by two hexadecimal digits. */
bool lw_url_decode(char *to, size_t *written, const char *from, size_t size);

#endif
