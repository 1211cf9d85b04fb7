// SPDX-License-Identifier: ISC
#include "users/row.h"
