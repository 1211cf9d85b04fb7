// SPDX-License-Identifier: ISC
#include "client/cache.h"
