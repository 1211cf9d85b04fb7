// SPDX-License-Identifier: ISC
#include "events/alarm.h"
