#include "tunnel.h"

#include <stdio.h>
#include <stdlib.h>

#include "loop.h"
#include "proto/http_connect.h"
#include "proto/socks.h"

struct lw_tunnel {
  lw_transport *io;
  const lw_proxy *proxy;
  lw_tunnel_done done;
  void *owner;
  uint8_t address[16]; /* of a server that is given by its address, for SOCKS */
  lw_http_connect http;
  lw_socks socks;
};

static bool is_http(const lw_tunnel *tunnel) {
  return tunnel->proxy->kind == LW_PROXY_HTTP;
}

static void free_tunnel(lw_tunnel *tunnel) {
  lw_http_connect_free(&tunnel->http);
  free(tunnel);
}

/* Nobody is left to be told of its end. */
static void close_io(lw_transport *io) {
  lw_transport_adopt(io, NULL, NULL);
  lw_transport_close(io);
}

void lw_tunnel_cancel(lw_tunnel *tunnel) {
  close_io(tunnel->io);
  free_tunnel(tunnel);
}

/* --- the end --- */

static void succeed(lw_tunnel *tunnel, uint8_t *rest, size_t size) {
  lw_transport *io = tunnel->io;
  lw_tunnel_done done = tunnel->done;
  void *owner = tunnel->owner;
  free_tunnel(tunnel);
  done(owner, io, rest, size, NULL);
}

static void fail(lw_tunnel *tunnel, const lw_failure *failure) {
  lw_tunnel_done done = tunnel->done;
  void *owner = tunnel->owner;
  lw_tunnel_cancel(tunnel);
  done(owner, NULL, NULL, 0, failure);
}

static void fail_with(lw_tunnel *tunnel, const char *text) {
  lw_failure failure;
  lw__fail(&failure, "PROXY", "%s", text);
  fail(tunnel, &failure);
}

/* --- what the proxy says --- */

/* A whole HTTP answer that does not connect us. */
static void on_refusal(lw_tunnel *tunnel) {
  const lw_http_connect *http = &tunnel->http;
  lw_failure failure;
  int size = http->reason.size < 60 ? (int)http->reason.size : 60;
  const char *why = "the proxy refused to connect to the server";
  if (http->status == 407) {
    why = tunnel->proxy->user != NULL ? "the proxy refused the user name or the password"
                                      : "the proxy asks for a user name and a password";
  }
  lw__fail(&failure, http->status == 407 ? "PROXY_AUTH" : "PROXY", "%s: %d %.*s", why, http->status,
           size, http->reason.data);
  fail(tunnel, &failure);
}

static void on_broken_http(lw_tunnel *tunnel) {
  lw_failure failure;
  lw__fail(&failure, "PROXY", "the proxy's answer cannot be read: %s",
           lw_error_text(tunnel->http.error));
  fail(tunnel, &failure);
}

static void on_http(lw_tunnel *tunnel, uint8_t *data, size_t size) {
  size_t used;
  lw_result result = lw_http_connect_input(&tunnel->http, &used, data, size);
  if (result == LW_BROKEN) {
    on_broken_http(tunnel);
  } else if (result == LW_DONE && tunnel->http.status >= 300) {
    on_refusal(tunnel);
  } else if (result == LW_DONE) {
    succeed(tunnel, data + used, size - used);
  }
}

/* Sends what was put into `text`, which is freed. 0, or an error. */
static int say(lw_tunnel *tunnel, lw_buf *text) {
  int result = 0;
  if (text->size > 0) {
    lw_out *out = lw_out_take(tunnel->io->net->outs);
    if (out == NULL) {
      result = UV_ENOMEM;
    } else if (!lw_out_copy(out, text->data, text->size)) {
      lw_out_give(tunnel->io->net->outs, out);
      result = UV_ENOMEM;
    } else {
      result = lw_transport_write(tunnel->io, out);
    }
  }
  lw_buf_free(text);
  return result < 0 ? result : 0;
}

static void on_socks(lw_tunnel *tunnel, uint8_t *data, size_t size) {
  lw_buf text = {0};
  size_t used;
  lw_result result = lw_socks_input(&tunnel->socks, &used, data, size, &text);
  int error = say(tunnel, &text);
  if (result == LW_BROKEN) {
    lw_failure failure;
    lw__fail(&failure, tunnel->socks.refused_login ? "PROXY_AUTH" : "PROXY", "%s",
             tunnel->socks.complaint);
    fail(tunnel, &failure);
  } else if (error != 0) {
    fail_with(tunnel, "the proxy broke the connection");
  } else if (result == LW_DONE) {
    succeed(tunnel, data + used, size - used);
  }
}

/* --- transport events --- */

static void on_read(void *owner, uint8_t *data, size_t size) {
  lw_tunnel *tunnel = owner;
  if (is_http(tunnel)) {
    on_http(tunnel, data, size);
  } else {
    on_socks(tunnel, data, size);
  }
}

static void on_end(void *owner, int error) {
  lw_tunnel *tunnel = owner;
  const lw_transport_failure *known = lw_transport_failure_of(tunnel->io);
  lw_failure failure;
  if (known != NULL) { /* TLS to the proxy: the code tells that it is about a certificate */
    lw__fail(&failure, known->code, "on the way to the proxy: %s", known->text);
  } else if (error == UV_EOF) {
    lw__fail(&failure, "PROXY", "the proxy ended the connection before it led to the server");
  } else {
    lw__fail(&failure, "PROXY", "the proxy broke the connection: %s", uv_strerror(error));
  }
  fail(tunnel, &failure);
}

static void on_written(void *owner, int error) {
  if (error != 0) on_end(owner, error);
}

/* It is closed by close_io only, which lets go of it first. */
static void on_closed(void *owner) {
  (void)owner;
}

static const lw_transport_events events = {on_read, on_end, on_written, on_closed, NULL};

/* --- the beginning --- */

static bool ask_http(lw_tunnel *tunnel, const char *host, int port, lw_buf *text) {
  const lw_proxy *proxy = tunnel->proxy;
  lw_http_connect_request request = {.host = lw_slice_of(host),
                                     .port = (uint16_t)port,
                                     .has_login = proxy->user != NULL,
                                     .user = lw_slice_of(proxy->user),
                                     .password = lw_slice_of(proxy->password)};
  return lw_http_connect_write(text, &request);
}

static bool ask_socks(lw_tunnel *tunnel, const char *host, int port, lw_buf *text) {
  const lw_proxy *proxy = tunnel->proxy;
  lw_socks_request request = {.type = LW_SOCKS_NAME,
                              .address = lw_slice_of(host),
                              .port = (uint16_t)port,
                              .has_login = proxy->user != NULL,
                              .user = lw_slice_of(proxy->user),
                              .password = lw_slice_of(proxy->password)};
  if (uv_inet_pton(AF_INET, host, tunnel->address) == 0) {
    request.type = LW_SOCKS_IPV4;
    request.address = (lw_slice){(const char *)tunnel->address, 4};
  } else if (uv_inet_pton(AF_INET6, host, tunnel->address) == 0) {
    request.type = LW_SOCKS_IPV6;
    request.address = (lw_slice){(const char *)tunnel->address, 16};
  }
  return lw_socks_start(&tunnel->socks, &request, text);
}

static bool start(lw_tunnel *tunnel, const char *host, int port, lw_failure *failure) {
  lw_buf text = {0};
  bool asked =
      is_http(tunnel) ? ask_http(tunnel, host, port, &text) : ask_socks(tunnel, host, port, &text);
  if (!asked) {
    const char *complaint = tunnel->socks.complaint;
    lw__fail(failure, complaint != NULL ? "PROXY" : "NOMEM", "%s",
             complaint != NULL ? complaint : "out of memory");
    lw_buf_free(&text);
    return false;
  }
  int error = lw_transport_read_start(tunnel->io);
  if (error == 0) {
    error = say(tunnel, &text);
  } else {
    lw_buf_free(&text);
  }
  if (error != 0) {
    lw__fail(failure, "PROXY", "the proxy broke the connection: %s", uv_strerror(error));
  }
  return error == 0;
}

lw_tunnel *lw_tunnel_start(lw_transport *io, const lw_proxy *proxy, const char *host, int port,
                           lw_tunnel_done done, void *owner, lw_failure *failure) {
  lw_tunnel *tunnel = calloc(1, sizeof *tunnel);
  if (tunnel == NULL) {
    lw__fail(failure, "NOMEM", "out of memory");
    close_io(io);
    return NULL;
  }
  tunnel->io = io;
  tunnel->proxy = proxy;
  tunnel->done = done;
  tunnel->owner = owner;
  lw_transport_adopt(io, &events, tunnel);
  if (start(tunnel, host, port, failure)) return tunnel;
  lw_tunnel_cancel(tunnel);
  return NULL;
}
