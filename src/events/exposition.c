// SPDX-License-Identifier: ISC
#include "events/counters.h"
