// SPDX-License-Identifier: ISC
#include "replay/replay.h"
