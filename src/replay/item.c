// SPDX-License-Identifier: ISC
#include "replay/item.h"
