// SPDX-License-Identifier: ISC
#include "protocol/letter.h"
