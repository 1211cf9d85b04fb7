// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_BASE_CLOCK_H
#define VERIMAIL_BASE_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

uint64_t unix_now(void); /* seconds since 1970 */
uint64_t unix_ms(void);
uint64_t mono_ms(void); /* never goes back */
uint64_t mono_us(void); /* never goes back */

/* A condition for clock_cond_wait(). */
void clock_cond_init(pthread_cond_t *cond);
/* Waits for the condition until `deadline` (mono_ms()); false: it has passed. */
bool clock_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock, uint64_t deadline);

#endif
