// SPDX-License-Identifier: ISC
#include "milter/filter.h"
