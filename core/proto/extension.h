/* The grammar of Sec-WebSocket-Extensions (RFC 6455 section 9.1).
 *
 *     lw_extension_reader reader;
 *     lw_extension_read(&reader, value);
 *     while (lw_extension_next(&reader, &name)) {
 *       while (lw_extension_next_parameter(&reader, &parameter)) ...
 *     }
 *     if (reader.broken) ...
 *
 * It knows no extension: what a name and its parameters mean is said elsewhere (RFC 7692). */
#ifndef LW_PROTO_EXTENSION_H
#define LW_PROTO_EXTENSION_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

#define LW_EXTENSION_ESCAPED_MAX 64 /* characters of a value that is quoted with backslashes */

/* The fields but `broken` belong to extension.c. Must not be copied while a value is in use. */
typedef struct lw_extension_reader {
  const char *at;
  const char *end;
  bool in_extension; /* parameters may follow */
  bool broken;       /* the rest of the text is malformed; every later call answers false */
  char unescaped[LW_EXTENSION_ESCAPED_MAX];
} lw_extension_reader;

typedef struct lw_extension_parameter {
  lw_slice name;
  bool has_value;
  lw_slice value; /* unquoted: always a token. Points into the field value or, until the next call,
                     into the reader */
} lw_extension_parameter;

/* Begins at the value of one field; it must outlive the reader. */
void lw_extension_read(lw_extension_reader *reader, lw_slice value);

/* The next extension; what is left of the last one's parameters is checked and skipped. False at
 * the end, or when the text is malformed (reader->broken). Empty list elements are skipped, as RFC
 * 9110 section 5.6.1 asks of receivers. */
bool lw_extension_next(lw_extension_reader *reader, lw_slice *name);

/* The next parameter of this extension. False after its last one, or when the text is malformed. */
bool lw_extension_next_parameter(lw_extension_reader *reader, lw_extension_parameter *parameter);

/* Checks a whole field value and adds the number of its extensions to *count. */
bool lw_extension_check(lw_slice value, size_t *count);

#endif
