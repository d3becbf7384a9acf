/* Checking the other end's half of the opening handshake. */
#include "handshake.h"

#include <string.h>

#include "base64.h"
#include "chars.h"
#include "extension.h"
#include "url.h"

bool lw_handshake_is_upgrade(const lw_http_head *request) {
  return lw_http_has_token(request, LW_SLICE("Upgrade"), LW_SLICE("websocket"));
}

/* The value of a field that must be there once. */
static bool find_single(const lw_http_head *head, lw_slice name, lw_slice *value) {
  size_t count;
  *value = lw_http_find(head, name, &count);
  return count == 1;
}

static lw_error check_no_body(const lw_http_head *request) {
  lw_http_framing framing;
  uint64_t length;
  lw_error error = lw_http_body(request, true, &framing, &length);
  if (error != LW_OK) return error;
  bool empty = framing == LW_HTTP_NO_BODY || (framing == LW_HTTP_LENGTH && length == 0);
  return empty ? LW_OK : LW_E_UPGRADE_BODY;
}

/* A position is the number of the field and the bytes of its value that were read. Values are
 * shorter than a head. */
enum { POSITION_BITS = 16 };
_Static_assert(LW_HTTP_HEAD_MAX < 1 << POSITION_BITS, "an offset fits into a position");

bool lw_handshake_next_protocol(const lw_http_head *request, size_t *position, lw_slice *protocol) {
  size_t offset = *position & (((size_t)1 << POSITION_BITS) - 1);
  for (size_t i = *position >> POSITION_BITS; i < request->field_count; i++, offset = 0) {
    const lw_http_field *field = &request->fields[i];
    if (!lw_slice_equal_nocase(field->name, LW_SLICE("Sec-WebSocket-Protocol"))) continue;
    if (offset >= field->value.size) continue;
    const char *end = field->value.data + field->value.size;
    lw_slice rest = lw__slice_between(field->value.data + offset, end);
    if (!lw_http_next_element(&rest, protocol)) continue;
    *position = i << POSITION_BITS | (field->value.size - rest.size);
    return true;
  }
  *position = request->field_count << POSITION_BITS;
  return false;
}

static bool contains(const lw_slice *list, size_t count, lw_slice wanted) {
  for (size_t i = 0; i < count; i++) {
    if (lw_slice_equal(list[i], wanted)) return true;
  }
  return false;
}

/* Section 4.1, number 10 of the request: tokens, all different, at least one. Their number is
 * limited because looking for doubles takes quadratic time. */
static lw_error check_protocols(const lw_http_head *request) {
  size_t lines, count = 0, position = 0;
  (void)lw_http_find(request, LW_SLICE("Sec-WebSocket-Protocol"), &lines);
  if (lines == 0) return LW_OK;
  lw_slice seen[LW_HANDSHAKE_PROTOCOLS_MAX], protocol;
  while (lw_handshake_next_protocol(request, &position, &protocol)) {
    if (!lw_http_is_token(protocol)) return LW_E_UPGRADE_PROTOCOL;
    if (count == LW_HANDSHAKE_PROTOCOLS_MAX) return LW_E_UPGRADE_PROTOCOL;
    if (contains(seen, count, protocol)) return LW_E_UPGRADE_PROTOCOL;
    seen[count++] = protocol;
  }
  return count > 0 ? LW_OK : LW_E_UPGRADE_PROTOCOL;
}

/* Section 9.1: several lines are one list, which must not be empty. */
static lw_error check_extensions(const lw_http_head *request) {
  size_t lines = 0, count = 0;
  for (size_t i = 0; i < request->field_count; i++) {
    const lw_http_field *field = &request->fields[i];
    if (!lw_slice_equal_nocase(field->name, LW_SLICE("Sec-WebSocket-Extensions"))) continue;
    lines++;
    if (!lw_extension_check(field->value, &count)) return LW_E_UPGRADE_EXTENSION;
  }
  return lines > 0 && count == 0 ? LW_E_UPGRADE_EXTENSION : LW_OK;
}

static bool is_key(lw_slice key) {
  return lw_base64_is_encoding_of(16, key.data, key.size);
}

lw_error lw_handshake_check_request(const lw_http_head *request, lw_slice *key) {
  lw_slice value;
  if (!lw_handshake_is_upgrade(request)) return LW_E_UPGRADE_REQUIRED;
  if (!lw_slice_equal(request->method, LW_SLICE("GET"))) return LW_E_UPGRADE_METHOD;
  if (request->minor < 1) return LW_E_UPGRADE_HTTP_VERSION;
  if (!lw_http_has_token(request, LW_SLICE("Connection"), LW_SLICE("upgrade")))
    return LW_E_UPGRADE_CONNECTION;
  if (!find_single(request, LW_SLICE("Sec-WebSocket-Version"), &value)) return LW_E_UPGRADE_VERSION;
  if (!lw_slice_equal(value, LW_SLICE("13"))) return LW_E_UPGRADE_VERSION;
  if (!find_single(request, LW_SLICE("Sec-WebSocket-Key"), key) || !is_key(*key))
    return LW_E_UPGRADE_KEY;
  lw_error error = check_no_body(request);
  if (error == LW_OK) error = check_protocols(request);
  if (error == LW_OK) error = check_extensions(request);
  return error;
}

/* "http://host[:port]" or the same with https (RFC 6454 section 7). */
static bool parse_origin(lw_slice origin, lw_authority *authority, uint16_t *default_port) {
  static const lw_slice http = {"http://", 7}, https = {"https://", 8};
  lw_slice scheme = http;
  *default_port = 80;
  if (origin.size > https.size && origin.data[4] != ':') {
    scheme = https;
    *default_port = 443;
  }
  if (origin.size <= scheme.size) return false;
  if (!lw_slice_equal_nocase((lw_slice){origin.data, scheme.size}, scheme)) return false;
  lw_slice rest = {origin.data + scheme.size, origin.size - scheme.size};
  return lw_url_parse_authority(authority, rest) == LW_OK;
}

bool lw_handshake_same_origin(const lw_http_head *request) {
  size_t count;
  lw_slice value = lw_http_find(request, LW_SLICE("Origin"), &count);
  if (count == 0) return true;
  lw_authority origin, host;
  uint16_t port;
  if (count > 1 || !parse_origin(value, &origin, &port)) return false;
  if (lw_url_parse_authority(&host, request->host) != LW_OK) return false;
  if (!lw_slice_equal_nocase(host.host, origin.host)) return false;
  unsigned origin_port = origin.port != 0 ? origin.port : port;
  unsigned host_port = host.port != 0 ? host.port : port;
  return origin_port == host_port;
}

/* A 101 answer of HTTP/1.0 cannot be: RFC 9110 section 15.2. Unlike in a request, Upgrade has to be
 * this one word and nothing else (section 4.1, number 2). */
static bool upgrades(const lw_http_head *response) {
  lw_slice upgrade;
  return response->minor >= 1 && find_single(response, LW_SLICE("Upgrade"), &upgrade) &&
         lw_slice_equal_nocase(upgrade, LW_SLICE("websocket")) &&
         lw_http_has_token(response, LW_SLICE("Connection"), LW_SLICE("upgrade"));
}

static lw_error check_accept(const lw_http_head *response, lw_slice key) {
  char expected[LW_HANDSHAKE_ACCEPT_SIZE];
  lw_slice accept;
  if (!lw_handshake_accept(expected, key)) return LW_E_NOMEM;
  if (!find_single(response, LW_SLICE("Sec-WebSocket-Accept"), &accept)) return LW_E_ACCEPT_KEY;
  bool same = lw_slice_equal(accept, (lw_slice){expected, sizeof expected});
  return same ? LW_OK : LW_E_ACCEPT_KEY;
}

/* Section 4.1, number 6: case-sensitive, and only what was offered. */
static lw_error check_protocol(const lw_http_head *response, lw_slice offered, lw_slice *protocol) {
  size_t count;
  lw_slice element, value = lw_http_find(response, LW_SLICE("Sec-WebSocket-Protocol"), &count);
  if (count == 0) return LW_OK;
  if (count > 1) return LW_E_ACCEPT_PROTOCOL;
  while (lw_http_next_element(&offered, &element)) {
    if (!lw_slice_equal(element, value)) continue;
    *protocol = value;
    return LW_OK;
  }
  return LW_E_ACCEPT_PROTOCOL;
}

static bool was_offered(lw_slice offered, lw_slice wanted) {
  lw_extension_reader reader;
  lw_slice name;
  lw_extension_read(&reader, offered);
  while (lw_extension_next(&reader, &name)) {
    if (lw_slice_equal(name, wanted)) return true;
  }
  return false;
}

static lw_error check_agreed_extensions(const lw_http_head *response, lw_slice offered,
                                        lw_slice *extensions) {
  size_t lines, count = 0;
  lw_slice name, value = lw_http_find(response, LW_SLICE("Sec-WebSocket-Extensions"), &lines);
  if (lines == 0) return LW_OK;
  if (lines > 1 || !lw_extension_check(value, &count) || count == 0) return LW_E_ACCEPT_EXTENSION;
  lw_extension_reader reader;
  lw_extension_read(&reader, value);
  while (lw_extension_next(&reader, &name)) {
    if (!was_offered(offered, name)) return LW_E_ACCEPT_EXTENSION;
  }
  *extensions = value;
  return LW_OK;
}

lw_error lw_handshake_check_answer(const lw_http_head *response, const lw_handshake_offer *offer,
                                   lw_slice *protocol, lw_slice *extensions) {
  *protocol = *extensions = (lw_slice){NULL, 0};
  if (response->status != 101) return LW_E_HTTP_STATUS;
  if (!upgrades(response)) return LW_E_ACCEPT_UPGRADE;
  lw_error error = check_accept(response, offer->key);
  if (error == LW_OK) error = check_protocol(response, offer->protocols, protocol);
  if (error == LW_OK) error = check_agreed_extensions(response, offer->extensions, extensions);
  return error;
}
