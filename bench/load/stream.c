#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load.h"

#define SILENCE_MS 10000

/* What it connects to is a server under test on this machine: nobody to be verified. */
static SSL_CTX *tls_context(void) {
  static SSL_CTX *context;
  if (context == NULL) context = SSL_CTX_new(TLS_client_method());
  if (context == NULL) load_fail("OpenSSL: no context");
  SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  return context;
}

static void open_tls(stream *s) {
  SSL *ssl = SSL_new(tls_context());
  if (ssl == NULL || SSL_set_fd(ssl, s->fd) != 1 || SSL_connect(ssl) != 1) {
    load_fail("the TLS handshake failed");
  }
  s->ssl = ssl;
}

static struct sockaddr_in address_of(const load_options *options) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)options->port)};
  if (inet_pton(AF_INET, options->host, &address.sin_addr) != 1) load_fail("not an address");
  return address;
}

int stream_free_port(const load_options *options) {
  struct sockaddr_in address = address_of(options);
  socklen_t size = sizeof address;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  address.sin_port = 0;
  if (fd < 0 || bind(fd, (struct sockaddr *)&address, size) != 0 ||
      getsockname(fd, (struct sockaddr *)&address, &size) != 0) {
    load_fail("no free port: %s", strerror(errno));
  }
  close(fd);
  return ntohs(address.sin_port);
}

void stream_open(stream *s, const load_options *options) {
  struct sockaddr_in address = address_of(options);
  int on = 1;
  s->ssl = NULL;
  s->fd = socket(AF_INET, SOCK_STREAM, 0);
  if (s->fd < 0) load_fail("socket: %s", strerror(errno));
  if (connect(s->fd, (struct sockaddr *)&address, sizeof address) != 0) {
    load_fail("connect: %s", strerror(errno));
  }
  setsockopt(s->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (options->tls) open_tls(s);
  fcntl(s->fd, F_SETFL, fcntl(s->fd, F_GETFL) | O_NONBLOCK);
}

void stream_close(stream *s) {
  if (s->ssl != NULL) SSL_free(s->ssl);
  close(s->fd);
}

static ssize_t tls_result(stream *s, int result) {
  if (result > 0) return result;
  int reason = SSL_get_error(s->ssl, result);
  return reason == SSL_ERROR_WANT_READ || reason == SSL_ERROR_WANT_WRITE ? STREAM_AGAIN
                                                                         : STREAM_ENDED;
}

static ssize_t plain_result(ssize_t result) {
  if (result > 0) return result;
  return result < 0 && (errno == EAGAIN || errno == EINTR) ? STREAM_AGAIN : STREAM_ENDED;
}

ssize_t stream_read(stream *s, void *data, size_t size) {
  if (s->ssl != NULL) return tls_result(s, SSL_read(s->ssl, data, (int)size));
  return plain_result(recv(s->fd, data, size, 0));
}

ssize_t stream_write(stream *s, const void *data, size_t size) {
  if (s->ssl != NULL) return tls_result(s, SSL_write(s->ssl, data, (int)size));
  return plain_result(send(s->fd, data, size, MSG_NOSIGNAL));
}

/* --- blocking --- */

void stream_write_all(stream *s, const void *data, size_t size) {
  if (stream_write(s, data, size) != (ssize_t)size) load_fail("the server takes no handshake");
}

size_t stream_read_some(stream *s, void *data, size_t size) {
  for (;;) {
    ssize_t result = stream_read(s, data, size);
    if (result > 0) return (size_t)result;
    if (result == STREAM_ENDED) return 0;
    struct pollfd wait = {.fd = s->fd, .events = POLLIN};
    if (poll(&wait, 1, SILENCE_MS) != 1) load_fail("the server fell silent");
  }
}

/* --- the opening handshake --- */

/* The example's key of section 1.3 will do: what it guards against are caches. */
void stream_ask(stream *s, const load_options *options, const char *path) {
  static const char extension[] = "Sec-WebSocket-Extensions: permessage-deflate; "
                                  "client_no_context_takeover; server_no_context_takeover\r\n";
  char text[1024];
  int length = snprintf(
      text, sizeof text,
      "GET %s HTTP/1.1\r\nHost: localhost:%d\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
      "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n%s\r\n",
      path, options->port, options->deflate ? extension : "");
  stream_write_all(s, text, (size_t)length);
}

/* Nothing can follow the head: the server has nothing to say before it is spoken to. */
void stream_read_answer(stream *s, const load_options *options) {
  char text[1024];
  size_t size = 0;
  do {
    size_t part = stream_read_some(s, text + size, sizeof text - 1 - size);
    if (part == 0) load_fail("the server ended the handshake");
    size += part;
    text[size] = '\0';
  } while (strstr(text, "\r\n\r\n") == NULL && size < sizeof text - 1);
  if (strncmp(text, "HTTP/1.1 101", 12) != 0 ||
      strstr(text, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=") == NULL) {
    load_fail("no upgrade: %.60s", text);
  }
  if (options->deflate && strstr(text, "permessage-deflate") == NULL) load_fail("no compression");
}
