// SPDX-License-Identifier: ISC
#include "handling/verifier.h"
