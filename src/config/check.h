// SPDX-License-Identifier: ISC
#ifndef VERIMAIL_CONFIG_CHECK_H
#define VERIMAIL_CONFIG_CHECK_H

#include "config/config.h"
#include "config/problems.h"

/* What no value shows by itself: what is missing, given twice, or does not fit another section. */
void check_config(const struct config *config, struct problems *problems);

#endif
