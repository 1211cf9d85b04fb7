// SPDX-License-Identifier: ISC
#include "milter/supervisor.h"
