#include "http_date.h"

#include <string.h>

#define DAY 86400u

/* Days since 1 March of the year 0, so that the leap day is the last of a year. */
#define DAYS_TO_1970 719468u
#define DAYS_OF_400_YEARS 146097u

typedef struct date {
  unsigned year, month, day; /* month 0 to 11, day from 1 */
} date;

/* Four centuries repeat; a century has 36524 days, four years 1461, and from March on the lengths
 * of the months follow (153 m + 2) / 5. */
static date date_of(uint64_t days) {
  days += DAYS_TO_1970;
  unsigned era = (unsigned)(days / DAYS_OF_400_YEARS), rest = (unsigned)(days % DAYS_OF_400_YEARS);
  unsigned year = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
  unsigned day = rest - (365 * year + year / 4 - year / 100);
  unsigned month = (5 * day + 2) / 153;
  date result = {era * 400 + year, (month + 2) % 12, day - (153 * month + 2) / 5 + 1};
  if (result.month < 2) result.year++;
  return result;
}

static void put_digits(char *to, unsigned count, unsigned number) {
  for (; count > 0; number /= 10) to[--count] = (char)('0' + number % 10);
}

void lw_http_date(char text[LW_HTTP_DATE_SIZE], uint64_t seconds) {
  static const char weekdays[] = "ThuFriSatSunMonTueWed"; /* the first day was a Thursday */
  static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
  uint64_t days = seconds / DAY;
  unsigned second = (unsigned)(seconds % DAY);
  date d = date_of(days);
  memcpy(text, "---, 00 --- 0000 00:00:00 GMT", LW_HTTP_DATE_SIZE);
  memcpy(text, weekdays + days % 7 * 3, 3);
  put_digits(text + 5, 2, d.day);
  memcpy(text + 8, months + d.month * 3, 3);
  put_digits(text + 12, 4, d.year);
  put_digits(text + 17, 2, second / 3600);
  put_digits(text + 20, 2, second / 60 % 60);
  put_digits(text + 23, 2, second % 60);
}
