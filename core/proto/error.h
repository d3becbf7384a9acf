/* Everything that can go wrong in the protocol, in one table.
 *
 * Each entry names a rule that a peer (or a script) can break, with the number that the rule
 * answers with and a text for people. The number is a WebSocket close code (1000 and above,
 * RFC 6455 section 7.4.1) for what happens after the upgrade, an HTTP status (below 1000) for what
 * happens before it, and 0 where nothing is told to the peer.
 *
 * To add an error, add a line to LW_ERRORS; nothing else lists them. */
#ifndef LW_PROTO_ERROR_H
#define LW_PROTO_ERROR_H

/* X(id, number, text): the enum member is LW_E_##id, and "id" is the code that scripts see. */
#define LW_ERRORS(X)                                                                               \
  X(NOMEM, 1011, "out of memory")                                                                  \
  /* frames, RFC 6455 section 5 */                                                                 \
  X(RESERVED_BIT, 1002, "a reserved bit is set that no agreed extension uses")                     \
  X(RESERVED_OPCODE, 1002, "the opcode is reserved")                                               \
  X(FRAGMENTED_CONTROL, 1002, "a control frame is fragmented")                                     \
  X(LONG_CONTROL, 1002, "a control frame is longer than 125 bytes")                                \
  X(UNEXPECTED_CONTINUATION, 1002, "a continuation frame came without a message to continue")      \
  X(EXPECTED_CONTINUATION, 1002, "a new message began before the last one was finished")           \
  X(UNMASKED, 1002, "a frame from the client is not masked")                                       \
  X(MASKED, 1002, "a frame from the server is masked")                                             \
  X(LENGTH_NOT_MINIMAL, 1002, "a payload length is not in its shortest form")                      \
  X(LENGTH_TOP_BIT, 1002, "the top bit of a 64-bit payload length is set")                         \
  X(CLOSE_PAYLOAD, 1002, "a close frame has a payload of one byte")                                \
  X(CLOSE_CODE, 1002, "a close frame has a code that must not be sent")                            \
  X(INVALID_UTF8, 1007, "a text message is not valid UTF-8")                                       \
  X(CLOSE_UTF8, 1007, "a close reason is not valid UTF-8")                                         \
  X(MESSAGE_TOO_BIG, 1009, "a message is longer than max_message")                                 \
  X(DEFLATE_DATA, 1007, "a compressed message is corrupt")                                         \
  /* HTTP heads, RFC 9112 */                                                                       \
  X(HTTP_SYNTAX, 400, "the HTTP head is malformed")                                                \
  X(HTTP_BARE_LF, 400, "a line of the HTTP head ends without CR")                                  \
  X(HTTP_BARE_CR, 400, "the HTTP head has a CR that no LF follows")                                \
  X(HTTP_CONTROL_CHAR, 400, "the HTTP head has a control character")                               \
  X(HTTP_METHOD, 400, "the HTTP method is malformed")                                              \
  X(HTTP_TARGET, 400, "the HTTP request target is malformed")                                      \
  X(HTTP_VERSION, 505, "the HTTP version is not 1.x")                                              \
  X(HTTP_STATUS_LINE, 400, "the HTTP status line is malformed")                                    \
  X(HTTP_FIELD_NAME, 400, "a header field name is malformed")                                      \
  X(HTTP_FIELD_SPACE, 400, "there is white space before the colon of a header field")              \
  X(HTTP_OBS_FOLD, 400, "a header field is folded over several lines")                             \
  X(HTTP_TOO_LARGE, 431, "the HTTP head is larger than 16 KiB")                                    \
  X(HTTP_TOO_MANY_FIELDS, 431, "the HTTP head has more than 100 header fields")                    \
  X(HTTP_HOST, 400, "the request does not have exactly one valid Host header")                     \
  X(HTTP_BODY_LENGTH, 400, "Content-Length or Transfer-Encoding is invalid or ambiguous")          \
  X(HTTP_TIMEOUT, 408, "the opening handshake was not finished in time")                           \
  X(HTTP_EXPECTATION, 417, "the request expects something other than 100-continue")                \
  X(HTTP_CHUNK, 400, "a chunk of the request's body is malformed")                                 \
  X(HTTP_CHUNK_EXTRA, 431, "the chunk extensions of the request's body are too large")             \
  X(HTTP_BODY_TOO_LARGE, 413, "the request's body is larger than max_body")                        \
  X(HTTP_BODY_TIMEOUT, 408, "the request's body came too slowly")                                  \
  X(HTTP_SLOW_READER, 0, "the client reads its answer too slowly")                                 \
  X(HTTP_GONE, 0, "the client has gone, or the server has stopped")                                \
  X(HTTP_NOT_HTTP, 400, "the peer does not speak HTTP")                                            \
  /* the PROXY protocol */                                                                         \
  X(PROXY_HEADER, 400, "this port asks for a PROXY protocol header before all else")               \
  X(PROXY_UNEXPECTED, 400, "this seems to be a PROXY header: proxy_protocol = true accepts it")    \
  /* the opening handshake, RFC 6455 section 4 */                                                  \
  X(UPGRADE_REQUIRED, 426, "this address speaks WebSocket; the request does not ask for it")       \
  X(UPGRADE_METHOD, 400, "a WebSocket upgrade must be a GET request")                              \
  X(UPGRADE_HTTP_VERSION, 400, "a WebSocket upgrade needs HTTP/1.1")                               \
  X(UPGRADE_CONNECTION, 400, "the Connection header does not list Upgrade")                        \
  X(UPGRADE_KEY, 400, "Sec-WebSocket-Key is missing, repeated or not 16 bytes in base64")          \
  X(UPGRADE_VERSION, 426, "Sec-WebSocket-Version is not 13")                                       \
  X(UPGRADE_BODY, 400, "a WebSocket upgrade request must not have a body")                         \
  X(UPGRADE_PROTOCOL, 400, "Sec-WebSocket-Protocol is malformed")                                  \
  X(UPGRADE_EXTENSION, 400, "Sec-WebSocket-Extensions is malformed")                               \
  X(ORIGIN, 403, "this origin is not allowed")                                                     \
  X(HTTP_STATUS, 0, "the server did not switch to WebSocket")                                      \
  X(ACCEPT_UPGRADE, 0, "the server's 101 answer does not upgrade to websocket")                    \
  X(ACCEPT_KEY, 0, "the server's Sec-WebSocket-Accept does not match the key")                     \
  X(ACCEPT_PROTOCOL, 0, "the server chose a subprotocol that was not offered")                     \
  X(ACCEPT_EXTENSION, 0, "the server chose an extension that was not offered")                     \
  X(HTTP_TOO_MANY_INTERIM, 0, "the server sent too many interim (1xx) answers")                    \
  /* URLs, RFC 3986 and RFC 6455 section 3 */                                                      \
  X(URL_SCHEME, 0, "the URL does not begin with ws:// or wss://")                                  \
  X(URL_HOST, 0, "the URL has no valid host")                                                      \
  X(URL_PORT, 0, "the URL has a port that is not 1 to 65535")                                      \
  X(URL_FRAGMENT, 0, "a WebSocket URL must not have a fragment (#)")                               \
  X(URL_CHARACTER, 0, "the URL has a character that must be percent-encoded")                      \
  X(URL_TOO_LONG, 0, "the URL is longer than 8 KiB")

typedef enum lw_error {
  LW_OK = 0,
#define LW_ERROR_MEMBER(id, number, text) LW_E_##id,
  LW_ERRORS(LW_ERROR_MEMBER)
#undef LW_ERROR_MEMBER
      LW_ERROR_COUNT
} lw_error;

/* The three answers of every parser here. */
typedef enum lw_result {
  LW_DONE = 0,   /* something whole was read; the out-parameters are set */
  LW_MORE = 1,   /* everything so far is legal and consumed; feed more bytes */
  LW_BROKEN = -1 /* a rule is broken; every later call answers the same */
} lw_result;

/* The code for scripts ("RESERVED_BIT"), the text for people, and the number for the peer (a close
 * code, an HTTP status, or 0). Static storage. */
const char *lw_error_name(lw_error error);
const char *lw_error_text(lw_error error);
int lw_error_number(lw_error error);

#endif
