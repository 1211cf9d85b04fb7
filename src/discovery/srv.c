// SPDX-License-Identifier: ISC
#include "discovery/srv.h"
