/* The request of a client: its handshake, and the fields that the script adds. */
#include <stdlib.h>
#include <string.h>

#include "client.h"

/* Appends to client->texts, which must not move: it is reserved in one piece. */
static lw_slice keep_text(lw_client *client, const char *text, size_t size) {
  lw_slice kept = {(const char *)client->texts.data + client->texts.size, size};
  lw_buf_append(&client->texts, text, size);
  return kept;
}

/* A subprotocol that is agreed on is remembered with its size in one byte (conn.h). */
static bool check_protocols(const char *const *protocols, size_t *size, lw_failure *failure) {
  *size = 0;
  for (; protocols != NULL && *protocols != NULL; protocols++) {
    size_t length = strlen(*protocols);
    *size += length + 2;
    if (length <= UINT8_MAX) continue;
    lw__fail(failure, "PROTOCOL", "a subprotocol has a name of more than 255 bytes");
    return false;
  }
  return true;
}

static lw_slice join_protocols(lw_client *client, const char *const *protocols) {
  lw_slice joined = keep_text(client, "", 0);
  for (const char *const *next = protocols; next != NULL && *next != NULL; next++) {
    if (next != protocols) joined.size += keep_text(client, ", ", 2).size;
    joined.size += keep_text(client, *next, strlen(*next)).size;
  }
  return joined;
}

static lw_slice offer_extensions(lw_client *client, const lw_settings *settings) {
  if (!settings->has_deflate) return (lw_slice){NULL, 0};
  size_t size = lw_deflate_write_offer(client->extensions, &settings->deflate);
  return (lw_slice){client->extensions, size};
}

static bool write_request(lw_client *client, const lw_connect_options *options,
                          lw_failure *failure) {
  lw_handshake_offer *offer = &client->offer;
  lw_header *headers = lw__headers_of(options->fields, options->field_count, failure);
  if (headers == NULL) return false;
  offer->headers = headers;
  offer->header_count = options->field_count;
  bool written = lw_handshake_write_request(&client->request, offer);
  if (!written) lw__fail(failure, "NOMEM", "out of memory");
  free(headers);
  /* What is kept points to nothing of the caller's. */
  offer->headers = NULL;
  offer->header_count = 0;
  offer->host = offer->target = (lw_slice){NULL, 0};
  return written;
}

bool lw__client_prepare(lw_conn *conn, const lw_connect_options *options, lw_failure *failure) {
  lw_client *client = conn->client;
  uint8_t random[16];
  size_t size;
  if (!check_protocols(options->protocols, &size, failure)) return false;
  if (!lw_loop_random(conn->loop, random, sizeof random)) {
    lw__fail(failure, "RANDOM", "the system has no randomness to give");
    return false;
  }
  if (!lw_buf_reserve(&client->texts, size + 1, SIZE_MAX)) {
    lw__fail(failure, "NOMEM", "out of memory");
    return false;
  }
  lw_handshake_key(client->key, random);
  client->offer = (lw_handshake_offer){
      .host = lw_slice_of(options->authority),
      .target = lw_slice_of(options->target),
      .key = {client->key, sizeof client->key},
      .protocols = join_protocols(client, options->protocols),
      .extensions = offer_extensions(client, conn->settings),
  };
  return write_request(client, options, failure);
}
