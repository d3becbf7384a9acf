/* Dates as HTTP writes them (RFC 9110 section 5.6.7): "Sun, 06 Nov 1994 08:49:37 GMT". The time is
 * the caller's: nothing here reads a clock or a time zone. */
#ifndef LW_PROTO_HTTP_DATE_H
#define LW_PROTO_HTTP_DATE_H

#include <stdint.h>

#define LW_HTTP_DATE_SIZE 29

/* Of seconds since 1970, before the year 10000. Not terminated. */
void lw_http_date(char text[LW_HTTP_DATE_SIZE], uint64_t seconds);

#endif
