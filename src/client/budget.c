// SPDX-License-Identifier: ISC
#include "client/budget.h"
