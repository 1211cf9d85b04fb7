// SPDX-License-Identifier: ISC
#include "base/date.h"

#include <time.h>

#define YEAR_10000 253402300800U /* Unix seconds at its beginning */

void date_format(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX])
{
    const time_t at = (time_t)unix_seconds;
    struct tm parts;

    text_r[0] = '\0';
    if (unix_seconds < YEAR_10000 && gmtime_r(&at, &parts) != NULL)
        (void)strftime(text_r, DATE_TEXT_MAX, "%Y-%m-%dT%H:%M:%SZ", &parts);
}

void date_format_date(uint64_t unix_seconds, char text_r[DATE_TEXT_MAX])
{
    const time_t at = (time_t)unix_seconds;
    struct tm parts;

    text_r[0] = '\0';
    if (localtime_r(&at, &parts) != NULL)
        (void)strftime(text_r, DATE_TEXT_MAX, "%a, %d %b %Y %H:%M:%S %z", &parts);
}
