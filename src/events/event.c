// SPDX-License-Identifier: ISC
#include "events/event.h"
