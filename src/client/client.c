// SPDX-License-Identifier: ISC
#include "client/client.h"
