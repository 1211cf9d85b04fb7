// SPDX-License-Identifier: ISC
#include "command/command.h"
