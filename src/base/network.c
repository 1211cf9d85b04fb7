// SPDX-License-Identifier: ISC
#include "base/network.h"
