#include "socks.h"

#define VERSION 5
#define TEXT_MAX 255 /* a length has one byte */

enum { METHOD_NONE = 0, METHOD_LOGIN = 2, METHOD_REFUSED = 0xff };
enum { COMMAND_CONNECT = 1 };

/* Which reply is awaited. */
enum { AWAITS_METHOD, AWAITS_LOGIN, AWAITS_CONNECT, AWAITS_ADDRESS, IS_CONNECTED, IS_BROKEN };

static lw_result broken(lw_socks *s, const char *complaint) {
  s->state = IS_BROKEN;
  s->complaint = complaint;
  return LW_BROKEN;
}

/* --- saying --- */

static bool put_byte(lw_buf *out, unsigned byte) {
  return lw_buf_append(out, &(uint8_t){(uint8_t)byte}, 1);
}

/* A text with its length in front. */
static bool put_text(lw_buf *out, lw_slice text) {
  return put_byte(out, (unsigned)text.size) && lw_buf_append_slice(out, text);
}

/* Answers LW_MORE when what is to be said was put, whole. */
static lw_result said(lw_socks *s, bool was_put, unsigned awaits) {
  if (!was_put) return broken(s, "out of memory");
  s->state = (uint8_t)awaits;
  s->size = 0;
  return LW_MORE;
}

bool lw_socks_start(lw_socks *s, const lw_socks_request *request, lw_buf *out) {
  *s = (lw_socks){.request = *request};
  if (request->type == LW_SOCKS_NAME && request->address.size > TEXT_MAX) {
    broken(s, "a SOCKS proxy takes host names of at most 255 bytes");
  } else if (request->has_login &&
             (request->user.size > TEXT_MAX || request->password.size > TEXT_MAX)) {
    broken(s, "a SOCKS proxy takes user names and passwords of at most 255 bytes");
  } else {
    bool put = put_byte(out, VERSION) && put_byte(out, request->has_login ? 2 : 1) &&
               put_byte(out, METHOD_NONE) && (!request->has_login || put_byte(out, METHOD_LOGIN));
    said(s, put, AWAITS_METHOD);
  }
  return s->state != IS_BROKEN;
}

static lw_result say_login(lw_socks *s, lw_buf *out) {
  bool put =
      put_byte(out, 1) && put_text(out, s->request.user) && put_text(out, s->request.password);
  return said(s, put, AWAITS_LOGIN);
}

static lw_result say_connect(lw_socks *s, lw_buf *out) {
  const lw_socks_request *request = &s->request;
  bool is_name = request->type == LW_SOCKS_NAME;
  bool put =
      put_byte(out, VERSION) && put_byte(out, COMMAND_CONNECT) && put_byte(out, 0) &&
      put_byte(out, request->type) &&
      (is_name ? put_text(out, request->address) : lw_buf_append_slice(out, request->address)) &&
      put_byte(out, request->port >> 8) && put_byte(out, request->port & 0xff);
  return said(s, put, AWAITS_CONNECT);
}

/* --- replies --- */

/* RFC 1928 section 6. */
static const char *complaint_of(unsigned reply) {
  static const char *const texts[] = {
      [1] = "the SOCKS proxy failed",
      [2] = "the SOCKS proxy does not allow this connection",
      [3] = "the SOCKS proxy finds the server's network unreachable",
      [4] = "the SOCKS proxy finds the server unreachable",
      [5] = "the server refused the SOCKS proxy's connection",
      [6] = "the SOCKS proxy did not reach the server in time",
      [7] = "the SOCKS proxy does not know the command CONNECT",
      [8] = "the SOCKS proxy does not know this type of address",
  };
  if (reply < sizeof texts / sizeof *texts) return texts[reply];
  return "the SOCKS proxy refused for a reason that has no name";
}

static lw_result on_method(lw_socks *s, lw_buf *out) {
  bool has_login = s->request.has_login;
  unsigned method = s->reply[1];
  if (method == METHOD_NONE) return say_connect(s, out);
  if (method == METHOD_LOGIN && has_login) return say_login(s, out);
  if (method != METHOD_REFUSED) return broken(s, "the SOCKS proxy chose what was not offered");
  s->refused_login = true;
  return broken(s, has_login ? "the SOCKS proxy takes no user name and password"
                             : "the SOCKS proxy asks for a user name and a password");
}

/* The version in front is 1 by RFC 1929, and 5 with some; the status says all. */
static lw_result on_login(lw_socks *s, lw_buf *out) {
  if (s->reply[1] == 0) return say_connect(s, out);
  s->refused_login = true;
  return broken(s, "the SOCKS proxy refused the user name or the password");
}

/* The address from which the proxy connected is of no interest, but for its size. */
static lw_result on_connect(lw_socks *s) {
  enum { PORT_SIZE = 2 };
  unsigned size = s->reply[4]; /* of a name; of an address it is the first byte, already read */
  switch (s->reply[3]) {
  case LW_SOCKS_IPV4:
    size = 3;
    break;
  case LW_SOCKS_IPV6:
    size = 15;
    break;
  case LW_SOCKS_NAME:
    break;
  default:
    return broken(s, "the SOCKS proxy's reply has an unknown type of address");
  }
  s->left = (uint16_t)(size + PORT_SIZE);
  s->state = AWAITS_ADDRESS;
  return LW_MORE;
}

/* What is wrong can be seen before the reply is whole: refusals are often cut short. */
static lw_result on_reply_byte(lw_socks *s, lw_buf *out) {
  bool is_login = s->state == AWAITS_LOGIN;
  if (s->size == 1 && !is_login && s->reply[0] != VERSION) {
    return broken(s, "the proxy does not speak SOCKS 5");
  }
  if (s->state == AWAITS_CONNECT) {
    if (s->size == 2 && s->reply[1] != 0) return broken(s, complaint_of(s->reply[1]));
    return s->size == sizeof s->reply ? on_connect(s) : LW_MORE;
  }
  if (s->size < 2) return LW_MORE;
  return is_login ? on_login(s, out) : on_method(s, out);
}

static lw_result on_address_byte(lw_socks *s) {
  if (--s->left == 0) s->state = IS_CONNECTED;
  return LW_MORE;
}

lw_result lw_socks_input(lw_socks *s, size_t *used, const uint8_t *data, size_t size, lw_buf *out) {
  *used = 0;
  while (s->state < IS_CONNECTED && *used < size) {
    uint8_t byte = data[(*used)++];
    if (s->state == AWAITS_ADDRESS) {
      on_address_byte(s);
    } else {
      s->reply[s->size++] = byte;
      on_reply_byte(s, out);
    }
  }
  return s->state == IS_CONNECTED ? LW_DONE : s->state == IS_BROKEN ? LW_BROKEN : LW_MORE;
}
