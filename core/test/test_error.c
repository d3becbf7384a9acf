#include "../proto/error.h"

#include <string.h>

#include "test.h"

TEST(every_error_has_name_text_and_number) {
  for (int i = LW_OK; i < LW_ERROR_COUNT; i++) {
    lw_error error = (lw_error)i;
    CHECK(strlen(lw_error_name(error)) > 0);
    CHECK(strlen(lw_error_text(error)) > 0);
    int number = lw_error_number(error);
    CHECK(number == 0 || (number >= 400 && number < 600) || (number >= 1000 && number < 1015));
  }
}

TEST(names_are_the_ids) {
  CHECK(strcmp(lw_error_name(LW_OK), "OK") == 0);
  CHECK(strcmp(lw_error_name(LW_E_RESERVED_BIT), "RESERVED_BIT") == 0);
  CHECK(strcmp(lw_error_name(LW_E_URL_TOO_LONG), "URL_TOO_LONG") == 0);
  CHECK_INT(lw_error_number(LW_E_INVALID_UTF8), 1007);
  CHECK_INT(lw_error_number(LW_E_MESSAGE_TOO_BIG), 1009);
}

int main(void) {
  RUN(every_error_has_name_text_and_number);
  RUN(names_are_the_ids);
  return test_end();
}
