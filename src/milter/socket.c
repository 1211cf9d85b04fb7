// SPDX-License-Identifier: ISC
#include "milter/socket.h"
