// SPDX-License-Identifier: ISC
#include "protocol/results.h"
