// SPDX-License-Identifier: ISC
#include "replay/sync.h"
