// SPDX-License-Identifier: ISC
#include "milter/snapshot.h"
