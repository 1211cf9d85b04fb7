// SPDX-License-Identifier: ISC
#include "replay/kind.h"
