// SPDX-License-Identifier: ISC
#include "discovery/organization.h"
