// SPDX-License-Identifier: ISC
#include "events/store.h"
