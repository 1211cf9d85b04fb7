// SPDX-License-Identifier: ISC
#include "users/table.h"
