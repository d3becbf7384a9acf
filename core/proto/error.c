#include "error.h"

typedef struct error_entry {
  const char *name;
  const char *text;
  int number;
} error_entry;

static const error_entry entries[LW_ERROR_COUNT] = {[LW_OK] = {"OK", "no error", 0},
#define ERROR_ENTRY(id, number, text) [LW_E_##id] = {#id, text, number},
                                                    LW_ERRORS(ERROR_ENTRY)
#undef ERROR_ENTRY
};

const char *lw_error_name(lw_error error) {
  return entries[error].name;
}

const char *lw_error_text(lw_error error) {
  return entries[error].text;
}

int lw_error_number(lw_error error) {
  return entries[error].number;
}
