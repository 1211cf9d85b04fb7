// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_CLOCK_H
#define VERIMAIL_BASE_CLOCK_H

#include <stdint.h>

uint64_t clock_unix(void);         /* seconds since 1970 */
uint64_t clock_unix_milliseconds(void);
uint64_t clock_milliseconds(void); /* never goes back */
uint64_t clock_microseconds(void); /* never goes back */

#endif
