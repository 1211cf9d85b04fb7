// SPDX-License-Identifier: ISC
#include "client/breaker.h"
