#include "head_writer.h"

lw_head_writer lw__head_begin(lw_buf *out) {
  const size_t usual_head = 512; /* bytes; a guess that saves growing step by step */
  return (lw_head_writer){out, out->size, !lw_buf_reserve(out, usual_head, SIZE_MAX)};
}

bool lw__head_end(lw_head_writer *w) {
  if (w->failed) w->out->size = w->before;
  return !w->failed;
}

void lw__head_put_more(lw_head_writer *w, lw_slice text) {
  if (!w->failed && !lw_buf_append_slice(w->out, text)) w->failed = true;
}

void lw__head_number(lw_head_writer *w, uint64_t number) {
  char digits[20];
  size_t at = sizeof digits;
  do digits[--at] = (char)('0' + number % 10);
  while ((number /= 10) > 0);
  lw__head_put(w, (lw_slice){digits + at, sizeof digits - at});
}

void lw__head_field(lw_head_writer *w, lw_slice name, lw_slice value) {
  lw__head_put(w, name);
  lw__head_text(w, ": ");
  lw__head_put(w, value);
  lw__head_text(w, "\r\n");
}
