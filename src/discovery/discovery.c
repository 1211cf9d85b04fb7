// SPDX-License-Identifier: ISC
#include "discovery/discovery.h"
