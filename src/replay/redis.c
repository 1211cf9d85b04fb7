// SPDX-License-Identifier: ISC
#include "replay/kind.h"
static const char *const schemes[] = {"redis", NULL};
const struct replay_kind replay_redis = {.name = "redis", .schemes = schemes, .network = true};
