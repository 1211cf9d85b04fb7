// SPDX-License-Identifier: ISC
#include "events/ring.h"
