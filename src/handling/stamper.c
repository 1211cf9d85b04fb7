// SPDX-License-Identifier: ISC
#include "handling/stamper.h"
