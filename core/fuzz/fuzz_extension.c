/* Text as a value of Sec-WebSocket-Extensions. */
#include "../proto/extension.h"
#include "../proto/http.h"
#include "fuzz.h"

static void append(lw_buf *out, lw_slice slice) {
  MUST(lw_buf_append_slice(out, slice));
}

/* Walks the text, checks each part, and writes the list in its plainest form. */
static bool walk(lw_buf *out, size_t *count, lw_slice text) {
  lw_extension_reader reader;
  lw_extension_parameter parameter;
  lw_slice name;
  lw_extension_read(&reader, text);
  const lw_slice unescaped = {reader.unescaped, sizeof reader.unescaped};
  for (*count = 0; lw_extension_next(&reader, &name); ++*count) {
    MUST(lw_http_is_token(name) && fuzz_inside(name, text));
    if (*count > 0) append(out, LW_SLICE(","));
    append(out, name);
    while (lw_extension_next_parameter(&reader, &parameter)) {
      MUST(lw_http_is_token(parameter.name) && fuzz_inside(parameter.name, text));
      append(out, LW_SLICE(";"));
      append(out, parameter.name);
      if (!parameter.has_value) continue;
      MUST(lw_http_is_token(parameter.value));
      MUST(fuzz_inside(parameter.value, text) || fuzz_inside(parameter.value, unescaped));
      append(out, LW_SLICE("="));
      append(out, parameter.value);
    }
  }
  return !reader.broken;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size) {
  lw_slice text = {(const char *)data, size};
  lw_buf plain = {0}, again = {0};
  size_t walked, checked = 0, rewalked;
  if (size == 0) return 0;
  bool valid = walk(&plain, &walked, text);
  MUST(lw_extension_check(text, &checked) == valid);
  if (valid) {
    MUST(checked == walked);
    MUST(walk(&again, &rewalked, fuzz_slice(&plain)) && rewalked == walked);
    MUST(lw_slice_equal(fuzz_slice(&plain), fuzz_slice(&again)));
  }
  lw_buf_free(&plain);
  lw_buf_free(&again);
  return 0;
}
