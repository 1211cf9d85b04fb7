// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_CLOCK_H
#define VERIMAIL_BASE_CLOCK_H

#include <stdint.h>

uint64_t unix_now(void); /* seconds since 1970 */
uint64_t unix_ms(void);
uint64_t mono_ms(void); /* never goes back */
uint64_t mono_us(void); /* never goes back */

#endif
