#include "proxy_protocol.h"

#include <string.h>

#include "chars.h"
#include "ip.h"

static const uint8_t line_start[] = "PROXY ";
static const uint8_t signature[] = "\r\n\r\n\0\r\nQUIT\n";
enum {
  LINE_START_SIZE = sizeof line_start - 1,
  SIGNATURE_SIZE = sizeof signature - 1,
  FIXED_SIZE = 16,      /* of version 2: signature, version and command, family, length */
  UNIX_PATH_SIZE = 108, /* padded with zeros */
  CRC32C_TYPE = 3
};

/* As far as there is data. */
static bool begins(const uint8_t *data, size_t size, const uint8_t *with, size_t with_size) {
  return memcmp(data, with, size < with_size ? size : with_size) == 0;
}

static uint16_t read_16(const uint8_t *at) {
  return (uint16_t)(at[0] << 8 | at[1]);
}

static void set_ip6(lw_proxy_header *header) {
  static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
  header->family = LW_PROXY_IP6;
  if (memcmp(header->address, mapped, sizeof mapped) != 0) return;
  header->family = LW_PROXY_IP4;
  memmove(header->address, header->address + sizeof mapped, 4);
}

/* --- version 1: a line of words --- */

/* Cuts off what is in front of the next space. False when there is none. */
static bool take_word(lw_slice *word, lw_slice *rest) {
  const char *end = rest->data + rest->size;
  const char *space = rest->size > 0 ? memchr(rest->data, ' ', rest->size) : NULL;
  if (space == NULL) return false;
  *word = lw__slice_between(rest->data, space);
  *rest = lw__slice_between(space + 1, end);
  return true;
}

/* 0 to 65535, without leading zeros. */
static bool parse_port(uint16_t *port, lw_slice text) {
  unsigned number = 0;
  if (text.size > 5 || !lw__slice_is_all(text, LW__DIGIT)) return false;
  if (text.data[0] == '0' && text.size > 1) return false;
  for (size_t i = 0; i < text.size; i++) number = number * 10 + (unsigned)(text.data[i] - '0');
  *port = (uint16_t)number;
  return number <= UINT16_MAX;
}

static bool parse_addresses(lw_proxy_header *header, lw_slice source, lw_slice destination,
                            bool is_ip6) {
  uint8_t ignored[16];
  if (!is_ip6) {
    header->family = LW_PROXY_IP4;
    return lw__ip4_parse(header->address, source) && lw__ip4_parse(ignored, destination);
  }
  if (!lw__ip6_parse(header->address, source)) return false;
  set_ip6(header);
  return lw__ip6_parse(ignored, destination);
}

/* "TCP4 source destination source-port destination-port"; behind UNKNOWN anything may stand. */
static bool parse_words(lw_proxy_header *header, lw_slice rest) {
  lw_slice family, source, destination, port;
  uint16_t ignored;
  if (!take_word(&family, &rest)) return lw_slice_equal(rest, LW_SLICE("UNKNOWN"));
  if (lw_slice_equal(family, LW_SLICE("UNKNOWN"))) return true;
  bool is_ip6 = lw_slice_equal(family, LW_SLICE("TCP6"));
  if (!is_ip6 && !lw_slice_equal(family, LW_SLICE("TCP4"))) return false;
  if (!take_word(&source, &rest) || !take_word(&destination, &rest)) return false;
  if (!parse_addresses(header, source, destination, is_ip6)) return false;
  return take_word(&port, &rest) && parse_port(&header->port, port) && parse_port(&ignored, rest);
}

static lw_result parse_line(lw_proxy_header *header, const uint8_t *data, size_t size) {
  if (!begins(data, size, line_start, LINE_START_SIZE)) return LW_BROKEN;
  const uint8_t *lf = memchr(data, '\n', size < LW_PROXY_LINE_MAX ? size : LW_PROXY_LINE_MAX);
  if (lf == NULL) return size < LW_PROXY_LINE_MAX ? LW_MORE : LW_BROKEN;
  if (lf[-1] != '\r') return LW_BROKEN;
  header->size = (size_t)(lf + 1 - data);
  const char *words = (const char *)data + LINE_START_SIZE;
  return parse_words(header, lw__slice_between(words, (const char *)lf - 1)) ? LW_DONE : LW_BROKEN;
}

/* --- version 2: binary --- */

/* CRC-32C (Castagnoli) of the header, in which the checksum itself counts as zeros. Bit by bit: it
 * is once a connection, and few proxies send it. */
static uint32_t checksum(const uint8_t *data, size_t size, size_t checksum_at) {
  uint32_t crc = UINT32_MAX;
  for (size_t i = 0; i < size; i++) {
    crc ^= i - checksum_at < 4 ? 0 : data[i];
    for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
  }
  return ~crc;
}

static bool checksum_matches(const uint8_t *data, size_t size, size_t at) {
  uint32_t told = (uint32_t)read_16(data + at) << 16 | read_16(data + at + 2);
  return checksum(data, size, at) == told;
}

/* Type, length and value after each other up to the end of the header. */
static bool check_extras(const uint8_t *data, size_t size, size_t at) {
  while (at < size) {
    if (size - at < 3) return false;
    uint8_t type = data[at];
    size_t length = read_16(data + at + 1);
    at += 3;
    if (length > size - at) return false;
    if (type == CRC32C_TYPE && (length != 4 || !checksum_matches(data, size, at))) return false;
    at += length;
  }
  return true;
}

/* The bytes of one address of a family, ports aside. */
static size_t address_size(uint8_t family) {
  switch (family >> 4) {
  case 1:
    return 4;
  case 2:
    return 16;
  case 3:
    return UNIX_PATH_SIZE;
  default:
    return 0;
  }
}

/* Source address, destination address and for IP both ports in the same order. */
static bool parse_block(lw_proxy_header *header, const uint8_t *data) {
  uint8_t family = data[13];
  const uint8_t *block = data + FIXED_SIZE;
  size_t each = address_size(family), size = 2 * each + (family >> 4 == 3 ? 0 : 4);
  bool is_stream = (family & 15) == 1, is_datagram = (family & 15) == 2;
  if (family == 0) return true; /* unspecified */
  if (each == 0 || !(is_stream || is_datagram) || header->size - FIXED_SIZE < size) return false;
  if (each == UNIX_PATH_SIZE) {
    const uint8_t *zero = memchr(block, 0, UNIX_PATH_SIZE);
    header->family = LW_PROXY_UNIX;
    header->path = (lw_slice){(const char *)block, zero ? (size_t)(zero - block) : UNIX_PATH_SIZE};
  } else {
    header->family = LW_PROXY_IP4;
    memcpy(header->address, block, each);
    header->port = read_16(block + 2 * each);
    if (each == 16) set_ip6(header);
  }
  return check_extras(data, header->size, FIXED_SIZE + size);
}

static lw_result parse_binary(lw_proxy_header *header, const uint8_t *data, size_t size) {
  if (!begins(data, size, signature, SIGNATURE_SIZE)) return LW_BROKEN;
  if (size < FIXED_SIZE) return LW_MORE;
  header->size = FIXED_SIZE + (size_t)read_16(data + 14);
  bool is_local = data[12] == 0x20, is_proxied = data[12] == 0x21;
  if (header->size > LW_PROXY_HEADER_MAX || !(is_local || is_proxied)) return LW_BROKEN;
  if (size < header->size) return LW_MORE;
  return is_local || parse_block(header, data) ? LW_DONE : LW_BROKEN;
}

/* --- both --- */

lw_result lw_proxy_parse(lw_proxy_header *header, const uint8_t *data, size_t size) {
  *header = (lw_proxy_header){.family = LW_PROXY_NONE};
  if (size == 0) return LW_MORE;
  return data[0] == signature[0] ? parse_binary(header, data, size)
                                 : parse_line(header, data, size);
}

bool lw_proxy_resembles(const uint8_t *data, size_t size) {
  if (size >= LINE_START_SIZE && begins(data, size, line_start, LINE_START_SIZE)) return true;
  return size >= 3 && begins(data, size, signature, SIGNATURE_SIZE); /* HTTP breaks at the third */
}
