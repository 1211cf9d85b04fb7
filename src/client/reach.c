// SPDX-License-Identifier: ISC
#include "client/reach.h"
