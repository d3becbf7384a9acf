#include "test.h"

#include <string.h>

#include "../proto/http_date.h"

static const struct {
  uint64_t seconds;
  const char *text;
} cases[] = {
    {0, "Thu, 01 Jan 1970 00:00:00 GMT"},          {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"},
    {951782399, "Mon, 28 Feb 2000 23:59:59 GMT"},  {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"},
    {951868800, "Wed, 01 Mar 2000 00:00:00 GMT"},  {978307199, "Sun, 31 Dec 2000 23:59:59 GMT"},
    {1709164800, "Thu, 29 Feb 2024 00:00:00 GMT"}, {2147483648, "Tue, 19 Jan 2038 03:14:08 GMT"},
    {4107542400, "Mon, 01 Mar 2100 00:00:00 GMT"}, {253402300799, "Fri, 31 Dec 9999 23:59:59 GMT"},
};

TEST(writes_dates) {
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    char *text = (char *)test_guarded(LW_HTTP_DATE_SIZE);
    lw_http_date(text, cases[i].seconds);
    if (memcmp(text, cases[i].text, LW_HTTP_DATE_SIZE) != 0) {
      test_failed(cases[i].text, (int)i, "is not what was written");
    }
  }
}

/* Each day is the day after the one before it. */
TEST(counts_days_without_a_gap) {
  static const unsigned lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  unsigned year = 1970, month = 0, day = 1;
  for (uint64_t n = 0; year < 2410; n++) {
    char text[LW_HTTP_DATE_SIZE];
    lw_http_date(text, n * 86400 + 43200);
    unsigned written = (unsigned)(text[5] - '0') * 10 + (unsigned)(text[6] - '0');
    unsigned written_year = (unsigned)(text[14] - '0') * 10 + (unsigned)(text[15] - '0');
    CHECK_INT(written, day);
    CHECK_INT(written_year, year % 100);
    bool leaps = month == 1 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (++day <= lengths[month] + leaps) continue;
    day = 1;
    month = (month + 1) % 12;
    if (month == 0) year++;
  }
}

int main(void) {
  RUN(writes_dates);
  RUN(counts_days_without_a_gap);
  return test_end();
}
