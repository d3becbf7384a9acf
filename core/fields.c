/* Header fields of scripts, on their way into a request or an answer. */
#include <stdlib.h>

#include "conn.h"

bool lw_field_name_valid(const char *text, size_t size) {
  return lw_http_is_token((lw_slice){text, size});
}

bool lw_field_value_valid(const char *text, size_t size) {
  return lw_http_is_value((lw_slice){text, size});
}

bool lw_field_reserved(const char *name, size_t size) {
  return lw_handshake_is_reserved((lw_slice){name, size});
}

bool lw__field_check(const lw_field *field, lw_failure *failure) {
  const char *problem = NULL;
  if (!lw_field_name_valid(field->name, field->name_size) ||
      !lw_field_value_valid(field->value, field->value_size)) {
    problem = "has a character that no header may have";
  } else if (lw_field_reserved(field->name, field->name_size)) {
    problem = "is written by lunawire";
  }
  if (problem == NULL) return true;
  int shown = field->name_size < 60 ? (int)field->name_size : 60;
  lw__fail(failure, "HEADER", "the header \"%.*s\" %s", shown, field->name, problem);
  return false;
}

lw_header *lw__headers_of(const lw_field *fields, size_t count, lw_failure *failure) {
  lw_header *headers = calloc(count + 1, sizeof *headers);
  if (headers == NULL) {
    lw__fail(failure, "NOMEM", "out of memory");
    return NULL;
  }
  for (size_t i = 0; i < count; i++) {
    if (!lw__field_check(&fields[i], failure)) {
      free(headers);
      return NULL;
    }
    headers[i].name = (lw_slice){fields[i].name, fields[i].name_size};
    headers[i].value = (lw_slice){fields[i].value, fields[i].value_size};
  }
  return headers;
}
