// SPDX-License-Identifier: ISC
#include "client/asking.h"
